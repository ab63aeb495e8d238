"""What a holder or a waiter writes about itself into its file: information, which anyone may have written.

Never a command's arguments: they may hold secrets.
"""

import errno
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from envctl.adapters.leases.folder import owner
from envctl.domain.devices.lease import Lease, Waiter
from envctl.emitters.printable import printable

ROOM = 4096
_LONGEST = 64
# ppid and starttime in /proc/PID/stat, counted after the command's name (proc_pid_stat(5))
_PARENT, _STARTED = 3 - 2, 21 - 2


def about(command: str) -> dict[str, Any]:
    """Return what this process says of itself."""
    return {
        "pid": os.getpid(),
        "started": started(os.getpid()),
        "pids": _namespace(),
        "user": owner(os.getuid()),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": os.path.basename(command)[:_LONGEST],  # noqa: PTH119  # text, no path of ours
    }


def write(file: int, word: Mapping[str, Any], *, at: int = 0, room: int = 0) -> None:
    """Write it into its room in one call; without one it is all that the file holds, or nothing is.

    Raises ``OSError``.
    """
    text = json.dumps(word).encode() + b"\n"
    written = 0
    try:
        written = os.pwrite(file, text.ljust(room, b"\n"), at)
    finally:
        if not room:
            os.ftruncate(file, len(text) if written == len(text) else 0)
    if written < len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read(file: int, at: int = 0) -> dict[str, Any]:
    """Read it; what is no such word is an empty one."""
    try:
        found = json.loads(os.pread(file, ROOM, at))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def lease(uuid: str, word: Mapping[str, Any]) -> Lease:
    """Return the noun; ``left`` only where it is certain: the same table of processes, and the process is gone."""
    pid = _number(word.get("pid"))
    gone = pid is not None and word.get("pids") == _namespace() and _ended(pid, word)
    return Lease(
        uuid=uuid,
        pid=pid,
        user=_text(word.get("user")),
        since=_text(word.get("since")),
        command=_text(word.get("command")),
        left=gone,
    )


def waiter(word: Mapping[str, Any]) -> Waiter:
    """Return the noun; one that does not say what it waits for waits for all."""
    named = word.get("devices")
    devices = frozenset(map(str, named)) if isinstance(named, list) else None
    return Waiter(
        wanted=_number(word.get("wanted")) or 0,
        devices=devices,
        pid=_number(word.get("pid")),
        user=_text(word.get("user")),
        since=_text(word.get("since")),
        command=_text(word.get("command")),
    )


def ancestors() -> Iterator[int]:
    """Yield this process and those that it comes from, as far as they can be seen."""
    pid, seen = os.getpid(), set[int]()
    while pid > 0 and pid not in seen:
        seen.add(pid)
        yield pid
        pid = int(_field(pid, _PARENT) or 0)


def is_of(word: Mapping[str, Any], processes: Mapping[int, str | None]) -> bool:
    """Whether one of these, with when they started, wrote it."""
    pid = _number(word.get("pid"))
    return (
        pid is not None
        and word.get("pids") == _namespace()
        and processes.get(pid, "") == word.get("started")
    )


def _ended(pid: int, word: Mapping[str, Any]) -> bool:
    now = started(pid)
    if now is not None:
        return now != word.get("started")
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # another user's, and /proc does not show those (hidepid, proc(5))
        return False
    return False


def started(pid: int) -> str | None:
    """Return when a process began, in the kernel's own count: its number may be another's one day."""
    return _field(pid, _STARTED)


def _field(pid: int, number: int) -> str | None:
    with suppress(OSError, IndexError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()[number]
    return None


def _namespace() -> int | None:
    with suppress(OSError):
        return Path("/proc/self/ns/pid").stat().st_ino
    return None


def _number(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _text(value: object) -> str | None:
    return printable(value[:_LONGEST], names=True) if isinstance(value, str) and value else None
