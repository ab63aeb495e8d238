"""Two names change places: in one system call where there is one, else in three renames with a journal.

Linux has ``renameat2`` with ``RENAME_EXCHANGE`` (renameat2(2)), macOS ``renamex_np`` with ``RENAME_SWAP``
(rename(2)); some file systems, NFS and CIFS among them, refuse both. Then a journal is written first, and whatever
envctl comes next completes what a killed one began.
"""

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envctl.adapters.staging import replace_all

JOURNAL = ".swap"
ASIDE = ".swapping"
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux and RENAME_SWAP of macOS alike
_HERE = -100  # AT_FDCWD
# EPERM: what containers answer to a system call that they do not let through.
_UNABLE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM})


def exchange(name: Path, other: Path) -> None:
    """Let ``name`` and ``other`` change places, whatever they are; raises ``OSError``.

    ``other`` lies in the folder that keeps the journal. Both must be there.
    """
    try:
        _at_once(name, other)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
        _with_journal(name, other)


def recover(name: Path, home: Path) -> None:
    """Complete an exchange with ``name`` that was killed; ``home`` keeps the journal.

    What cannot be written to is left as it is.
    """
    if not os.path.lexists(home / JOURNAL):
        return
    with suppress(OSError), _alone(home):
        with suppress(FileNotFoundError):  # whoever was at it has just ended
            other = (home / JOURNAL).read_text(encoding="utf-8", errors="surrogateescape").strip()
            if other and other == Path(other).name and other != "..":
                _complete(name, home / other, home / ASIDE)
            if not os.path.lexists(home / ASIDE):
                (home / JOURNAL).unlink()


def _at_once(name: Path, other: Path) -> None:
    import ctypes  # noqa: PLC0415  # 5 ms, for what is seldom needed

    library = ctypes.CDLL(None, use_errno=True)
    ends = os.fsencode(name), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            code = library.renamex_np(*ends, _EXCHANGE)
        else:
            code = library.renameat2(_HERE, ends[0], _HERE, ends[1], _EXCHANGE)
    except AttributeError:  # an older C library
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if code:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(name))


def _with_journal(name: Path, other: Path) -> None:
    home = other.parent
    with _alone(home):
        with suppress(OSError):
            if (home / JOURNAL).is_symlink():
                (home / JOURNAL).unlink()
        replace_all({home / JOURNAL: os.fsencode(other.name)})
        try:
            _three_renames(name, other, home / ASIDE)
        finally:
            if not os.path.lexists(home / ASIDE):  # else the next envctl tries again
                (home / JOURNAL).unlink()


def _three_renames(name: Path, other: Path, aside: Path) -> None:
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in ((name, aside), (other, name), (aside, other)):
            source.rename(target)
            done.append((source, target))
    except OSError:
        for source, target in reversed(done):
            target.rename(source)
        raise


def _complete(name: Path, other: Path, aside: Path) -> None:
    """Go on where a killed ``_three_renames`` stopped; before its first and after its last nothing is to be done."""
    if not os.path.lexists(aside):
        return
    if not os.path.lexists(name):
        (other if os.path.lexists(other) else aside).rename(name)
    if os.path.lexists(aside) and not os.path.lexists(other):
        aside.rename(other)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Wait for whoever is at an exchange right now: it takes an instant."""
    descriptor = os.open(home, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system that locks no folders
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
