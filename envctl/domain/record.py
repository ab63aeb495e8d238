"""The record: what one machine has. Saved records are committed, so they hold no secret, no user and no host name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, TypeVar, cast

from envctl.domain import reading
from envctl.domain.variables import VARIABLE_CLASSES, Variable, VariableClass
from envctl.errors import ManifestError, RecordError

SCHEMA = 1
GpuSource = Literal["nvml", "nvidia-smi", "proc", "none"]
Container = Literal["docker", "podman", "apptainer", "kubernetes", "wsl"]
GPU_SOURCES: tuple[GpuSource, ...] = ("nvml", "nvidia-smi", "proc", "none")
CONTAINERS: tuple[Container, ...] = ("docker", "podman", "apptainer", "kubernetes", "wsl")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_T = TypeVar("_T")


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
        """Return TOML's types: TOML has no null, so that what is unknown is left out."""
        return cast("dict[str, Any]", _without_none(self.to_json()))


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


def from_toml_dict(data: Mapping[str, Any], where: str = "") -> Record:
    """Read a parsed record; raises ``RecordError`` with the key that is wrong, after the file's name ``where``.

    Unknown keys are passed over, so that a newer envctl may add some without a new schema.
    """
    try:
        return _record(data)
    except ManifestError as error:
        place = f"{where}: {error.where}" if where else error.where
        raise RecordError(
            error.message, where=place, hint="correct it, or save the record again on that machine"
        ) from error


def _record(data: reading.Table) -> Record:
    schema = _whole(data, "schema", "")
    if schema is None:
        raise ManifestError("missing", where="schema")
    if schema > SCHEMA:
        raise ManifestError(
            f"the record has schema {schema}, this envctl reads up to {SCHEMA}: update envctl",
            where="schema",
        )
    python = reading.table(data, "python", "")
    system = reading.table(data, "os", "")
    cpu = reading.table(data, "cpu", "")
    return Record(
        schema=schema,
        name=reading.text(data, "name", ""),
        machine_id=reading.text(data, "machine_id", ""),
        python=Python(
            version=reading.required_text(python, "version", "python"),
            implementation=reading.required_text(python, "implementation", "python"),
        ),
        os=OperatingSystem(
            name=reading.required_text(system, "name", "os"),
            id=reading.required_text(system, "id", "os"),
            version=reading.text(system, "version", "os"),
        ),
        kernel=reading.required_text(data, "kernel", ""),
        libc=reading.text(data, "libc", ""),
        architecture=reading.required_text(data, "architecture", ""),
        cpu=Cpu(model=reading.text(cpu, "model", "cpu"), cores=_whole(cpu, "cores", "cpu")),
        memory_bytes=_whole(data, "memory_bytes", ""),
        gpus=tuple(
            _gpu(gpu, f"gpus[{n}]") for n, gpu in enumerate(reading.tables(data, "gpus", ""))
        ),
        driver=_numbered(data, "driver"),
        cuda_level=_numbered(data, "cuda_level"),
        gpu_source=_one_of(data, "gpu_source", "", GPU_SOURCES) or "none",
        gpu_problem=reading.text(data, "gpu_problem", ""),
        container=_one_of(data, "container", "", CONTAINERS),
        variables=_variables(data),
    )


def _gpu(data: reading.Table, where: str) -> Gpu:
    index = _whole(data, "index", where)
    if index is None:
        raise ManifestError("missing", where=f"{where}.index")
    return Gpu(
        index=index,
        name=reading.required_text(data, "name", where),
        uuid=reading.text(data, "uuid", where),
        memory_bytes=_whole(data, "memory_bytes", where),
        compute_capability=_numbered(data, "compute_capability", where),
        pci_bus_id=reading.text(data, "pci_bus_id", where),
        mig=reading.flag(data, "mig", where, default=False) if "mig" in data else None,
    )


def _variables(data: reading.Table) -> tuple[Variable, ...]:
    table = reading.table(data, "variables", "")
    found = []
    for name in sorted(table):
        where = f"variables.{name}"
        row = reading.table(table, name, "variables")
        kind: VariableClass | None = _one_of(row, "class", where, VARIABLE_CLASSES)
        if kind is None:
            raise ManifestError("missing", where=f"{where}.class")
        found.append(Variable(name=name, kind=kind, value=reading.text(row, "value", where)))
    return tuple(found)


def _one_of(table: reading.Table, key: str, where: str, known: tuple[_T, ...]) -> _T | None:
    text = reading.text(table, key, where, choices=cast("tuple[str, ...]", known))
    return cast("_T | None", text)


def _numbered(table: reading.Table, key: str, where: str = "") -> str | None:
    """Return a dotted number as text: verdicts compare it, so that it must be one."""
    text = reading.text(table, key, where)
    if text is not None and not re.fullmatch(r"\d+(\.\d+)*", text):
        raise ManifestError(
            f"expected a version such as 12.4, found `{text}`", where=reading.join(where, key)
        )
    return text


def _whole(table: reading.Table, key: str, where: str) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ManifestError(
            f"expected an integer of at least 0, found {value!r}", where=reading.join(where, key)
        )
    return value


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


def _without_none(value: object) -> object:
    match value:
        case dict():
            return {key: _without_none(item) for key, item in value.items() if item is not None}
        case list():
            return [_without_none(item) for item in value]
    return value
