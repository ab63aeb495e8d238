"""The record: what one machine has. Saved records are committed, so they hold no secret, no user and no host name."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, cast

from envctl.domain.variables import Variable
from envctl.errors import RecordError

SCHEMA = 1
GpuSource = Literal["nvml", "nvidia-smi", "proc", "none"]
Container = Literal["docker", "podman", "apptainer", "kubernetes", "wsl"]
GPU_SOURCES: tuple[GpuSource, ...] = ("nvml", "nvidia-smi", "proc", "none")
CONTAINERS: tuple[Container, ...] = ("docker", "podman", "apptainer", "kubernetes", "wsl")
Scheduler = Literal["slurm", "kubernetes", "pbs", "lsf"]
SCHEDULERS: tuple[Scheduler, ...] = ("slurm", "kubernetes", "pbs", "lsf")
Vendor = Literal["nvidia", "amd", "intel"]
VENDORS: tuple[Vendor, ...] = ("nvidia", "amd", "intel")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Python:
    """The interpreter: its full version (``3.11.7``) and implementation (``CPython``)."""

    version: str
    implementation: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatingSystem:
    """What ``os-release(5)`` says, or its like: ``Debian GNU/Linux 12 (bookworm)``, ``debian``, ``12``."""

    name: str
    id: str
    version: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cpu:
    """The processor's model and how many logical cores there are."""

    model: str | None = None
    cores: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MigDevice:
    """One compute instance of a divided GPU, as a CUDA program sees it. ``profile``: ``1g.10gb``, ``1c.3g.40gb``."""

    uuid: str
    profile: str | None = None
    memory_bytes: int | None = None
    gpu_instance: int | None = None
    compute_instance: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One device in the order of its vendor (NVML's). Indexes may change with a reboot, the UUID does not.

    ``gfx`` is what AMD's kernels are compiled for (``gfx90a``), as NVIDIA's are for a compute capability.
    ``kernel_driver`` has the device, where it is not NVIDIA's (``amdgpu 6.8.5``, ``xe``).
    ``mig`` tells that the GPU may be divided; ``mig_devices`` into what, as far as this user may see.
    """

    index: int
    name: str
    uuid: str | None = None
    memory_bytes: int | None = None
    compute_capability: str | None = None
    pci_bus_id: str | None = None
    mig: bool | None = None
    mig_devices: tuple[MigDevice, ...] = ()
    vendor: Vendor = "nvidia"
    gfx: str | None = None
    kernel_driver: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One machine. ``None`` is "not known or not there"; no GPU and no driver are values, not errors.

    ``driver`` and ``gpu_source`` are NVIDIA's. ``cuda_level`` is the newest CUDA that the driver itself speaks,
    not an installed toolkit; ``cuda_compat`` the one of the compat package that programs here load (``13.0``, of
    ``cuda-compat-13-0``); ``rocm`` is the installed ROCm. ``gpu_problem`` is a sentence when there is a driver
    that does not answer. ``scheduler`` is whose job took the record; ``cpu_limit`` (cores) and
    ``memory_limit_bytes`` are what it and the container leave, ``None`` when that is the whole machine.
    """

    schema: int = SCHEMA
    name: str | None = None
    machine_id: str | None = None
    python: Python
    os: OperatingSystem
    kernel: str
    libc: str | None = None
    architecture: str
    cpu: Cpu = Cpu()
    memory_bytes: int | None = None
    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    cuda_level: str | None = None
    cuda_compat: str | None = None
    gpu_source: GpuSource = "none"
    gpu_problem: str | None = None
    rocm: str | None = None
    container: Container | None = None
    scheduler: Scheduler | None = None
    cpu_limit: float | None = None
    memory_limit_bytes: int | None = None
    variables: tuple[Variable, ...] = ()

    @property
    def nvidia_gpus(self) -> tuple[Gpu, ...]:
        """The devices that CUDA could use: ``gpus`` holds every vendor's, NVIDIA's first."""
        return tuple(gpu for gpu in self.gpus if gpu.vendor == "nvidia")

    @property
    def unanswering(self) -> bool:
        """Whether NVIDIA's driver is there and nobody got an answer: what is known is from the kernel's files."""
        asked = self.gpu_source in ("nvml", "nvidia-smi")
        return self.driver is not None and self.gpu_problem is not None and not asked

    @property
    def usable_gpus(self) -> tuple[Gpu, ...]:
        """The devices that a CUDA program could open now: none without a driver, or where it does not answer."""
        return () if self.driver is None or self.unanswering else self.nvidia_gpus

    def to_json(self) -> dict[str, Any]:
        """Return JSON's types: every key always there, ``None`` as null, in one fixed order."""
        return {
            "schema": self.schema,
            "name": self.name,
            "machine_id": self.machine_id,
            "python": {
                "version": self.python.version,
                "implementation": self.python.implementation,
            },
            "os": {"name": self.os.name, "id": self.os.id, "version": self.os.version},
            "kernel": self.kernel,
            "libc": self.libc,
            "architecture": self.architecture,
            "cpu": {"model": self.cpu.model, "cores": self.cpu.cores},
            "memory_bytes": self.memory_bytes,
            "driver": self.driver,
            "cuda_level": self.cuda_level,
            "cuda_compat": self.cuda_compat,
            "gpu_source": self.gpu_source,
            "gpu_problem": self.gpu_problem,
            "rocm": self.rocm,
            "container": self.container,
            "scheduler": self.scheduler,
            "cpu_limit": self.cpu_limit,
            "memory_limit_bytes": self.memory_limit_bytes,
            "gpus": [_gpu_json(gpu) for gpu in self.gpus],
            "variables": {v.name: {"class": v.kind, "value": v.value} for v in self.variables},
        }

    def to_toml_dict(self) -> dict[str, Any]:
        """Return TOML's types: TOML has no null, so that what is unknown or empty is left out."""
        return cast("dict[str, Any]", _filled(self.to_json()))


def machine_id(text: str | None) -> str | None:
    """Hash ``/etc/machine-id``: machine-id(5) asks never to hand out the identifier itself."""
    own = (text or "").strip()
    if not own or own == "uninitialized":
        return None
    return sha256(f"envctl:{own}".encode()).hexdigest()[:16]


def machine_name(text: str) -> str:
    """Return a name that can be a file's in ``.envctl/machines``; raises ``RecordError``."""
    if text.endswith(".toml") and _NAME.fullmatch(text):
        raise RecordError(
            f"`{text}` would be the file {text}.toml",
            where="NAME",
            hint=f"leave the ending out: `{text.removesuffix('.toml')}`",
        )
    if not _NAME.fullmatch(text):
        raise RecordError(
            f"`{text}` cannot name a machine",
            where="NAME",
            hint="use lower-case letters, digits, dots, dashes and underscores; a letter or digit first",
        )
    return text


def _gpu_json(gpu: Gpu) -> dict[str, Any]:
    return {
        "index": gpu.index,
        "name": gpu.name,
        "uuid": gpu.uuid,
        "memory_bytes": gpu.memory_bytes,
        "compute_capability": gpu.compute_capability,
        "pci_bus_id": gpu.pci_bus_id,
        "mig": gpu.mig,
        "mig_devices": [_mig_json(device) for device in gpu.mig_devices],
        "vendor": gpu.vendor,
        "gfx": gpu.gfx,
        "kernel_driver": gpu.kernel_driver,
    }


def _mig_json(device: MigDevice) -> dict[str, Any]:
    return {
        "uuid": device.uuid,
        "profile": device.profile,
        "memory_bytes": device.memory_bytes,
        "gpu_instance": device.gpu_instance,
        "compute_instance": device.compute_instance,
    }


def _filled(value: object) -> object:
    if isinstance(value, dict):
        filled = {key: _filled(item) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item not in (None, [], {})}
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return value
