"""What a holder or a waiter writes about itself into its file: information, which anyone may have written.

Never a command's arguments: they may hold secrets.
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from envctl.adapters.leases.folder import owner
from envctl.domain.devices.lease import Lease, Waiter

ROOM = 4096
_LONGEST = 64
_STARTED = (
    21 - 2
)  # starttime in /proc/PID/stat, counted after the command's name (proc_pid_stat(5))


def about(command: str) -> dict[str, Any]:
    """Return what this process says of itself."""
    return {
        "pid": os.getpid(),
        "started": _started(os.getpid()),
        "pids": _namespace(),
        "user": owner(os.getuid()),
        "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": os.path.basename(command)[:_LONGEST],  # noqa: PTH119  # text, no path of ours
    }


def write(file: int, word: Mapping[str, Any], *, at: int = 0, room: int = 0) -> None:
    """Write it into its room in one call; without one it is all that the file holds."""
    text = json.dumps(word).encode() + b"\n"
    os.pwrite(file, text.ljust(room, b"\n"), at)
    if not room:
        os.ftruncate(file, len(text))


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
    gone = pid is not None and word.get("pids") == _namespace() and not _alive(pid, word)
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


def _alive(pid: int, word: Mapping[str, Any]) -> bool:
    now = _started(pid)
    return now is not None and now == word.get("started")


def _started(pid: int) -> str | None:
    """Return when a process began, in the kernel's own count: its number may be another's one day."""
    with suppress(OSError, IndexError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()[_STARTED]
    return None


def _namespace() -> int | None:
    with suppress(OSError):
        return Path("/proc/self/ns/pid").stat().st_ino
    return None


def _number(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _text(value: object) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) and value else None
