"""The project itself in its environment: installed editable, as a step of its own, and not by the lock."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from envctl.domain import reading
from envctl.domain.build.locked import LockedBuild

TEXTS = ("setup.py", "setup.cfg")
"""Files beside ``pyproject.toml`` that a build backend may read the project's metadata from."""

# Tables under [tool] that no build backend reads: a changed line length installs nothing anew.
_ASIDE = frozenset(
    (
        *("black", "commitizen", "coverage", "envctl", "isort", "mypy", "nox", "pylint", "pyright"),
        *("pytest", "ruff", "towncrier", "tox", "ty"),
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    """The project as it is to be installed. ``digest``: of everything that its metadata may come from."""

    digest: str
    build: LockedBuild


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnInstalled:
    """The project as it was installed."""

    digest: str
    name: str
    version: str

    def to_json(self) -> dict[str, str]:
        """Return JSON's types."""
        return {"digest": self.digest, "name": self.name, "version": self.version}


def own_digest(data: reading.Table, texts: Mapping[str, str | None], build: LockedBuild) -> str:
    """Return a digest of what an editable installation depends on, its source files apart (those are linked to).

    ``data`` is the parsed ``pyproject.toml``, ``texts`` the files of ``TEXTS``. A version that a backend reads from
    elsewhere (a git tag, ``__init__.py``) is not in it.
    """
    tools = {
        name: table for name, table in reading.table(data, "tool", "").items() if name not in _ASIDE
    }
    seen = {
        "build-system": data.get("build-system"),
        "project": data.get("project"),
        "tool": tools,
        "texts": dict(texts),
        "build": build.to_table(),
    }
    text = json.dumps(seen, sort_keys=True, default=str, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
