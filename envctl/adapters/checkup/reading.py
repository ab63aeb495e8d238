"""Files that a user has anywhere: some may not be looked at, some have no end."""

import os
from pathlib import Path

_MOST = 1 << 20  # bytes: whatever is longer is no configuration


def is_file(path: Path | str) -> bool:
    """Whether that is a plain file; what may not be looked at is none for us."""
    return os.path.isfile(path)  # noqa: PTH113  # Path's raises where a folder may not be entered


def exists(path: Path | str) -> bool:
    """Whether there is anything that may be looked at."""
    return os.path.exists(path)  # noqa: PTH110  # as above


def real(path: str) -> str:
    """Return a path without links, as far as they may be followed."""
    try:
        return os.path.realpath(path)
    except OSError:  # a link of /proc that is another user's
        return path


def text(path: Path) -> str:
    """Return the beginning of a file; raises ``OSError``, ``UnicodeDecodeError``."""
    with path.open("rb") as file:
        return file.read(_MOST).decode("utf-8-sig")
