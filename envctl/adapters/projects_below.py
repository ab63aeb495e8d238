"""Which projects lie below a folder that is none: for the message that says so."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MOST = 3
_DEPTH = 2
_LOOKED = 400  # folders, so that a message never waits for a large disk


def below(start: Path) -> tuple[str, ...]:
    """Return up to three projects of envctl's below a folder, as seen from the working directory."""
    found = [each for each in _folders(start) if _is_ours(each)][:_MOST]
    try:
        return tuple(os.path.relpath(each) for each in found)
    except OSError:  # the working directory is gone
        return tuple(map(str, found))


def _folders(start: Path) -> Iterator[Path]:
    """Yield folders, the nearest first."""
    level, left = [start], _LOOKED
    for _ in range(_DEPTH):
        inner: list[Path] = []
        for folder in level:
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        break
                    if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                        inner.append(Path(entry.path))
        level = sorted(inner)
        yield from level


def _is_ours(folder: Path) -> bool:
    try:
        if not (folder / "pyproject.toml").is_file():
            return False
        text = (folder / "pyproject.toml").read_text("utf-8", errors="replace")
        return "[tool.envctl" in text or (folder / ".envctl").is_dir()
    except OSError:
        return False
