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
class Gpu:
    """One device in NVML's order. Indexes may change with a reboot, the UUID does not."""

    index: int
    name: str
    uuid: str | None = None
    memory_bytes: int | None = None
    compute_capability: str | None = None
    pci_bus_id: str | None = None
    mig: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One machine. ``None`` is "not known or not there"; no GPU and no driver are values, not errors.

    ``cuda_level`` is the newest CUDA that the driver itself speaks, not an installed toolkit.
    ``gpu_problem`` is a sentence when there is a driver that does not answer.
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
    gpu_source: GpuSource = "none"
    gpu_problem: str | None = None
    container: Container | None = None
    variables: tuple[Variable, ...] = ()

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
            "gpu_source": self.gpu_source,
            "gpu_problem": self.gpu_problem,
            "container": self.container,
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
    }


def _filled(value: object) -> object:
    if isinstance(value, dict):
        filled = {key: _filled(item) for key, item in value.items()}
        return {key: item for key, item in filled.items() if item not in (None, [], {})}
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return value
