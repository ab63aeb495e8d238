"""Leases: which devices one command is given on a machine that several share, and why it is not given others.

A lease is a kernel lock on a file (``envctl.adapters.leases``); what stands in the file is information.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from envctl.domain.devices import GpuProcess, Usage
from envctl.domain.devices.units import Unit, units
from envctl.errors import UsageError

GIB = 1024**3
IDLE_BYTES = GIB
IDLE_SHARE = 0.05
"""What a device may have in use and still count as idle: the driver keeps some for itself (H200: 0.6 GiB)."""

_UNITS = {
    f"{letter}{ending}": base**power
    for power, letter in enumerate("KMGT", start=1)
    for ending, base in (("iB", 1024), ("B", 1000))
}
_UNTOLD = "the driver did not say who uses it"
_SIZE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?([KMGT]i?B)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """Who holds a device, as far as its file says; ``since`` is an ISO 8601 time in UTC, ``command`` a bare name.

    ``left``: that process has ended, and one that it left running holds the device. ``problem``: nobody can lease
    the device, for this reason; ``file``: the file that is it.
    """

    uuid: str
    pid: int | None = None
    user: str | None = None
    since: str | None = None
    command: str | None = None
    left: bool = False
    problem: str | None = None
    file: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiter:
    """Who waits for how many of which devices (``None``: it may be any)."""

    wanted: int = 0
    devices: frozenset[str] | None = None
    pid: int | None = None
    user: str | None = None
    since: str | None = None
    command: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """What a command asks for; ``limit``: the UUIDs it may have, in order of preference; ``None``: any.

    ``min_free``: that many bytes free on each device are enough, whoever else uses it.
    """

    wanted: int
    limit: tuple[str, ...] | None = None
    min_free: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The devices to take, in the order that the command is to see them."""

    devices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """Why there are not enough: a line for each device. ``most``: so many could be given one day.

    ``never``: that is fewer than were asked for, so that waiting would not help. ``barred``: the files that stand in
    the way of some.
    """

    free: int
    most: int
    reasons: tuple[str, ...]
    never: bool
    barred: tuple[str, ...] = ()


def choose(
    usage: Usage,
    held: Mapping[str, Lease],
    demand: Demand,
    *,
    ahead: Collection[str] | None = (),
) -> Chosen | Refused:
    """Return the devices that ``demand`` is given now; ``ahead``: those that others wait for (``None``: all).

    Idle devices in the order of the limit, else whole GPUs before MIG devices, by PCI address; of one model where
    there are enough. A program sees one MIG device at most, so several are whole GPUs only.
    """
    every = units(usage, demand.limit)
    unfit = {unit.uuid: why for unit in every if (why := _unfit(unit, demand, held))}
    possible = [unit for unit in every if unit.uuid not in unfit]
    busy = {unit.uuid: why for unit in possible if (why := _busy(unit, demand, held, ahead))}
    free = [unit for unit in possible if unit.uuid not in busy]
    if len(free) >= demand.wanted:
        return Chosen(devices=tuple(unit.uuid for unit in _alike(free, demand.wanted)))
    reasons = (
        f"{unit.label}: {why}"
        for unit in every
        if (why := unfit.get(unit.uuid) or busy.get(unit.uuid))
    )
    leases = (held.get(unit.uuid) for unit in every)
    return Refused(
        free=len(free),
        most=len(possible),
        reasons=tuple(reasons),
        never=len(possible) < demand.wanted,
        barred=tuple(lease.file for lease in leases if lease and lease.file),
    )


def possible(usage: Usage, held: Mapping[str, Lease], demand: Demand) -> frozenset[str]:
    """Return the devices that could be given one day: what a waiting command waits for."""
    return frozenset(
        unit.uuid for unit in units(usage, demand.limit) if not _unfit(unit, demand, held)
    )


def awaited(waiters: Iterable[Waiter]) -> frozenset[str] | None:
    """Return all that these wait for, ``None`` where one may want any."""
    named = [waiter.devices for waiter in waiters]
    if any(devices is None for devices in named):
        return None
    return frozenset(uuid for devices in named if devices for uuid in devices)


def holder(lease: Lease | Waiter) -> str:
    """Say who it is: ``alice: python, pid 12, since 2026-11-21T10:00:00Z``."""
    facts = (
        lease.command,
        f"pid {lease.pid}" if lease.pid is not None else None,
        f"since {lease.since}" if lease.since else None,
    )
    known = ", ".join(fact for fact in facts if fact)
    return ": ".join(part for part in (lease.user, known) if part) or "somebody unknown"


def size(text: str) -> int:
    """Read ``20GiB`` (1024s) or ``20GB`` (1000s) as bytes; raises ``UsageError``."""
    found = _SIZE.fullmatch(text.strip())
    if not found:
        raise UsageError(
            f"`{text}` is not an amount of memory",
            where="--min-free",
            hint="write it as 20GiB (or MiB, GB, MB)",
        )
    return int(float(found[1]) * _UNITS[found[2]])


def _alike(free: list[Unit], wanted: int) -> list[Unit]:
    """Return as many, of one model if there are enough of one."""
    for model in dict.fromkeys(unit.model for unit in free):
        same = [unit for unit in free if unit.model == model]
        if len(same) >= wanted:
            return same[:wanted]
    return free[:wanted]


def _unfit(unit: Unit, demand: Demand, held: Mapping[str, Lease]) -> str | None:
    """Return why a device can never be given."""
    if unit.problem:
        return unit.problem
    lease = held.get(unit.uuid)
    if lease and lease.problem:
        return lease.problem
    if demand.wanted > 1 and unit.part:
        return "a program sees one MIG device at most, so it can be leased alone only"
    return None if demand.min_free is None else _too_small(unit, demand.min_free)


def _too_small(unit: Unit, min_free: int) -> str | None:
    if unit.told and (unit.memory_bytes is None or unit.used_bytes is None):
        return "it does not tell how much of its memory is free"
    if unit.memory_bytes is not None and unit.memory_bytes < min_free:
        return f"it has {_gib(unit.memory_bytes)} in all, {_gib(min_free)} are wanted"
    return None


def _busy(
    unit: Unit, demand: Demand, held: Mapping[str, Lease], ahead: Collection[str] | None
) -> str | None:
    """Return why a device cannot be given now."""
    if lease := held.get(unit.uuid):
        rest = "; it has ended, and a process that it left running holds it" if lease.left else ""
        return f"leased to {holder(lease)}{rest}"
    load = _load(unit) if demand.min_free is None else _tight(unit, demand.min_free)
    if load is None and (ahead is None or unit.uuid in ahead):
        return "free, but others wait for it already"
    return load


def _load(unit: Unit) -> str | None:
    """Return what uses a device without a lease: any process that computes, or more memory than idling takes.

    What nobody could tell is no answer: a driver that is silent, often is so because it is busy.
    """
    used = unit.used_bytes
    computing = [process for process in unit.processes if not process.graphics]
    if computing:
        amount = f"{_gib(used)} in use" if used is not None else "in use"
        return f"{amount} by {', '.join(_process(process) for process in computing)}"
    if not unit.told:
        return _UNTOLD
    drawn = sum(process.memory_bytes or 0 for process in unit.processes)
    if used is None or unit.memory_bytes is None:
        return None
    if used - drawn > min(IDLE_BYTES, unit.memory_bytes * IDLE_SHARE):
        return f"{_gib(used)} in use by processes that cannot be seen from here"
    return None


def _tight(unit: Unit, min_free: int) -> str | None:
    if unit.used_bytes is None:
        return _UNTOLD
    free = (unit.memory_bytes or 0) - unit.used_bytes
    return None if free >= min_free else f"{_gib(free)} free, {_gib(min_free)} are wanted"


def _process(process: GpuProcess) -> str:
    name = process.name or "a process"
    owner = f" of {process.user}" if process.user else ""
    return f"{name}{owner} (pid {process.pid})"


def _gib(number: int) -> str:
    return f"{number / GIB:.1f} GiB"
