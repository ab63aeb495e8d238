"""What the control groups around a process leave of the machine: cores and memory, version 1 and 2.

A limit holds for everything below it, so that the tightest on the way from the mount's root to the process counts.
Sources: cgroups(7), proc_pid_mountinfo(5), the kernel's ``cgroup-v2.rst`` (``cpu.max``, ``memory.max``),
``cgroup-v1/memory.rst`` and ``scheduler/sched-bwc.rst``.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

Read = Callable[[str], str | None]
_OCTAL = re.compile(r"\\([0-7]{3})")  # how mountinfo writes a space in a path
_NO_LIMIT = 2**60  # version 1 has no word for it, but a number near 2**63


@dataclass(frozen=True, kw_only=True, slots=True)
class _Hierarchy:
    """Where a controller's groups are mounted, and which part of them (``root``) that mount shows."""

    controllers: frozenset[str]
    root: str
    point: str


def cpu_limit(read: Read, cores: int | None) -> float | None:
    """Return how many cores the groups and the allowed processors leave; ``None``: not fewer than ``cores``.

    ``read`` gives a file's text by its path without the first slash.
    """
    limits = [*_quotas(read), *_allowed(read("proc/self/status") or "")]
    found = min(limits, default=None)
    return None if found is None or (cores and found >= cores) else found


def memory_limit(read: Read, whole: int | None) -> int | None:
    """Return how many bytes the groups leave; ``None``: not fewer than ``whole``."""
    limits = [
        limit
        for folder in _folders(read, "memory")
        for name in ("memory.max", "memory.limit_in_bytes")
        if (limit := _number(read(f"{folder}/{name}"))) is not None
    ]
    found = min(limits, default=_NO_LIMIT)
    return None if found >= (whole or _NO_LIMIT) else found


def _quotas(read: Read) -> Iterator[float]:
    for folder in _folders(read, "cpu"):
        both = (read(f"{folder}/cpu.max") or "").split()
        quota = _number(both[0]) if len(both) == 2 else _number(read(f"{folder}/cpu.cfs_quota_us"))
        period = _number(both[1] if len(both) == 2 else read(f"{folder}/cpu.cfs_period_us"))
        if quota and period:
            yield round(quota / period, 3)


def _allowed(status: str) -> Iterator[float]:
    """Count the processors that ``cpuset`` and affinity leave, as ``proc_pid_status(5)`` lists them (``0-3,8``)."""
    found = re.search(r"^Cpus_allowed_list:\s*([0-9,-]+)$", status, re.MULTILINE)
    spans = (
        [re.fullmatch(r"(\d+)(?:-(\d+))?", each) for each in found[1].split(",")] if found else []
    )
    count = sum(int(span[2] or span[1]) - int(span[1]) + 1 for span in spans if span)
    if count > 0:
        yield float(count)


def _folders(read: Read, controller: str) -> Iterator[str]:
    """Yield the folders that limit this process, from the one it is in up to the mount's root."""
    paths = dict(_paths(read("proc/self/cgroup") or ""))
    for each in _mounts(read("proc/self/mountinfo") or "", controller):
        own = paths.get(controller if each.controllers else "")
        point = PurePosixPath(each.point.lstrip("/"))
        below = PurePosixPath(_below(own or "/", each.root))
        yield from (str(point / folder) for folder in (below, *below.parents))


def _paths(text: str) -> Iterator[tuple[str, str]]:
    """Read ``/proc/self/cgroup``: the group by controller, by an empty name for version 2."""
    for line in text.splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            yield from ((name, parts[2]) for name in parts[1].split(","))


def _mounts(text: str, controller: str) -> Iterable[_Hierarchy]:
    """Return the mounts that may hold a controller: in a hybrid system version 1's, if it has it there."""
    every = list(_hierarchies(text))
    first = [each for each in every if controller in each.controllers]
    return first[:1] or [each for each in every if not each.controllers][:1]


def _hierarchies(text: str) -> Iterator[_Hierarchy]:
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) >= 5 and kind and kind[0] in ("cgroup", "cgroup2"):
            options = kind[2].split(",") if kind[0] == "cgroup" and len(kind) > 2 else []
            if kind[0] == "cgroup2" or options:
                yield _Hierarchy(
                    controllers=frozenset(options), root=_plain(fields[3]), point=_plain(fields[4])
                )


def _plain(path: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), path)


def _below(own: str, root: str) -> str:
    """Return the group's path below the mount; one that is outside (``/../a``) is not to be seen from here."""
    if own == root or ".." in PurePosixPath(own).parts:
        return "."
    inside = own.startswith(root.rstrip("/") + "/")
    return own[len(root.rstrip("/")) :].strip("/") or "." if inside else "."


def _number(text: str | None) -> int | None:
    """Return a positive limit; ``max`` and -1 are none."""
    found = (text or "").strip()
    value = int(found) if re.fullmatch(r"[0-9]{1,19}", found) else None
    return None if value is None or value >= _NO_LIMIT else value
