"""Ask NVML, and never hang: started as a program by the GPU probe (``python -P nvml_child.py LIMIT``).

A broken driver can block a process inside the kernel, where not even SIGKILL ends it and whoever waits for it
waits forever. So NVML is called in a fork with no pipe of ours, which is left behind when the time is over.
Prints one JSON object: ``driver``, ``cuda_level``, ``gpus``; or ``problem`` with ``absent`` or ``silent``.
"""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]


def main(argv: list[str]) -> int:
    """Print what NVML answers within ``argv[1]`` seconds."""
    answer = within(float(argv[1]), ask)
    sys.stdout.write(json.dumps(answer))
    return 0


def within(limit: float, question: Callable[[], Answer]) -> Answer:
    """Call ``question`` in a fork and return its answer, or say that there was none in time."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(question, writing)
    os.close(writing)
    received = _received(reading, time.monotonic() + limit)
    if received is None:
        os.kill(child, signal.SIGKILL)  # and no wait: see above
        return {"problem": f"did not answer within {limit:g} s", "silent": True}
    os.waitpid(child, 0)
    try:
        answer: Answer = json.loads(received)
    except ValueError:
        return {"problem": "crashed"}
    return answer


def _answer(question: Callable[[], Answer], writing: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    try:
        os.write(writing, json.dumps(question()).encode())
    finally:
        os._exit(0)


def _received(reading: int, deadline: float) -> bytes | None:
    received = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([reading], [], [], left)
        if ready:
            part = os.read(reading, 65536)
            if not part:
                return received
            received += part
    return None


def ask() -> Answer:
    """Ask the real library, through ``nvidia-ml-py``."""
    import pynvml  # noqa: PLC0415 (in the fork only)

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return {
            "problem": _said(error),
            "absent": error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
        }
    gpus: list[Answer] = []
    problems: list[str] = []
    for index in range(_maybe(pynvml.nvmlDeviceGetCount) or 0):
        try:
            gpus.append(_gpu(pynvml, index))
        except pynvml.NVMLError as error:
            problems.append(f"GPU {index}: {_said(error)}")
    return {
        "driver": _maybe(pynvml.nvmlSystemGetDriverVersion),
        "cuda_level": _level(_maybe(pynvml.nvmlSystemGetCudaDriverVersion)),
        "gpus": gpus,
        "problem": "; ".join(problems) or None,
    }


def _gpu(pynvml: Any, index: int) -> Answer:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = _maybe(pynvml.nvmlDeviceGetMemoryInfo, handle)
    capability = _maybe(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
    pci = _maybe(pynvml.nvmlDeviceGetPciInfo, handle)
    return {
        "index": index,
        "name": pynvml.nvmlDeviceGetName(handle),
        "uuid": _maybe(pynvml.nvmlDeviceGetUUID, handle),
        "memory_bytes": memory.total if memory else None,
        "compute_capability": f"{capability[0]}.{capability[1]}" if capability else None,
        "pci_bus_id": pci.busId if pci else None,
        "mig": _mig(pynvml, handle),
    }


def _mig(pynvml: Any, handle: object) -> bool | None:
    try:
        current, _ = pynvml.nvmlDeviceGetMigMode(handle)
    except pynvml.NVMLError as error:
        return False if error.value == pynvml.NVML_ERROR_NOT_SUPPORTED else None
    return bool(current)


def _maybe(function: Callable[..., Any], *arguments: object) -> Any:
    """Call NVML; what this driver or card does not tell is ``None`` (an integrated GPU has no own memory)."""
    import pynvml  # noqa: PLC0415 (in the fork only)

    try:
        return function(*arguments)
    except pynvml.NVMLError:
        return None


def _level(version: int | None) -> str | None:
    """NVML writes CUDA 12.4 as 12040."""
    return None if version is None else f"{version // 1000}.{version % 1000 // 10}"


def _said(error: Exception) -> str:
    return str(error).rstrip(".")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
