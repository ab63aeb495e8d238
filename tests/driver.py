"""NVIDIA's driver as far as tests need one: a real library for `nvidia-ml-py`, a program that answers as `nvidia-smi`.

Both can be given a recorded machine (`tests.machines`), and then say of it what the real ones would.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from envctl.domain.record import Gpu, Record

ASSETS = Path(__file__).parent / "assets"
LIBRARY = "libnvidia-ml.so.1"


def tree(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder that stands for the file system's root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def nvml(folder: Path) -> Path:
    """Compile `tests/assets/nvml.c` into a folder; returns the folder, which is for LD_LIBRARY_PATH."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail("a C compiler is needed for tests/assets/nvml.c")
        pytest.skip("there is no C compiler for tests/assets/nvml.c")
    argv = [compiler, "-shared", "-fPIC", "-o", str(folder / LIBRARY), str(ASSETS / "nvml.c")]
    subprocess.run(argv, check=True)
    return folder


def nvml_machine(record: Record) -> str:
    """Return the file `nvml.machine` with which the library speaks of a recorded machine."""
    major, minor = (record.cuda_level or "0.0").split(".")
    lines = [f"driver {record.driver or '-'}", f"cuda {int(major) * 1000 + int(minor) * 10}"]
    for gpu in record.nvidia_gpus:
        bus = f"0000{gpu.pci_bus_id.upper()}" if gpu.pci_bus_id else "-"
        memory, capability = gpu.memory_bytes or "-", gpu.compute_capability or "-"
        lines.append(
            f"gpu {gpu.uuid or '-'} {memory} {capability} {bus} {int(bool(gpu.mig))} {gpu.name}"
        )
        lines += [
            f"mig {slot} {each.uuid} {each.memory_bytes or '-'} {each.gpu_instance} {each.compute_instance}"
            f" {each.profile}"
            for slot, each in enumerate(gpu.mig_devices)
        ]
    return "\n".join(lines) + "\n"


def nvidia_smi(
    root: Path,
    record: Record,
    *,
    mode: str = "good",
    version: bool = True,
    without: tuple[str, ...] = (),
) -> Path:
    """Put an `nvidia-smi` into `usr/bin` below a root; `without`: fields that its driver does not know."""
    answers = {
        "mode": mode,
        "driver": record.driver,
        "cuda": record.cuda_level,
        "version": version,
        "gpus": [
            {
                "fields": {k: v for k, v in _fields(gpu, record).items() if k not in without},
                "mig": [{"profile": e.profile, "uuid": e.uuid} for e in gpu.mig_devices],
            }
            for gpu in record.nvidia_gpus
        ],
    }
    # For the shell and for Python alike: the path of a `#!` line can hold no blank.
    start = f"#!/bin/sh\n'''exec' {shlex.quote(sys.executable)} -IS \"$0\" \"$@\"\n' '''\n"
    program = start + (ASSETS / "nvidia_smi.py").read_text()
    tree(root, {"usr/bin/nvidia-smi": program, "usr/bin/nvidia-smi.json": json.dumps(answers)})
    (root / "usr/bin/nvidia-smi").chmod(0o755)
    return root


def smi_asked(root: Path) -> list[str]:
    """Return how the `nvidia-smi` below a root was called, call by call."""
    file = root / "usr/bin/nvidia-smi.asked"
    return file.read_text().splitlines() if file.exists() else []


def _fields(gpu: Gpu, record: Record) -> dict[str, Any]:
    bus = f"0000{gpu.pci_bus_id.upper()}" if gpu.pci_bus_id else "[N/A]"
    return {
        "index": gpu.index,
        "name": gpu.name,
        "uuid": gpu.uuid or "[N/A]",
        "memory.total": gpu.memory_bytes // 1024**2 if gpu.memory_bytes else "[N/A]",
        "driver_version": record.driver,
        "pci.bus_id": bus,
        "compute_cap": gpu.compute_capability or "[N/A]",
        "mig.mode.current": {True: "Enabled", False: "Disabled", None: "[N/A]"}[gpu.mig],
    }
