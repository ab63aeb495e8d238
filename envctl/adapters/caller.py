"""Who started us, and what of a terminal there is to pass on to a program that takes our part."""

import os

from envctl.domain.image.starting import Caller

_SHARED = "/dev/shm"  # noqa: S108  # its size is looked at, nothing is written


def caller() -> Caller:
    """Return it. A terminal counts while we are in its foreground: from the background it could only stop us."""
    terminal = os.isatty(0) and os.isatty(1)
    foreground = not os.isatty(0) or os.tcgetpgrp(0) == os.getpgrp()
    return Caller(
        uid=os.getuid(),
        gid=os.getgid(),
        stdin=foreground and _open(),
        terminal=terminal and foreground,
        shared_memory=_shared_memory(),
    )


def _open() -> bool:
    try:
        os.fstat(0)
    except OSError:
        return False
    return True


def _shared_memory() -> int | None:
    """Return the size of ``/dev/shm`` here: an engine gives 64 MiB, with which data loaders of torch die."""
    try:
        found = os.statvfs(_SHARED)
    except OSError:
        return None
    return found.f_blocks * found.f_frsize or None
