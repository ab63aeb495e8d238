"""Who uses which GPU at this moment: the devices of a machine with their memory, load and processes."""

from dataclasses import dataclass

from envctl.domain.record import Gpu, MigDevice


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuProcess:
    """A process that holds memory on a device; ``None`` where the driver or the system does not tell.

    ``graphics``: it draws a screen and computes nothing (NVML lists it as a graphics process only).
    """

    pid: int
    name: str | None = None
    user: str | None = None
    memory_bytes: int | None = None
    graphics: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class MigUse:
    """One MIG device now, as NVML tells of its own handle; ``None`` where it does not. ``told`` as in ``GpuUse``."""

    device: MigDevice
    told: bool = False
    memory_used_bytes: int | None = None
    processes: tuple[GpuProcess, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuUse:
    """One device now. ``load_percent``: the part of the last moment in which a kernel ran (NVML's utilization).

    ``told``: the driver answered who uses it, be it that it cannot tell (a Jetson); else nothing is known of its use,
    whatever is missing here. ``mig``: the parts of a divided GPU, in NVML's order.
    """

    gpu: Gpu
    told: bool = False
    memory_used_bytes: int | None = None
    load_percent: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    mig: tuple[MigUse, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """All devices of this machine, in NVML's order.

    ``problem``: a sentence where the driver does not answer; ``use_problem``: where it does not say who uses a device.
    """

    gpus: tuple[GpuUse, ...] = ()
    driver: str | None = None
    problem: str | None = None
    use_problem: str | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong with the driver, a sentence each."""
        return tuple(each for each in (self.problem, self.use_problem) if each)
