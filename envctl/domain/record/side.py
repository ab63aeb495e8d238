"""A machine's record as one of two things that are compared."""

from collections import Counter

from envctl.domain.difference.settings import Value
from envctl.domain.difference.side import Side
from envctl.domain.record import Gpu, Record


def side_of(record: Record, name: str) -> Side:
    """Return what a record tells; "not there" is said of it as well, with an empty text."""
    return Side(
        kind="record",
        name=name,
        variables={
            each.name: Value(kind=each.kind, value=each.value)
            for each in record.variables
            if each.kind != "secret"
        },
        facts={
            "gpu": listed(record.gpus),
            "gpu problem": record.gpu_problem or "",
            "driver": record.driver or "",
            "CUDA of the driver": record.cuda_level or "",
            "cuda-compat": record.cuda_compat or "",
            "rocm": record.rocm or "",
            "python": record.python.version,
            "implementation": record.python.implementation,
            "architecture": record.architecture,
            "cpu": record.cpu.model,
            "cores": _number(record.cpu.cores),
            "cpu limit": _number(record.cpu_limit) or "",
            "memory": _size(record.memory_bytes),
            "memory limit": _size(record.memory_limit_bytes) or "",
            "os": record.os.name,
            "libc": record.libc,
            "kernel": record.kernel,
            "container": record.container or "",
            "scheduler": record.scheduler or "",
        },
    )


def listed(gpus: tuple[Gpu, ...]) -> str:
    """Return the GPUs by model: ``2 x NVIDIA A100, divided``."""
    found = Counter(
        f"{gpu.name}{f' {_size(gpu.memory_bytes)}' if gpu.memory_bytes else ''}"
        f"{', divided' if gpu.mig else ''}"
        for gpu in gpus
    )
    return "; ".join(f"{found[each]} x {each}" for each in sorted(found))


def _size(value: int | None) -> str | None:
    return None if value is None else f"{value / 1024**3:.4g} GiB"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"
