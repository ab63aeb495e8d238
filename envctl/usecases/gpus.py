"""What ``envctl gpus`` says: who uses the devices, and what a ``CUDA_VISIBLE_DEVICES`` means on which machine."""

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from envctl.domain.devices import GpuProcess, GpuUse, Usage
from envctl.domain.devices.lease import Lease, Waiter
from envctl.domain.devices.sentences import doubts, summary, to_json
from envctl.domain.devices.visible import Reading, Target, read
from envctl.domain.manifest import Manifest
from envctl.domain.nearest import listed, meant
from envctl.domain.record import Gpu, Record
from envctl.errors import EnvctlError, UsageError
from envctl.ports import Project
from envctl.usecases import load
from envctl.usecases.record import load_all

VALUE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"
Origin = Literal["argument", "environment", "local", "project", "record", "unset"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A variable's value, ``None`` for unset, and whose word it is."""

    value: str | None = None
    origin: Origin = "unset"


Declared = Mapping[str, Setting]


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A value and an order with their origins, on the machine ``record``; ``machine``: its name, if not this one.

    ``reading`` is ``None`` where it is not known which devices the machine has.
    """

    machine: str | None
    value: Setting
    order: Setting
    record: Record
    reading: Reading | None

    @property
    def doubts(self) -> tuple[str, ...]:
        """Return what of it is not certain."""
        if self.reading is None:
            return ()
        return tuple(doubts(self.reading, self.record.driver, self.record.gpu_problem))

    def to_json(self) -> dict[str, Any]:
        """Return JSON's types."""
        known = to_json(self.reading, self.doubts) if self.reading else {}
        return {
            "machine": self.machine,
            "driver": self.record.driver,
            "problem": self.record.gpu_problem,
            "value": self.value.value,
            "value_from": self.value.origin,
            "order_from": self.order.origin,
            "known": self.reading is not None,
            **known,
        }


def declared(project: Project, variant: Callable[[Manifest], Manifest]) -> Declared:
    """Return what the project declares of the two variables; ``variant``: the manifest as this machine's profile is.

    A project whose profile is not chosen yet declares what all profiles share.
    """
    whole = load.manifest(project)
    try:
        env = variant(whole).env
    except EnvctlError:
        env = whole.env
    local = load.local(project).env
    found = {name: Setting(value=env[name], origin="project") for name in env}
    return found | {name: Setting(value=local[name], origin="local") for name in local}


def recorded(project: Project, name: str) -> Record:
    """Return a saved machine; raises ``UsageError`` for one that nobody saved."""
    records = {record.name or "": record for record in load_all(project)}
    if not records:
        raise UsageError(
            "this project has no recorded machines",
            where="--machine",
            hint=f"on that machine: `envctl record --save {shlex.quote(name)}`",
        )
    if name not in records:
        raise UsageError(
            f"there is no recorded machine `{name}`",
            where="--machine",
            hint=meant(name, records, otherwise=f"the machines are: {listed(records)}"),
        )
    return records[name]


def explain(
    given: str | None, record: Record, environ: Mapping[str, str] | None, told: Declared
) -> Explanation:
    """Explain a value, or the one that counts; ``environ``: the caller's, ``None`` for a machine that is not this one.

    A value from the command line or the caller's shell goes with the order of that shell, a declared one with the
    declared order.
    """
    shell = _settings(environ or {}, "environment")
    kept = {each.name: each.value for each in record.variables} if environ is None else {}
    last = _settings({name: text for name, text in kept.items() if text is not None}, "record")
    argument = {} if given is None else {VALUE: Setting(value=given, origin="argument")}
    value = _first(VALUE, argument, shell, told, last)
    by_project = value.origin in ("local", "project")
    order = _first(ORDER, *((told, shell) if by_project else (shell, told)), last)
    unknown = record.gpu_problem is not None and not record.gpus
    reading = None if unknown else read(value.value, record.gpus, order=order.value)
    machine = record.name if environ is None else None
    return Explanation(machine=machine, value=value, order=order, record=record, reading=reading)


def visible(usage: Usage, environ: Mapping[str, str]) -> Reading:
    """Return which devices a CUDA program that starts now sees."""
    gpus = [use.gpu for use in usage.gpus]
    return read(environ.get(VALUE), gpus, order=environ.get(ORDER))


def ordinal(reading: Reading, uuid: str | None, gpu: Gpu) -> int | None:
    """Return the number that CUDA gives to a device, ``None``: it is not visible."""
    part = next((each for each in gpu.mig_devices if each.uuid == uuid), None)
    target = Target(gpu=gpu, mig=part)
    return reading.devices.index(target) if target in reading.devices else None


def to_report(
    usage: Usage,
    reading: Reading,
    held: Mapping[str, Lease] | None,
    waiting: Iterable[Waiter] = (),
) -> dict[str, Any]:
    """Return the table as JSON's types; ``held`` is ``None`` where the leases cannot be looked at."""
    return {
        "driver": usage.driver,
        "problem": "; ".join(usage.problems) or None,
        "visible": {
            "value": reading.value,
            "order": reading.order.name,
            "certain": not list(doubts(reading, usage.driver, usage.problem)),
            "summary": summary(reading),
        },
        "leases_known": held is not None,
        "gpus": [_gpu(use, reading, held or {}) for use in usage.gpus],
        "waiting": [_waiter(each) for each in waiting],
    }


def _waiter(waiter: Waiter) -> dict[str, Any]:
    """Return who waits; ``devices`` is ``None`` where it may be any."""
    return {
        "wanted": waiter.wanted,
        "devices": None if waiter.devices is None else sorted(waiter.devices),
        "pid": waiter.pid,
        "user": waiter.user,
        "since": waiter.since,
        "command": waiter.command,
    }


def _gpu(use: GpuUse, reading: Reading, held: Mapping[str, Lease]) -> dict[str, Any]:
    gpu = use.gpu
    return {
        "index": gpu.index,
        "vendor": gpu.vendor,
        "name": gpu.name,
        "uuid": gpu.uuid,
        "mig": gpu.mig,
        "memory_bytes": gpu.memory_bytes,
        "memory_used_bytes": use.memory_used_bytes,
        "load_percent": use.load_percent,
        "use_known": use.told,
        "ordinal": ordinal(reading, gpu.uuid, gpu),
        "lease": _lease(held, gpu.uuid),
        "processes": _processes(use.processes),
        "mig_devices": [
            {
                "uuid": part.device.uuid,
                "profile": part.device.profile,
                "memory_bytes": part.device.memory_bytes,
                "memory_used_bytes": part.memory_used_bytes,
                "use_known": part.told,
                "ordinal": ordinal(reading, part.device.uuid, gpu),
                "lease": _lease(held, part.device.uuid),
                "processes": _processes(part.processes),
            }
            for part in use.mig
        ],
    }


def _processes(processes: Iterable[GpuProcess]) -> list[dict[str, Any]]:
    return [asdict(process) for process in processes]


def _lease(held: Mapping[str, Lease], uuid: str | None) -> dict[str, Any] | None:
    lease = held.get(uuid or "")
    return asdict(lease) if lease else None


def _settings(variables: Mapping[str, str], origin: Origin) -> Declared:
    return {
        name: Setting(value=variables[name], origin=origin)
        for name in (VALUE, ORDER)
        if name in variables
    }


def _first(name: str, *places: Declared) -> Setting:
    return next((place[name] for place in places if name in place), Setting())
