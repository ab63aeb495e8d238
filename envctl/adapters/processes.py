"""Whose process a number is, by ``/proc``: nothing is said of one that may be another (proc(5), pid_namespaces(7))."""

import pwd
from pathlib import Path

from envctl.emitters.printable import printable

_FIRST_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO in the kernel's proc_ns.h
_OVERFLOW = 65534  # a user whom this user namespace does not know (user_namespaces(7))


class Processes:
    """The processes that a driver speaks of.

    A driver counts processes as the machine does; in a container the same numbers are other processes, so that
    there only one counts that has one of the driver's devices open.
    """

    def __init__(self, sysroot: Path) -> None:
        self._proc = sysroot / "proc"
        self._outside = _link(self._proc / "self/ns/pid") in (None, _FIRST_NAMESPACE)

    def named(self, pid: int) -> tuple[str | None, str | None]:
        """Return a process's name and its user's; ``None`` for what is not known for sure."""
        folder = self._proc / str(pid)
        try:
            uid = folder.stat().st_uid
            name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None, None
        if not (self._outside or _has_device(folder)):
            return None, None
        return printable(name) or None, _user(uid)


def _has_device(folder: Path) -> bool:
    try:
        return any(
            (_link(file) or "").startswith("/dev/nvidia") for file in (folder / "fd").iterdir()
        )
    except OSError:  # another user's process tells nobody which files it has
        return False


def _user(uid: int) -> str | None:
    try:
        return None if uid == _OVERFLOW else pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _link(path: Path) -> str | None:
    try:
        return str(path.readlink())
    except OSError:
        return None
