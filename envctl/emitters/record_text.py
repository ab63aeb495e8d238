"""A record as text for people: 80 columns, no colours."""

import textwrap
from collections.abc import Iterable

from envctl.domain.record import Gpu, Record
from envctl.domain.variables import Variable

_WIDTH = 80
_LABEL = 14


def emit(record: Record) -> str:
    """Lay out a record: facts, then the GPUs, then the variables."""
    lines = [line for label, value in _facts(record) for line in _row(label, value)]
    if record.gpus:
        lines += ["", *_gpus(record.gpus)]
    if record.variables:
        lines += ["", *_variables(record.variables)]
    return "\n".join(lines) + "\n"


def _facts(record: Record) -> Iterable[tuple[str, str | None]]:
    cores = f"{record.cpu.cores} logical cores" if record.cpu.cores else None
    yield "machine", record.name
    yield "id", record.machine_id
    yield "python", f"{record.python.version} ({record.python.implementation})"
    yield "os", record.os.name
    yield "kernel", record.kernel
    yield "libc", record.libc
    yield "architecture", record.architecture
    yield "cpu", ", ".join(filter(None, (record.cpu.model, cores))) or None
    yield "memory", _size(record.memory_bytes)
    yield "container", record.container
    yield "driver", _driver(record)
    yield "problem", record.gpu_problem
    if not record.gpus:
        yield "gpu", "none"


def _driver(record: Record) -> str:
    if record.driver is None:
        return "none"
    level = f", CUDA {record.cuda_level}" if record.cuda_level else ""
    return f"{record.driver}{level} (by {record.gpu_source})"


def _row(label: str, value: str | None) -> list[str]:
    if value is None:
        return []
    indent = " " * _LABEL
    return textwrap.wrap(
        value, _WIDTH, initial_indent=label.ljust(_LABEL), subsequent_indent=indent
    )


def _gpus(gpus: Iterable[Gpu]) -> Iterable[str]:
    yield f"{'gpu':<5}{'model':<34}{'memory':>11}  {'compute':<9}{'mig':<5}{'pci'}"
    for gpu in gpus:
        mig = {True: "on", False: "off", None: "-"}[gpu.mig]
        memory = _size(gpu.memory_bytes) or "-"
        capability = gpu.compute_capability or "-"
        name = textwrap.shorten(gpu.name, 33, placeholder="...")
        pci = gpu.pci_bus_id or "-"
        yield f"{gpu.index:<5}{name:<34}{memory:>11}  {capability:<9}{mig:<5}{pci}".rstrip()
        if gpu.uuid:
            yield f"     {gpu.uuid}"


def _variables(variables: Iterable[Variable]) -> Iterable[str]:
    yield f"{'variable':<34}{'class':<13}value"
    for variable in variables:
        value = "(set)" if variable.value is None else repr(variable.value)
        head = f"{variable.name:<33} {variable.kind:<12} "
        yield from textwrap.wrap(
            value, _WIDTH, initial_indent=head, subsequent_indent=" " * 47, drop_whitespace=False
        )


def _size(count: int | None) -> str | None:
    return None if count is None else f"{count / 1024**3:.1f} GiB"
