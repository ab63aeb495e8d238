"""Texts that are compared to the letter; ENVCTL_UPDATE_GOLDEN=1 writes them anew."""

import json
import os
from pathlib import Path

from envctl.domain.environment.activation import Session

_FOLDER = Path(__file__).parents[2] / "golden"
_UPDATE = bool(os.environ.get("ENVCTL_UPDATE_GOLDEN"))


def expected(name: str, text: str) -> str:
    """Return the golden file of that name, which holds ``text`` from now on when it is to be updated."""
    if _UPDATE:
        (_FOLDER / name).write_text(text, encoding="utf-8")
    return (_FOLDER / name).read_text(encoding="utf-8")


def shown(session: Session) -> str:
    """Return all of a session as text."""
    parts = {"files": session.files, "argv": session.argv, "env": session.env}
    return json.dumps(parts, indent=1, ensure_ascii=False) + "\n"
