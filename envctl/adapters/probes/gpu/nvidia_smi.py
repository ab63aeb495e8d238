"""NVIDIA's devices as ``nvidia-smi`` tells of them: its CSV for programs, and its list for MIG instances."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from envctl.adapters.nvidia.asking import Deadline, start
from envctl.adapters.nvidia.places import environ
from envctl.adapters.probes.gpu import cleaned
from envctl.adapters.probes.gpu.answer import Answer, Silence
from envctl.domain.record import Gpu, MigDevice
from envctl.ports import Completed, Runner

# The name is last: a comma in it does no harm.
_FIELDS = (
    *("index", "uuid", "memory.total", "driver_version", "pci.bus_id", "compute_cap"),
    *("mig.mode.current", "name"),
)
_UNKNOWN = re.compile(r'Field "([\w.]+)" is not a valid field')
_CUDA = re.compile(r"CUDA (?:UMD )?Version\s*:\s*(\d+\.\d+)")
_NOTHING = re.compile(r"\[.*\]|N/A|")
_GPU_LINE = re.compile(r"GPU\s+\d+:.*\(UUID:\s*([^)\s]+)\)")
_MIG_LINE = re.compile(r"\s+MIG\s+(\S+)\s+Device\s+\d+:\s*\(UUID:\s*([^)\s]+)\)")
_OLD_MIG = re.compile(
    r"MIG-GPU-[^/]+/(\d+)/(\d+)"
)  # before driver 470: GPU, GPU instance, compute instance
_TIMED_OUT = 124


class Ask(Protocol):
    """Starts ``nvidia-smi`` with these arguments."""

    def __call__(self, *arguments: str) -> Completed: ...


def look(run: Runner, sysroot: Path, program: Path, deadline: Deadline) -> Answer | Silence:
    """Ask ``nvidia-smi``."""

    def ask(*arguments: str) -> Completed:
        return start(run, [str(program), *arguments], env=environ(sysroot), deadline=deadline)

    ended, fields = _query(ask)
    rows = list(_rows(ended.stdout, fields))
    nothing = ended.code == 0 and "No devices were found" in ended.stdout
    if ended.code == _TIMED_OUT or not (rows or nothing):
        return _silence(ended)
    gpus = tuple(_gpu(row) for row in rows)
    why = _why(ended.stdout) if ended.code else None
    if any(gpu.mig for gpu in gpus):
        listed = ask("-L")
        why = "no answer in time" if listed.code == _TIMED_OUT else why
        found = mig_devices(listed.stdout)
        gpus = tuple(replace(gpu, mig_devices=found.get(gpu.uuid or "", ())) for gpu in gpus)
    driver = next((d for row in rows if (d := cleaned.version(row.get("driver_version")))), None)
    problem = f"answers in part: nvidia-smi: {why}" if why else None
    return Answer(
        source="nvidia-smi", driver=driver, cuda_level=_level(ask), gpus=gpus, problem=problem
    )


def _silence(ended: Completed) -> Silence:
    waited = ended.code == _TIMED_OUT
    why = "no answer in time" if waited else _why(ended.stdout) or f"exit code {ended.code}"
    return Silence(problem=f"does not answer: nvidia-smi: {why}", waited=waited)


def _query(ask: Ask) -> tuple[Completed, tuple[str, ...]]:
    """Ask for all fields, less those that are younger than this driver (``compute_cap`` came with 510)."""
    fields: tuple[str, ...] = _FIELDS
    while True:
        ended = ask(f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")
        unknown = _UNKNOWN.search(ended.stdout)
        if ended.code == 0 or unknown is None or unknown[1] not in fields[:-1]:
            return ended, fields
        fields = tuple(field for field in fields if field != unknown[1])


def _rows(text: str, fields: tuple[str, ...]) -> Iterator[Mapping[str, str | None]]:
    """Read the CSV; ``[N/A]``, ``[Not Supported]`` and the like are ``None``, odd lines are passed over."""
    seen: set[str] = set()
    for line in text.splitlines():
        values = [value.strip() for value in line.split(",", len(fields) - 1)]
        index = values[0]
        if len(values) == len(fields) and re.fullmatch(r"[0-9]{1,3}", index) and index not in seen:
            seen.add(index)
            known = [None if _NOTHING.fullmatch(value) else value for value in values]
            yield dict(zip(fields, known, strict=True))


def _gpu(row: Mapping[str, str | None]) -> Gpu:
    memory = row.get("memory.total") or ""
    mib = int(memory) if re.fullmatch(r"[0-9]{1,12}", memory) else None
    return cleaned.gpu(
        {
            "index": int(row["index"] or 0),
            "name": row["name"],
            "uuid": row.get("uuid"),
            "memory_bytes": mib and mib * 1024**2,
            "compute_capability": row.get("compute_cap"),
            "pci_bus_id": row.get("pci.bus_id"),
            # "[N/A]" is said of a card that cannot be divided
            "mig": row["mig.mode.current"] == "Enabled" if "mig.mode.current" in row else None,
        }
    )


def mig_devices(listing: str) -> Mapping[str, tuple[MigDevice, ...]]:
    """Read ``nvidia-smi -L``: the MIG instances by the UUID of their GPU."""
    found: dict[str, tuple[MigDevice, ...]] = {}
    parent: str | None = None
    for line in listing.splitlines():
        if gpu := _GPU_LINE.match(line):
            parent = gpu[1]
        elif parent is not None and (said := _MIG_LINE.match(line)):
            gi, ci = old.groups() if (old := _OLD_MIG.fullmatch(said[2])) else (None, None)
            device = cleaned.mig_device(
                {
                    "profile": said[1],
                    "uuid": said[2],
                    "gpu_instance": gi and int(gi),
                    "compute_instance": ci and int(ci),
                }
            )
            found[parent] = found.get(parent, ()) + ((device,) if device else ())
    return found


def _level(ask: Ask) -> str | None:
    """Read the CUDA level, which only newer programs say without drawing their whole table."""
    for arguments in (("--version",), ()):
        ended = ask(*arguments)
        if level := _CUDA.search(ended.stdout):
            return cleaned.version(level[1])
        if ended.code == _TIMED_OUT:
            break
    return None


def _why(text: str) -> str | None:
    lines = [line for line in text.splitlines() if not re.match(r"\s*[0-9]+\s*,", line)]
    return next((said for line in lines if (said := cleaned.words(line))), None)
