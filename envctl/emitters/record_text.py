"""A record as text for people: 80 columns, no colours."""

import textwrap
from collections.abc import Iterable

from envctl.domain.record import Gpu, MigDevice, Record
from envctl.domain.variables import Variable
from envctl.emitters.printable import printable

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
    yield "machine", record.name
    yield "id", record.machine_id
    yield "python", f"{record.python.version} ({record.python.implementation})"
    yield "os", record.os.name
    yield "kernel", record.kernel
    yield "libc", record.libc
    yield "architecture", record.architecture
    yield "cpu", _cpu(record)
    yield "memory", _limited(_size(record.memory_bytes), _size(record.memory_limit_bytes))
    yield "container", record.container
    yield "scheduler", record.scheduler
    yield "driver", _driver(record)
    yield "cuda-compat", record.cuda_compat
    yield "problem", record.gpu_problem
    yield "rocm", record.rocm
    if not record.gpus:
        yield "gpu", "none"


def _cpu(record: Record) -> str | None:
    cores = f"{record.cpu.cores} logical cores" if record.cpu.cores else None
    limit = None if record.cpu_limit is None else f"{record.cpu_limit:g}"
    return ", ".join(filter(None, (record.cpu.model, _limited(cores, limit)))) or None


def _limited(whole: str | None, limit: str | None) -> str | None:
    """Say what of the machine a container or a scheduler's job leaves."""
    return f"{whole or 'unknown'}, limited to {limit}" if limit else whole


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
        printable(value), _WIDTH, initial_indent=label.ljust(_LABEL), subsequent_indent=indent
    )


def _gpus(gpus: Iterable[Gpu]) -> Iterable[str]:
    yield f"{'gpu':<8}{'model':<31}{'memory':>11}  {'compute':<9}{'mig':<5}{'pci'}"
    for gpu in gpus:
        index = str(gpu.index) if gpu.vendor == "nvidia" else f"{gpu.vendor} {gpu.index}"
        mig = {True: "on", False: "off", None: "-"}[gpu.mig]
        memory = _size(gpu.memory_bytes) or "-"
        capability = gpu.compute_capability or printable(gpu.gfx or "-")
        name = textwrap.shorten(printable(gpu.name), 30, placeholder="...")
        pci = printable(gpu.pci_bus_id or "-")
        yield f"{index:<8}{name:<31}{memory:>11}  {capability:<9}{mig:<5}{pci}".rstrip()
        if below := printable("  ".join(filter(None, (gpu.uuid, gpu.kernel_driver)))):
            yield f"{'':<8}{below}"
        yield from map(_mig, gpu.mig_devices)


def _mig(device: MigDevice) -> str:
    memory = _size(device.memory_bytes) or "-"
    return f"{'':<8}{printable(device.profile or 'mig'):<12}{memory:>9} {printable(device.uuid)}"


def _variables(variables: Iterable[Variable]) -> Iterable[str]:
    yield f"{'variable':<34}{'class':<13}value"
    for variable in variables:
        value = "(set)" if variable.value is None else repr(variable.value)
        head = f"{printable(variable.name):<33} {variable.kind:<12} "
        yield from textwrap.wrap(
            value, _WIDTH, initial_indent=head, subsequent_indent=" " * 47, drop_whitespace=False
        )


def _size(count: int | None) -> str | None:
    return None if count is None else f"{count / 1024**3:.1f} GiB"
