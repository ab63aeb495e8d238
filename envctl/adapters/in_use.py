"""Who still uses an environment: a process that `envctl run` started, or one that names it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from envctl.domain.environment import STAMP

# A project has more than one path: through a link to a home folder, in a container.
_MARKER = b"/.envctl/envs/"


def leased(path: Path) -> bool:
    """Whether a process started by ``envctl run`` still holds the environment (a shared lock on its stamp)."""
    try:
        with (path / STAMP).open("rb") as stamp:
            fcntl.flock(stamp, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def mentioned() -> set[str]:
    """Return the environments (by folder name) that a process we may look at has in its command, variables or files.

    Of whichever project: one too many only stays for longer.
    """
    names: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        for file in ("cmdline", "environ", "maps"):
            with suppress(OSError):
                names.update(_after((process / file).read_bytes()))
    return names


def _after(content: bytes) -> Iterator[str]:
    for piece in content.split(_MARKER)[1:]:
        yield os.fsdecode(piece.split(b"/")[0].split(b"\0")[0].split(b":")[0].split(b"\n")[0])
