"""The folder that all users share, and its files: opened so that nobody is led to a file that is not the folder's.

Whoever comes first makes it. In a sticky folder the kernel refuses ``O_CREAT`` on another user's file
(``fs.protected_regular``), so a file is opened first, and made (``O_EXCL``) only where there is none.
"""

import errno
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from envctl.adapters.leases import kernel
from envctl.errors import LeaseError

NAME = "envctl-gpu-leases"
_BASES = ("run/lock", "tmp")
_SHARED = stat.S_ISVTX | stat.S_IWOTH
_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe that lies there would be waited for
_TRIES = 100
OWN_PLACE = "name a folder that every user of this machine can write to in ENVCTL_LEASES"


class NotOurs(Exception):  # an answer within this package
    """What lies there cannot be a lock's file; the text says why."""


def place(named: str | None, sysroot: Path) -> Path:
    """Return the folder: ``ENVCTL_LEASES``, or else one that is the same for every user, whoever asks.

    ``/run/lock`` where anyone may make files in it (Debian, Ubuntu) or the folder is there already; else ``/tmp``.
    """
    if named:
        if not named.startswith("/"):
            raise LeaseError(
                f"`{named}` is not an absolute path", where="ENVCTL_LEASES", hint=OWN_PLACE
            )
        return Path(named)
    for base in _BASES[:-1]:
        folder = sysroot / base
        with suppress(OSError):
            everyones = stat.S_IMODE(folder.stat().st_mode) & _SHARED == _SHARED
            if everyones or (folder / NAME).is_dir():
                return folder / NAME
    return sysroot / _BASES[-1] / NAME


def open_folder(path: Path, *, make: bool) -> int | None:
    """Return the open folder, ``None`` where there is none and none is to be made; raises ``LeaseError``."""
    try:
        if make:
            with suppress(FileExistsError), _for_everyone():
                path.mkdir(0o1777)
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        if make:
            raise _refused(path, error) from error
        return None
    except OSError as error:
        raise _refused(path, error) from error
    mode = os.fstat(opened).st_mode
    if mode & _SHARED == stat.S_IWOTH:
        os.close(opened)
        raise LeaseError(
            "anyone may remove anyone's files there",
            where=str(path),
            hint=f"its owner can mend it: `chmod +t {shlex.quote(str(path))}`",
        )
    kernel.keep_from_sweepers(opened)
    return opened


def open_file(folder: int, name: str) -> int:
    """Return a file of the folder, open to read and write; made for everyone where it is not there.

    Raises ``NotOurs``; ``OSError`` where it cannot be made (see ``unwritten``).
    """
    for _ in range(_TRIES):
        try:
            return _verified(os.open(name, os.O_RDWR | _OPEN, dir_fd=folder))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise NotOurs(_why(folder, name, error)) from error
        try:
            with _for_everyone():
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _OPEN
                return os.open(name, flags, 0o666, dir_fd=folder)
        except FileExistsError:
            continue  # somebody was faster
    raise NotOurs(f"{name} is a file that comes and goes")


def peek(folder: int, name: str) -> int | None:
    """Return a file of the folder, open to read; ``None``: there is none. Raises ``NotOurs``."""
    try:
        return _verified(os.open(name, os.O_RDONLY | _OPEN, dir_fd=folder))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotOurs(_why(folder, name, error)) from error


def in_place(folder: int, name: str, opened: int) -> bool:
    """Whether the open file is still the one of that name: a removed one locks nobody out."""
    with suppress(OSError):
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return os.path.samestat(there, os.fstat(opened))
    return False


def owner(uid: int) -> str:
    """Return a user's name, the number where the system knows none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _verified(opened: int) -> int:
    """Return the descriptor of a plain file with one name; with two it may be somebody's own file."""
    found = os.fstat(opened)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return opened
    os.close(opened)
    if found.st_nlink == 0:
        raise FileNotFoundError
    what = "has a second name" if stat.S_ISREG(found.st_mode) else "is not a plain file"
    raise NotOurs(f"its lock's file, which {owner(found.st_uid)} made, {what}")


def _why(folder: int, name: str, error: OSError) -> str:
    try:
        uid = os.stat(name, dir_fd=folder, follow_symlinks=False).st_uid
    except OSError:
        return f"its lock's file cannot be opened: {_reason(error)}"
    what = "is a link" if error.errno == errno.ELOOP else f"cannot be opened: {_reason(error)}"
    return f"its lock's file, which {owner(uid)} made, {what}"


def unwritten(file: str, error: OSError) -> LeaseError:
    """Return the error for a file that cannot be made, or not written to: its folder is at fault."""
    folder = Path(file).parent
    hint = f"make room in `{folder}`, or {OWN_PLACE}"
    if error.errno in (errno.EACCES, errno.EPERM):
        who = owner(folder.stat().st_uid)
        hint = (
            f"`{folder}` is {who}'s: only {who} can let others in, with mode 1777; or {OWN_PLACE}"
        )
    what = f"the leases cannot be used: {_reason(error)}"
    return LeaseError(what, where=file, hint=hint)


def _refused(path: Path, error: OSError) -> LeaseError:
    what = "cannot be used to hold leases"
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        return LeaseError(f"it is a link or a file, and {what}", where=str(path), hint=OWN_PLACE)
    return LeaseError(f"the folder {what}: {_reason(error)}", where=str(path), hint=OWN_PLACE)


def _reason(error: OSError) -> str:
    return os.strerror(error.errno or 0).lower()


@contextmanager
def _for_everyone() -> Iterator[None]:
    """Make what is made in here with the very mode that is asked for."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)
