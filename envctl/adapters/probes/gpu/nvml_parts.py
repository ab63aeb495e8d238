"""What NVML says of driver and devices, through ``nvidia-ml-py``, part by part (see ``envctl.adapters.nvidia``).

First ``driver``, ``cuda_level`` and ``count``, or ``problem`` with ``absent``; then an object for each device. Each
part is sent when it is known: a driver that blocks at the third device has told of two.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pynvml

Part = dict[str, Any]
_MOST = 256  # devices; a count beyond it is a lie


def parts() -> Iterator[Part]:
    """Ask the real library; whatever it does not tell is ``None``."""
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        absent = error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND
        yield {"problem": _said(error), "absent": absent}
        return
    count = _maybe(pynvml.nvmlDeviceGetCount)
    yield {
        "driver": _maybe(pynvml.nvmlSystemGetDriverVersion),
        "cuda_level": _level(_maybe(pynvml.nvmlSystemGetCudaDriverVersion)),
        "count": count,
    }
    for index in range(min(count or 0, _MOST)):
        yield {"index": index} | _device(index)


def _device(index: int) -> Part:
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError as error:
        # A scheduler's or container's devices are ours, the others are not: no fault of the driver.
        return {"problem": _said(error), "hidden": error.value == pynvml.NVML_ERROR_NO_PERMISSION}
    memory = _memory(handle)
    capability = _maybe(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
    mig = _mig(handle)
    return {
        "name": _maybe(pynvml.nvmlDeviceGetName, handle),
        "uuid": _maybe(pynvml.nvmlDeviceGetUUID, handle),
        "memory_bytes": memory,
        "compute_capability": f"{capability[0]}.{capability[1]}" if capability else None,
        "pci_bus_id": _maybe(_bus_id, handle),
        "mig": mig,
        "mig_devices": list(_mig_devices(handle, memory)) if mig else [],
    }


def _bus_id(handle: object) -> str:
    bus_id: str = pynvml.nvmlDeviceGetPciInfo(handle).busId  # decoded only here
    return bus_id


def _mig(handle: object) -> bool | None:
    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(handle)
    except pynvml.NVMLError as error:
        return False if error.value == pynvml.NVML_ERROR_NOT_SUPPORTED else None
    return bool(current)


def _mig_devices(handle: object, whole: int | None) -> Iterator[Part]:
    """Give the instances that are there: the slots between them are empty, or somebody else's."""
    for slot in range(min(_maybe(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0, _MOST)):
        device = _maybe(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, slot)
        if device is not None:
            yield {
                "uuid": _maybe(pynvml.nvmlDeviceGetUUID, device),
                "profile": _profile(device, whole),
                "memory_bytes": _memory(device),
                "gpu_instance": _maybe(pynvml.nvmlDeviceGetGpuInstanceId, device),
                "compute_instance": _maybe(pynvml.nvmlDeviceGetComputeInstanceId, device),
            }


def _profile(device: object, whole: int | None) -> str | None:
    """Take the profile from the name (``NVIDIA A100-SXM4-80GB MIG 1g.10gb``), which older drivers leave out.

    Else put it together as nvidia-smi does: slices, and the eighths of the GPU's memory in whole gigabytes.
    """
    _, mig, named = (_maybe(pynvml.nvmlDeviceGetName, device) or "").partition(" MIG ")
    if mig:
        return named.strip()
    attributes = _maybe(pynvml.nvmlDeviceGetAttributes_v2, device)
    if attributes is None or not whole:
        return None
    gpu, compute = attributes.gpuInstanceSliceCount, attributes.computeInstanceSliceCount
    eighths = -(-attributes.memorySizeMB * 1024**2 * 8 // whole)
    gigabytes = round(eighths / 8 * -(-whole // 1024**3))
    return f"{f'{compute}c.' if compute < gpu else ''}{gpu}g.{gigabytes}gb"


def _memory(device: object) -> int | None:
    memory = _maybe(pynvml.nvmlDeviceGetMemoryInfo, device)
    return memory.total if memory else None


def _maybe(function: Callable[..., Any], *arguments: object) -> Any:
    """Call NVML; what this driver or card does not tell is ``None`` (an integrated GPU has no own memory)."""
    try:
        return function(*arguments)
    except (pynvml.NVMLError, UnicodeDecodeError):
        return None


def _level(version: int | None) -> str | None:
    """NVML writes CUDA 12.4 as 12040."""
    return f"{version // 1000}.{version % 1000 // 10}" if version and version > 0 else None


def _said(error: Exception) -> str:
    return str(error).rstrip(".")
