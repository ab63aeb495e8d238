"""What NVML says of a device's use now, through ``nvidia-ml-py``, one object a device (see ``nvidia.asking``).

Memory in bytes: what the driver keeps for itself counts as used, so that total less used is what can be had.
``told``: memory and computing processes were answered, be it with "not supported": this device never tells that.
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
_NEVER = (pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)


def parts() -> Iterator[Part]:
    """Ask the real library; whatever it does not tell is ``None``."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return
    for index in range(min(_asked(pynvml.nvmlDeviceGetCount)[0] or 0, _MOST)):
        handle, _ = _asked(pynvml.nvmlDeviceGetHandleByIndex, index)
        if handle is not None:
            load, _ = _asked(pynvml.nvmlDeviceGetUtilizationRates, handle)
            yield {
                "index": index,
                "load_percent": load.gpu if load else None,
                "mig": list(_mig(handle)),
                **_use(handle),
            }


def _mig(handle: object) -> Iterator[Part]:
    mode, _ = _asked(pynvml.nvmlDeviceGetMigMode, handle)
    slots = _asked(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle)[0] if mode and mode[0] else 0
    for slot in range(min(slots or 0, _MOST)):
        device, _ = _asked(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, slot)
        if device is not None:
            yield _use(device)


def _use(handle: object) -> Part:
    memory, told = _asked(pynvml.nvmlDeviceGetMemoryInfo, handle)
    computing, listed = _newest(_COMPUTING, handle)
    others = (
        (_newest(_SERVED, handle)[0], False),
        (_newest(_DRAWING, handle)[0], True),
    )
    return {
        "uuid": _asked(pynvml.nvmlDeviceGetUUID, handle)[0],
        "memory_used_bytes": memory.used if memory else None,
        "processes": list(_processes((computing, False), *others)),
        "told": told and listed,
    }


def _processes(*lists: tuple[list[Any] | None, bool]) -> Iterator[Part]:
    """Give each process once; one that computes and draws is listed in both, and computes."""
    seen: set[int] = set()
    for listed, graphics in lists:
        for process in listed or ():
            if process.pid not in seen:
                seen.add(process.pid)
                memory = process.usedGpuMemory
                yield {"pid": process.pid, "memory_bytes": memory, "graphics": graphics}


def _newest(functions: tuple[str, ...], handle: object) -> tuple[list[Any] | None, bool]:
    """Call the newest function that this driver has; not every user may ask about every device."""
    told = True
    for name in functions:
        function = getattr(pynvml, name, None)
        if function is None:
            continue
        answer, told = _asked(function, handle)
        if answer is not None or not told:
            return answer, told
    return None, told


def _asked(function: Callable[..., Any], *arguments: object) -> tuple[Any, bool]:
    """Return the answer, and whether it is one: a device that never tells that has answered too."""
    try:
        return function(*arguments), True
    except pynvml.NVMLError as error:
        return None, error.value in _NEVER
    except UnicodeDecodeError:
        return None, False
