"""`record --json` is read by programs: its keys, their order and their types change only with the schema."""

import json
from pathlib import Path
from typing import Any

import pytest

from envctl.domain.record import (
    SCHEMA,
    Cpu,
    Gpu,
    MigDevice,
    OperatingSystem,
    Python,
    Record,
)
from envctl.domain.variables import Variable
from tests import machines

GOLDEN = Path(__file__).parents[3] / "golden/record.json"
FULL = Record(
    name="lab",
    machine_id="0011223344556677",
    python=Python(version="3.11.7", implementation="CPython"),
    os=OperatingSystem(name="Debian GNU/Linux 12 (bookworm)", id="debian", version="12"),
    kernel="6.1.0",
    libc="glibc 2.36",
    architecture="x86_64",
    cpu=Cpu(model="AMD EPYC", cores=64),
    memory_bytes=274877906944,
    gpus=(
        Gpu(
            index=0,
            name="NVIDIA A100-SXM4-80GB",
            uuid="GPU-1",
            memory_bytes=85899345920,
            compute_capability="8.0",
            pci_bus_id="0000:07:00.0",
            mig=True,
            mig_devices=(
                MigDevice(
                    uuid="MIG-1",
                    profile="1g.10gb",
                    memory_bytes=10200547328,
                    gpu_instance=7,
                    compute_instance=0,
                ),
            ),
        ),
        Gpu(index=0, name="navi31", vendor="amd", gfx="gfx1100", kernel_driver="amdgpu 6.8.5"),
    ),
    driver="550.90.07",
    cuda_level="12.4",
    cuda_compat="13.0",
    gpu_source="nvml",
    gpu_problem="the NVIDIA driver answers in part: GPU 1: GPU is lost",
    rocm="6.2.4",
    container="docker",
    scheduler="slurm",
    cpu_limit=1.5,
    memory_limit_bytes=4294967296,
    variables=(
        Variable(name="CUDA_VISIBLE_DEVICES", kind="host", value="0"),
        Variable(name="HF_HOME", kind="location"),
    ),
)

WHOLE, TEXT, FLAG = (int,), (str,), (bool,)
MIG_TYPES: dict[str, Any] = {
    "uuid": TEXT,
    "profile": (str, None),
    "memory_bytes": (int, None),
    "gpu_instance": (int, None),
    "compute_instance": (int, None),
}
GPU_TYPES: dict[str, Any] = {
    "index": WHOLE,
    "name": TEXT,
    "uuid": (str, None),
    "memory_bytes": (int, None),
    "compute_capability": (str, None),
    "pci_bus_id": (str, None),
    "mig": (bool, None),
    "mig_devices": [MIG_TYPES],
    "vendor": TEXT,
    "gfx": (str, None),
    "kernel_driver": (str, None),
}
TYPES: dict[str, Any] = {
    "schema": WHOLE,
    "name": (str, None),
    "machine_id": (str, None),
    "python": {"version": TEXT, "implementation": TEXT},
    "os": {"name": TEXT, "id": TEXT, "version": (str, None)},
    "kernel": TEXT,
    "libc": (str, None),
    "architecture": TEXT,
    "cpu": {"model": (str, None), "cores": (int, None)},
    "memory_bytes": (int, None),
    "driver": (str, None),
    "cuda_level": (str, None),
    "cuda_compat": (str, None),
    "gpu_source": TEXT,
    "gpu_problem": (str, None),
    "rocm": (str, None),
    "container": (str, None),
    "scheduler": (str, None),
    "cpu_limit": (float, None),
    "memory_limit_bytes": (int, None),
    "gpus": [GPU_TYPES],
    "variables": dict,
}


def holds(value: Any, shape: Any) -> bool:
    if shape is dict:
        return isinstance(value, dict) and all(
            list(v) == ["class", "value"] for v in value.values()
        )
    if isinstance(shape, dict):
        return list(value) == list(shape) and all(holds(value[k], shape[k]) for k in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(holds(each, shape[0]) for each in value)
    return None in shape if value is None else type(value) in shape


def test_golden() -> None:
    assert json.dumps(FULL.to_json(), indent=2) + "\n" == GOLDEN.read_text()


def test_the_golden_file_is_of_this_schema() -> None:
    assert json.loads(GOLDEN.read_text())["schema"] == SCHEMA == 1


@pytest.mark.parametrize("name", machines.names())
def test_keys_in_order_with_their_types(name: str) -> None:
    assert holds(machines.load(name).to_json(), TYPES)


def test_the_shape_notices_a_change() -> None:
    good = FULL.to_json()
    assert holds(good, TYPES)
    assert not holds(good | {"cpu_limit": 1}, TYPES)
    assert not holds(good | {"more": 1}, TYPES)
    assert not holds(dict(reversed(good.items())), TYPES)
