"""Parsed TOML to a ``Record``, with errors that name the key."""

import re
from collections.abc import Mapping
from math import inf
from typing import Any, TypeVar, cast

from envctl.domain import reading
from envctl.domain.record import (
    CONTAINERS,
    GPU_SOURCES,
    SCHEDULERS,
    SCHEMA,
    VENDORS,
    Cpu,
    Gpu,
    MigDevice,
    OperatingSystem,
    Python,
    Record,
)
from envctl.domain.variables import VARIABLE_CLASSES, Variable, VariableClass
from envctl.errors import ManifestError, RecordError

_T = TypeVar("_T")


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
        cuda_compat=_numbered(data, "cuda_compat"),
        gpu_source=_one_of(data, "gpu_source", "", GPU_SOURCES) or "none",
        gpu_problem=reading.text(data, "gpu_problem", ""),
        rocm=_numbered(data, "rocm"),
        container=_one_of(data, "container", "", CONTAINERS),
        scheduler=_one_of(data, "scheduler", "", SCHEDULERS),
        cpu_limit=_cores(data, "cpu_limit"),
        memory_limit_bytes=_whole(data, "memory_limit_bytes", ""),
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
        mig_devices=tuple(
            _mig_device(device, f"{where}.mig_devices[{n}]")
            for n, device in enumerate(reading.tables(data, "mig_devices", where))
        ),
        vendor=_one_of(data, "vendor", where, VENDORS) or "nvidia",
        gfx=reading.text(data, "gfx", where),
        kernel_driver=reading.text(data, "kernel_driver", where),
    )


def _mig_device(data: reading.Table, where: str) -> MigDevice:
    return MigDevice(
        uuid=reading.required_text(data, "uuid", where),
        profile=reading.text(data, "profile", where),
        memory_bytes=_whole(data, "memory_bytes", where),
        gpu_instance=_whole(data, "gpu_instance", where),
        compute_instance=_whole(data, "compute_instance", where),
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
    if text is not None and not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})*", text):
        raise ManifestError(
            f"expected a version such as 12.4, found `{text}`", where=reading.join(where, key)
        )
    return text


def _cores(table: reading.Table, key: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf:
        raise ManifestError(f"expected a number of cores, found {value!r}", where=key)
    return float(value)


def _whole(table: reading.Table, key: str, where: str) -> int | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ManifestError(
            f"expected an integer of at least 0, found {value!r}", where=reading.join(where, key)
        )
    return value
