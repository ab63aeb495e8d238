"""Locks that an open file carries: whoever inherits it holds them, and the kernel ends them with the last of those.

Open file description locks (fcntl_locking(2), Linux 3.15): as flock(2), but of a part of a file, and one can ask who
has a part without taking it; a look therefore disturbs nobody.
"""

import errno
import fcntl
import struct
from collections.abc import Iterator
from contextlib import suppress

# asm-generic/fcntl.h; a Python that was built with an old C library does not have the names.
_GET = getattr(fcntl, "F_OFD_GETLK", 36)
_SET = getattr(fcntl, "F_OFD_SETLK", 37)
_SET_AND_WAIT = getattr(fcntl, "F_OFD_SETLKW", 38)
_FLOCK = "hhqqi4x"  # l_type, l_whence, l_start, l_len, l_pid

Span = tuple[int, int]
"""First byte and length; a length of 0 reaches to the end of the file, wherever that comes to be."""

WHOLE: Span = (0, 0)
_MOST = 10_000  # parts that one look finds


def take(file: int, span: Span = WHOLE) -> bool:
    """Lock a part for this open file alone; ``False``: another has it."""
    return _locked(file, _SET, fcntl.F_WRLCK, span)


def wait_for(file: int, span: Span) -> None:
    """Wait until nobody has the part; the kernel wakes us."""
    _locked(file, _SET_AND_WAIT, fcntl.F_RDLCK, span)
    give_back(file, span)


def give_back(file: int, span: Span = WHOLE) -> None:
    """Unlock a part."""
    _locked(file, _SET, fcntl.F_UNLCK, span)


def taken(file: int, span: Span = WHOLE) -> bool:
    """Whether another open file has the part; who only waits for it does not count."""
    return _conflict(file, fcntl.F_RDLCK, span) is not None


def parts(file: int, span: Span) -> tuple[int, ...]:
    """Return the first byte of each part within ``span`` that another open file has, in order."""
    return tuple(sorted(_parts(file, span)))


def _parts(file: int, span: Span) -> Iterator[int]:
    looked, left = 0, [(span[0], span[0] + span[1])]
    while left and looked < _MOST:
        start, end = left.pop()
        looked += 1
        if start >= end or (found := _conflict(file, fcntl.F_RDLCK, (start, end - start))) is None:
            continue
        at = max(found[0], start)
        yield at
        left.append((start, at))
        if found[1]:
            left.append((found[0] + found[1], end))


def note(folder: int, at: int) -> None:
    """Share a byte of an open folder, which is not there to be read: whoever removes its files removes no such lock."""
    with suppress(OSError):  # a file system that locks no folders: the files' own locks are there
        _locked(folder, _SET, fcntl.F_RDLCK, (at, 1))


def noted(folder: int, at: int) -> bool:
    """Whether another open folder has the byte."""
    with suppress(OSError):
        return _conflict(folder, fcntl.F_WRLCK, (at, 1)) is not None
    return False


def keep_from_sweepers(folder: int) -> None:
    """Keep systemd-tmpfiles from removing old files in an open folder: it passes by one that is locked."""
    with suppress(OSError):  # it is at work there now, or the file system has no such locks
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)


def hand_on(file: int, lowest: int) -> int:
    """Return a descriptor of the same open file that the next program inherits, out of the way where there is room."""
    while True:
        try:
            return fcntl.fcntl(file, fcntl.F_DUPFD, lowest)
        except OSError as error:
            if error.errno != errno.EINVAL or not lowest:
                raise
            lowest //= 2  # no number is so high here (`ulimit -n`)


def _conflict(file: int, kind: int, span: Span) -> Span | None:
    """Return a part that keeps another open file from such a lock on ``span``."""
    told = struct.unpack(_FLOCK, fcntl.fcntl(file, _GET, _packed(kind, span)))
    return None if told[0] == fcntl.F_UNLCK else (told[2], told[3])


def _locked(file: int, command: int, kind: int, span: Span) -> bool:
    try:
        fcntl.fcntl(file, command, _packed(kind, span))
    except BlockingIOError:
        return False
    return True


def _packed(kind: int, span: Span) -> bytes:
    return struct.pack(_FLOCK, kind, 0, *span, 0)
