"""The folder from which a subshell reads its first lines: it removes them, or the next subshell does."""

import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "envctl-shell-"
_DAY = 24 * 60 * 60


@contextmanager
def shell_folder() -> Iterator[Path]:
    """Lend an empty folder that only this user may enter.

    Who becomes the subshell within leaves it to that; it is removed where anything is raised instead.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        sweep(folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(beside: Path) -> None:
    """Remove what subshells that were killed at their start have left beside a folder of ours for more than a day."""
    owner, now = beside.lstat().st_uid, time.time()
    with suppress(OSError):
        for other in beside.parent.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                seen = other.lstat()
                ours = stat.S_ISDIR(seen.st_mode) and seen.st_uid == owner
                if ours and now - seen.st_mtime > _DAY:
                    shutil.rmtree(other, ignore_errors=True)
