"""What a folder on the command line stands for: an environment, a project, or neither."""

from pathlib import Path
from typing import Literal

from envctl.adapters.venv.place import LINK, stamp
from envctl.domain.environment import Stamp

Place = Literal["environment", "project", "folder"]


def place(path: Path) -> Place | None:
    """Say what lies there; ``None``: a plain file, or nothing."""
    try:
        if path.is_dir():
            if any(path.glob("lib*/python3.*/site-packages")):
                return "environment"
            marks = ("pyproject.toml", "pylock.toml")
            found = any((path / mark).is_file() for mark in marks) or any(
                path.glob("pylock.*.toml")
            )
            return "project" if found else "folder"
        runs = path.is_file() and path.name.startswith("python") and path.parent.name == "bin"
        return "environment" if runs or (path.is_file() and path.name == LINK) else None
    except OSError:  # not to be looked into: whoever opens it says why
        return None


def stamp_at(path: Path) -> Stamp | None:
    """Return what envctl made an environment from; ``None``: another tool made it."""
    folder = path.parent.parent if path.is_file() else path
    return stamp(folder)
