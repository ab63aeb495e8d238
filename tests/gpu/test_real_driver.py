"""The same as in the other tests, with the driver that is here."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gpu.conftest import CUDA, cuda
from tests.integration.world import World

pytestmark = pytest.mark.gpu

GIB = 1024**3
Devices = list[dict[str, Any]]
_INITIAL = "pid:[4026531836]"

# Made from the number of devices and the UUIDs (of the first, and of the last).
VALUES: dict[str, Callable[[int, str, str], str | None]] = {
    "unset": lambda n, a, z: None,
    "empty": lambda n, a, z: "",
    "space": lambda n, a, z: " ",
    "first": lambda n, a, z: "0",
    "backwards": lambda n, a, z: ",".join(map(str, reversed(range(n)))),
    "none": lambda n, a, z: "-1",
    "cut": lambda n, a, z: "0,-1,1",
    "beyond": lambda n, a, z: f"{n}",
    "cut-beyond": lambda n, a, z: f"0,{n},1",
    "cut-then-twice": lambda n, a, z: f"0,{n},0",
    "cut-negative-then-twice": lambda n, a, z: "0,-1,0",
    "twice": lambda n, a, z: "0,0",
    "twice-otherwise": lambda n, a, z: "0,00",
    "letters-after": lambda n, a, z: "0abc",
    "hexadecimal": lambda n, a, z: "0x0",
    "fraction": lambda n, a, z: "0.9",
    "zeros": lambda n, a, z: "000",
    "plus": lambda n, a, z: "+0",
    "minus-zero": lambda n, a, z: "-0",
    "space-before": lambda n, a, z: " 0",
    "space-after": lambda n, a, z: "0 ",
    "tab-newline": lambda n, a, z: "\t0\n",
    "word": lambda n, a, z: "abc",
    "word-later": lambda n, a, z: "0,abc,1",
    "empty-item-first": lambda n, a, z: ",0",
    "empty-item": lambda n, a, z: "0,,1",
    "comma-after": lambda n, a, z: "0,",
    "huge": lambda n, a, z: "4294967296",
    "huger": lambda n, a, z: "18446744073709551616",
    "negative-huge": lambda n, a, z: "-18446744073709551616",
    "uuid": lambda n, a, z: a,
    "uuids-backwards": lambda n, a, z: f"{z},{a}" if n > 1 else z,
    "beginning": lambda n, a, z: a[:12],
    "shortest-beginning": lambda n, a, z: a[:5],
    "prefix-only": lambda n, a, z: "GPU-",
    "uuid-and-more": lambda n, a, z: f"{a}0",
    "uuid-in-capitals": lambda n, a, z: a.upper(),
    "space-before-uuid": lambda n, a, z: f" {a}",
    "space-after-uuid": lambda n, a, z: f"{a} ",
    "uuid-of-nobody": lambda n, a, z: "GPU-00000000-0000-0000-0000-000000000000",
    "uuid-then-nobody": lambda n, a, z: f"{a},GPU-00000000-0000-0000-0000-000000000000",
    "uuid-twice": lambda n, a, z: f"{a},{a}",
    "uuid-and-beginning": lambda n, a, z: f"{a},{a[:14]}",
    "index-then-uuid": lambda n, a, z: f"0,{z}",
    "uuid-then-index": lambda n, a, z: f"{a},{n - 1}",
    "mig-of-nobody": lambda n, a, z: "MIG-00000000-0000-0000-0000-000000000000",
    "old-mig-of-nobody": lambda n, a, z: f"MIG-{a}/1/0",
    "uuid-then-mig": lambda n, a, z: f"{a},MIG-00000000",
}


def bare(uuid: str) -> str:
    return uuid.removeprefix("GPU-").removeprefix("MIG-")


def envctl(*words: str, **variables: str | None) -> dict[str, Any]:
    env = {**os.environ, **{name: text for name, text in variables.items() if text is not None}}
    argv = [sys.executable, "-m", "envctl", *words, "--json"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=True)
    found: dict[str, Any] = json.loads(done.stdout)["result"]
    return found


def test_the_record_has_what_cuda_has(devices: Devices, said: list[str]) -> None:
    record = envctl("record")
    assert record["gpu_source"] == "nvml"
    assert record["gpu_problem"] is None
    said.extend(
        f"record: GPU {gpu['index']} {gpu['name']}, compute capability "
        f"{gpu['compute_capability']}, driver {record['driver']}, CUDA {record['cuda_level']}"
        for gpu in record["gpus"]
    )
    if not any(gpu["mig"] for gpu in record["gpus"]):
        recorded = [(bare(gpu["uuid"]), gpu["name"], gpu["pci_bus_id"]) for gpu in record["gpus"]]
        assert recorded == [
            (device["uuid"], device["name"], device["pci_bus_id"]) for device in devices
        ]


@pytest.fixture(scope="session")
def uuids(devices: Devices) -> list[str]:
    return [gpu["uuid"] for gpu in envctl("record")["gpus"]]


@pytest.mark.parametrize("order", [None, "PCI_BUS_ID"])
@pytest.mark.parametrize("name", VALUES)
def test_a_value_means_what_cuda_makes_of_it(
    uuids: list[str], said: list[str], name: str, order: str | None
) -> None:
    value = VALUES[name](len(uuids), uuids[0], uuids[-1])
    variables = {"CUDA_VISIBLE_DEVICES": value, "CUDA_DEVICE_ORDER": order}
    seen = cuda(variables)
    assert seen is not None
    explained = envctl("gpus", "explain", **variables)
    claimed = [bare(device["uuid"]) for device in explained["devices"]]
    real = [device["uuid"] for device in seen]
    sure = "certain" if explained["certain"] else "not certain"
    if order is None or claimed != real:
        said.append(
            f"{name} ({value!r}, order {order}): CUDA sees {len(real)}, "
            f"explain says {len(claimed)} ({sure}): {'agree' if claimed == real else 'DIFFER'}"
        )
    assert claimed == real, f"{name}: {explained['tokens']} {explained['doubts']}"


def test_who_holds_memory(devices: Devices, said: list[str]) -> None:
    before = envctl("gpus")["gpus"]
    argv = [sys.executable, str(CUDA), "hold", str(GIB)]
    env = {**os.environ, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    with subprocess.Popen(
        argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        table = envctl("gpus")["gpus"]
        holder.communicate()
    gpu = table[0]
    assert gpu["memory_used_bytes"] - before[0]["memory_used_bytes"] > 0.9 * GIB
    processes = [*gpu["processes"], *(p for each in gpu["mig_devices"] for p in each["processes"])]
    own = [each for each in processes if each["pid"] == holder.pid]
    said.append(f"gpus: 1 GiB held by pid {holder.pid}: {processes}")
    if Path("/proc/self/ns/pid").readlink() == Path(_INITIAL) and processes:
        assert [(each["name"], each["graphics"]) for each in own] == [
            (Path(sys.executable).resolve().name[:15], False)
        ]


def test_a_lease_shows_one_device(devices: Devices, project: World, said: list[str]) -> None:
    argv = ("run", "--gpus", "1", "--", sys.executable, str(CUDA), "devices")
    found = json.loads(project.envctl(*argv).stdout)
    assert len(found) == 1
    inside = project.envctl(
        *("run", "--gpus", "1", "--", sys.executable, "-m", "envctl", "gpus", "--json")
    )
    gpus = json.loads(inside.stdout)["result"]["gpus"]
    units = [unit for gpu in gpus for unit in (gpu, *gpu["mig_devices"])]
    leased = [unit for unit in units if unit["lease"]]
    said.append(f"lease: {[unit['uuid'] for unit in leased]} to {leased[0]['lease']['user']}")
    assert [unit["ordinal"] for unit in leased] == [0]
    after = envctl("gpus")["gpus"]
    assert not any(unit["lease"] for gpu in after for unit in (gpu, *gpu["mig_devices"]))


MATMUL = """
import torch
assert torch.cuda.device_count() == 1, torch.cuda.device_count()
a = torch.arange(4096 * 4096, device="cuda", dtype=torch.float64).reshape(4096, 4096) % 7
b = torch.eye(4096, device="cuda", dtype=torch.float64) * 3
assert torch.equal(a @ b, a * 3)
print(torch.__version__, torch.cuda.get_device_name(0))
"""


def test_a_torch_matmul_under_run(devices: Devices, project: World, said: list[str]) -> None:
    python = os.environ.get("ENVCTL_TORCH_PYTHON") or shutil.which("python3") or sys.executable
    asked = subprocess.run([python, "-c", "import torch"], capture_output=True, check=False)
    if asked.returncode != 0:
        pytest.skip(
            "no GPU program: there is no torch (ENVCTL_TORCH_PYTHON names a Python that has it)"
        )
    done = project.envctl("run", "--gpus", "1", "--", python, "-c", MATMUL)
    said.append(f"torch under run --gpus 1: {done.stdout.strip()}")
