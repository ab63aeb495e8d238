"""The devices of a machine as CUDA programs can be given them: whole GPUs, and the parts of divided ones."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from envctl.domain.devices import GpuProcess, GpuUse, MigUse, Usage

# GPU-…, MIG-…, and MIG-GPU-…/1/0 of drivers before 470; the kernel shows question marks to some users.
_UUID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[0-9]+/[0-9]+)?")
_LONGEST = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """One device; ``part``: a MIG device. ``problem``: it cannot be named to a program, for this reason.

    ``told``: its use is known, as far as it tells of it (``envctl.domain.devices.GpuUse``).
    """

    uuid: str
    label: str
    model: str
    place: tuple[bool, str, int]
    part: bool = False
    told: bool = False
    memory_bytes: int | None = None
    used_bytes: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    problem: str | None = None


def units(usage: Usage, limit: tuple[str, ...] | None = None) -> tuple[Unit, ...]:
    """Return the devices in the order of ``limit``, without one: whole GPUs before parts, by PCI address."""
    found = sorted(
        (unit for use in usage.gpus if use.gpu.vendor == "nvidia" for unit in _units(use)),
        key=lambda unit: unit.place,
    )
    if limit is None:
        return tuple(found)
    named = {unit.uuid: unit for unit in found}
    return tuple(named[uuid] for uuid in dict.fromkeys(limit) if uuid in named)


def nameable(uuid: str) -> bool:
    """Whether it can stand in ``CUDA_VISIBLE_DEVICES`` and, with its slashes exchanged, name a file."""
    return len(uuid) <= _LONGEST and bool(_UUID.fullmatch(uuid))


def _units(use: GpuUse) -> Iterator[Unit]:
    gpu = use.gpu
    address = gpu.pci_bus_id or ""
    parts = _parts(use)
    yield from parts
    if parts:
        return
    problem = None if gpu.uuid and nameable(gpu.uuid) else "the driver does not tell its UUID"
    if gpu.mig:
        problem = "it is in MIG mode and has no MIG device yet"
    yield Unit(
        uuid=gpu.uuid or f"unknown {gpu.index}",
        label=f"GPU {gpu.index}",
        model=gpu.name,
        place=(False, address, gpu.index),
        told=use.told,
        memory_bytes=gpu.memory_bytes,
        used_bytes=use.memory_used_bytes,
        processes=use.processes,
        problem=problem,
    )


def _parts(use: GpuUse) -> list[Unit]:
    """Return a GPU's MIG devices, with their use as far as NVML told of it.

    Of one of which it did not tell, the processes are those of the whole GPU: they may be in this part.
    """
    gpu = use.gpu
    told = {each.device.uuid: each for each in use.mig}
    devices = {each.uuid: each for each in (*gpu.mig_devices, *(one.device for one in use.mig))}
    unknown = {uuid: MigUse(device=devices[uuid], processes=use.processes) for uuid in devices}
    uses = unknown | {uuid: each for uuid, each in told.items() if each.told}
    return [
        Unit(
            uuid=uuid,
            label=f"{uuid} ({device.profile or 'MIG'} of GPU {gpu.index})",
            model=f"{gpu.name} {device.profile or 'MIG'}",
            place=(True, gpu.pci_bus_id or "", number),
            part=True,
            memory_bytes=device.memory_bytes,
            told=uses[uuid].told,
            used_bytes=uses[uuid].memory_used_bytes,
            processes=uses[uuid].processes,
            problem=None if nameable(uuid) else "the driver does not tell its UUID",
        )
        for number, (uuid, device) in enumerate(devices.items())
    ]
