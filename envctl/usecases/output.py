"""``--output``: which files of the project a command may write for its user, and what came of it."""

import re
from collections.abc import Collection
from typing import Literal

from envctl.errors import ProjectError, UsageError
from envctl.ports import Project

Delivery = Literal["wrote", "replaced", "same"]

_FOLDERS = frozenset({".envctl", ".venv", ".git"})
_LOCK = re.compile(r"pylock(\.[^.]+)?\.toml")  # PEP 751, "File Name"
_FILES = re.compile(
    r"pyproject\.toml|dockerfile.*|\.dockerignore|\.gitignore|\.pre-commit-config\.yaml"
    r"|(uv|poetry|pdm|pipfile)\.lock"
)


def check(name: str, *, example: str, own: Collection[str] = ()) -> None:
    """Raise ``UsageError`` for a file that the project, envctl or another tool works with, in whatever folder.

    ``example``: a name that such a file usually has; where it is a lock's, ``pylock.NAME.toml`` may be written,
    unless it is one of the project's ``own`` locks.
    """
    # Some file systems take `PyProject.toml` for the same file.
    *folders, file = name.casefold().split("/")
    locks = _LOCK.fullmatch(file) and (file == "pylock.toml" or not _LOCK.fullmatch(example))
    if name in own or _FOLDERS & {*folders, file} or _FILES.fullmatch(file) or locks:
        raise UsageError(
            "that file belongs to the project or to a tool: `--output` does not replace it",
            where=f"--output {name}",
            hint=f"choose another name, for example `{example}`",
        )


def write(project: Project, name: str, text: str) -> Delivery:
    """Write a file of the project; ``replaced``: another text stood there. Raises ``ProjectError``."""
    try:
        empty = project.read(name) is None
    except ProjectError:  # no text at all
        empty = False
    if not project.write({name: text}):
        return "same"
    return "wrote" if empty else "replaced"
