"""What NVML says of a device's use now, through ``nvidia-ml-py``, one object a device (see ``nvidia.asking``).

Memory in bytes: what the driver keeps for itself counts as used, so that total less used is what can be had.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pynvml

Part = dict[str, Any]
_MOST = 256  # devices; a count beyond it is a lie
# Newest first: version 3 came with driver 510.
_COMPUTING = (
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetComputeRunningProcesses_v2",
)
_SERVED = (
    "nvmlDeviceGetMPSComputeRunningProcesses_v3",
    "nvmlDeviceGetMPSComputeRunningProcesses_v2",
)
_DRAWING = (
    "nvmlDeviceGetGraphicsRunningProcesses_v3",
    "nvmlDeviceGetGraphicsRunningProcesses_v2",
)


def parts() -> Iterator[Part]:
    """Ask the real library; whatever it does not tell is ``None``."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return
    for index in range(min(_maybe(pynvml.nvmlDeviceGetCount) or 0, _MOST)):
        handle = _maybe(pynvml.nvmlDeviceGetHandleByIndex, index)
        if handle is not None:
            load = _maybe(pynvml.nvmlDeviceGetUtilizationRates, handle)
            yield {
                "index": index,
                "load_percent": load.gpu if load else None,
                "mig": list(_mig(handle)),
                **_use(handle),
            }


def _mig(handle: object) -> Iterator[Part]:
    mode = _maybe(pynvml.nvmlDeviceGetMigMode, handle)
    slots = _maybe(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) if mode and mode[0] else 0
    for slot in range(min(slots or 0, _MOST)):
        device = _maybe(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, slot)
        if device is not None:
            yield _use(device)


def _use(handle: object) -> Part:
    memory = _maybe(pynvml.nvmlDeviceGetMemoryInfo, handle)
    return {
        "uuid": _maybe(pynvml.nvmlDeviceGetUUID, handle),
        "memory_used_bytes": memory.used if memory else None,
        "processes": list(_processes(handle)),
    }


def _processes(handle: object) -> Iterator[Part]:
    """Give each process once; one that computes and draws is listed in both, and computes."""
    seen: set[int] = set()
    for functions, graphics in ((_COMPUTING, False), (_SERVED, False), (_DRAWING, True)):
        for process in _first(functions, handle):
            if process.pid not in seen:
                seen.add(process.pid)
                memory = process.usedGpuMemory
                yield {"pid": process.pid, "memory_bytes": memory, "graphics": graphics}


def _first(functions: tuple[str, ...], handle: object) -> list[Any]:
    """Call the newest function that this driver has; not every user may ask about every device."""
    for name in functions:
        function = getattr(pynvml, name, None)
        answer = _maybe(function, handle) if function else None
        if answer is not None:
            return list(answer)
    return []


def _maybe(function: Callable[..., Any], *arguments: object) -> Any:
    try:
        return function(*arguments)
    except (pynvml.NVMLError, UnicodeDecodeError):
        return None
