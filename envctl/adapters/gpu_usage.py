"""Who uses this machine's devices now: NVML, or else ``nvidia-smi``, both under a time limit."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from envctl.adapters.nvidia import places
from envctl.adapters.nvidia.asking import Deadline, ask, start
from envctl.adapters.probes import gpu as probe
from envctl.adapters.processes import Processes
from envctl.domain.devices import GpuProcess, GpuUse, MigUse, Usage
from envctl.domain.record import Gpu, MigDevice
from envctl.ports import Runner

_QUESTION = Path(__file__).with_name("nvidia") / "usage_parts.py"
_MIB = 1024**2
_DEVICES = "--query-gpu=index,memory.total,memory.free,utilization.gpu"
_PROCESSES = "--query-compute-apps=gpu_uuid,pid,used_memory"
_NEVER = {"[N/A]", "[Not Supported]", "N/A"}
"""What `nvidia-smi` says of a device that never tells this; anything else in brackets is a fault."""

_ASKED = ("nvml", "nvidia-smi")

Said = Mapping[str, Any]


def usage(*, run: Runner, sysroot: Path, limit: float = probe.LIMIT_S) -> Usage:
    """Return all devices with memory, load and processes; no driver and no device are values. Raises nothing.

    The driver has ``limit`` seconds to name its devices, and as many to tell of their use. What a device does not
    tell, or not to this user, is ``None``.
    """
    found = probe.probe(run=run, sysroot=sysroot, limit=limit)
    said, silent = _asked(run, sysroot, limit, found)
    process = Processes(sysroot).named
    gpus = tuple(_use(gpu, _of(gpu, said), process) for gpu in found["gpus"])
    return Usage(
        gpus=gpus,
        driver=found["driver"],
        problem=found["gpu_problem"],
        use_problem=_untold(gpus, silent) if found["gpu_source"] in _ASKED else None,
    )


def _untold(gpus: Iterable[GpuUse], silent: str | None) -> str | None:
    """Say of which devices the driver did not tell their use; of a divided one that of its parts counts."""
    of = [each.gpu.index for each in gpus if each.gpu.vendor == "nvidia" and not _all_told(each)]
    why = f": {silent}" if silent else ""
    listed = ", ".join(map(str, of))
    return f"the NVIDIA driver does not say who uses GPU {listed}{why}" if of else None


def _all_told(use: GpuUse) -> bool:
    return all(part.told for part in use.mig) if use.mig else use.told


def _asked(
    run: Runner, sysroot: Path, limit: float, found: Mapping[str, Any]
) -> tuple[list[Said], str | None]:
    """Return what was said of each device, and why it is not all; who has not named the devices is not asked."""
    if found["gpu_source"] == "nvml":
        return _nvml(run, sysroot, Deadline(limit))
    if found["gpu_source"] == "nvidia-smi":
        return _nvidia_smi(run, sysroot, Deadline(limit), found["gpus"])
    return [], None


def _of(gpu: Gpu, said: Iterable[Said]) -> Said:
    if gpu.vendor != "nvidia":
        return {}
    return next((each for each in said if each.get("index") == gpu.index), {})


_Named = Callable[[int], tuple[str | None, str | None]]


def _use(gpu: Gpu, said: Said, process: _Named) -> GpuUse:
    parts = {part.get("uuid"): part for part in _tables(said.get("mig"))}
    mig = tuple(_part(device, parts.get(device.uuid, {}), process) for device in gpu.mig_devices)
    own = _processes(said, process)
    known = {each.pid for each in own}
    # The whole GPU tells of its parts' processes to root only.
    of_parts = tuple(each for part in mig for each in part.processes if each.pid not in known)
    return GpuUse(
        gpu=gpu,
        told=said.get("told") is True,
        memory_used_bytes=_number(said.get("memory_used_bytes")),
        load_percent=_number(said.get("load_percent"), most=100),
        processes=own + of_parts,
        mig=mig,
    )


def _part(device: MigDevice, said: Said, process: _Named) -> MigUse:
    return MigUse(
        device=device,
        told=said.get("told") is True,
        memory_used_bytes=_number(said.get("memory_used_bytes")),
        processes=_processes(said, process),
    )


def _processes(said: Said, process: _Named) -> tuple[GpuProcess, ...]:
    found = []
    for each in _tables(said.get("processes")):
        pid = _number(each.get("pid"))
        if pid:
            name, user = process(pid)
            memory, graphics = _number(each.get("memory_bytes")), each.get("graphics") is True
            found.append(
                GpuProcess(pid=pid, name=name, user=user, memory_bytes=memory, graphics=graphics)
            )
    return tuple(found)


def _nvml(run: Runner, sysroot: Path, deadline: Deadline) -> tuple[list[Said], str | None]:
    environ = places.environ(sysroot, places.library(sysroot))
    heard = ask(run, _QUESTION, env=environ, deadline=deadline)
    return list(heard.parts), f"NVML {deadline.how(heard.ended)}" if heard.ended != "done" else None


def _nvidia_smi(
    run: Runner, sysroot: Path, deadline: Deadline, gpus: Iterable[Gpu]
) -> tuple[list[Said], str | None]:
    program = places.program(sysroot)
    if program is None:
        return [], "nvidia-smi is gone"

    def rows(query: str, width: int) -> list[list[int | str]] | None:
        argv = [str(program), query, "--format=csv,noheader,nounits"]
        ended = start(run, argv, env=places.environ(sysroot), deadline=deadline)
        lines = [[_cell(cell) for cell in line.split(",")] for line in ended.stdout.splitlines()]
        return [line for line in lines if len(line) == width] if ended.code == 0 else None

    processes = rows(_PROCESSES, 3)
    devices = [_device(*row, told=processes is not None) for row in rows(_DEVICES, 4) or ()]
    uuids = {gpu.index: gpu.uuid for gpu in gpus}
    for uuid, pid, memory in processes or ():
        for device in devices:
            if uuids.get(device["index"]) == uuid:
                device["processes"].append({"pid": pid, "memory_bytes": _bytes(memory)})
    failed = processes is None or not devices
    return list(devices), "nvidia-smi fails when it is asked" if failed else None


def _device(
    index: int | str, total: int | str, free: int | str, load: int | str, *, told: bool
) -> dict[str, Any]:
    used = _bytes(total - free) if isinstance(total, int) and isinstance(free, int) else None
    return {
        "index": index,
        "memory_used_bytes": used,
        "load_percent": load,
        "processes": [],
        "told": told and (used is not None or {total, free} & _NEVER != set()),
    }


def _cell(text: str) -> int | str:
    own = text.strip()
    return int(own) if re.fullmatch(r"[0-9]{1,12}", own) else own


def _bytes(mib: object) -> int | None:
    return mib * _MIB if isinstance(mib, int) else None


def _number(value: object, most: int = 2**60) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= most else None


def _tables(value: object) -> list[Said]:
    listed = value if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, dict)]
