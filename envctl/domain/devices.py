"""Who uses which GPU at this moment: the devices of a machine with their memory, load and processes."""

from dataclasses import dataclass

from envctl.domain.record import Gpu


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuProcess:
    """A process that holds memory on a device; ``None`` where the driver or the system does not tell."""

    pid: int
    name: str | None = None
    user: str | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuUse:
    """One device now. ``load_percent``: the part of the last moment in which a kernel ran (NVML's utilization)."""

    gpu: Gpu
    memory_used_bytes: int | None = None
    load_percent: int | None = None
    processes: tuple[GpuProcess, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """All devices of this machine, in NVML's order. ``problem``: a sentence where the driver does not answer."""

    gpus: tuple[GpuUse, ...] = ()
    driver: str | None = None
    problem: str | None = None
