import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters.probes import gpu
from envctl.adapters.probes.gpu.nvidia_smi import mig_devices
from envctl.adapters.process import run
from envctl.domain.record import MigDevice
from tests import machines
from tests.driver import nvidia_smi, smi_asked, tree
from tests.unit.adapters.test_probes_files import PROC

pytestmark = pytest.mark.usefixtures("nowhere")

LAB = machines.load("lab-v100")
MIG = machines.load("hpc-a100-mig")


def script(root: Path, body: str) -> Path:
    program = tree(root, {"usr/bin/nvidia-smi": f"#!/bin/sh\n{body}\n"}) / "usr/bin/nvidia-smi"
    program.chmod(0o755)
    return root


@pytest.mark.parametrize("name", ["lab-v100", "t4", "h200", "b200", "jetson-orin"])
def test_every_field(tmp_path: Path, name: str) -> None:
    record = machines.load(name)
    assert gpu.probe(run=run, sysroot=nvidia_smi(tmp_path, record)) == {
        "driver": record.driver,
        "cuda_level": record.cuda_level,
        "gpu_source": "nvidia-smi",
        "gpu_problem": None,
        "cuda_compat": None,
        "rocm": None,
        "gpus": record.gpus,
    }


def test_one_that_does_not_know_its_version_draws_its_table(tmp_path: Path) -> None:
    root = nvidia_smi(tmp_path, LAB, version=False)
    assert gpu.probe(run=run, sysroot=root)["cuda_level"] == "12.2"
    assert smi_asked(root)[-2:] == ["--version", ""]


def test_drivers_that_do_not_know_every_field(tmp_path: Path) -> None:
    root = nvidia_smi(tmp_path, LAB, without=("compute_cap", "mig.mode.current"))
    said = gpu.probe(run=run, sysroot=root)
    assert said["gpus"] == tuple(replace(g, compute_capability=None, mig=None) for g in LAB.gpus)


def test_mig_by_the_listing(tmp_path: Path) -> None:
    said = gpu.probe(run=run, sysroot=nvidia_smi(tmp_path, MIG))["gpus"]
    assert [each.mig_devices for each in said] == [
        tuple(MigDevice(uuid=device.uuid, profile=device.profile) for device in each.mig_devices)
        for each in MIG.gpus
    ]
    assert sum(len(each.mig_devices) for each in said) == 9


def test_the_listing_is_not_asked_for_where_nothing_is_divided(tmp_path: Path) -> None:
    root = nvidia_smi(tmp_path, LAB)
    gpu.probe(run=run, sysroot=root)
    assert "-L" not in smi_asked(root)


OLD = "MIG-GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f/7/0"


def test_a_listing_from_before_driver_470() -> None:
    listing = f"GPU 0: A100-SXM4-40GB (UUID: GPU-a)\n  MIG 1g.5gb Device 0: (UUID: {OLD})\n"
    assert mig_devices(listing) == {
        "GPU-a": (MigDevice(uuid=OLD, profile="1g.5gb", gpu_instance=7, compute_instance=0),)
    }


def test_broken(tmp_path: Path) -> None:
    said = gpu.probe(run=run, sysroot=nvidia_smi(tmp_path, LAB, mode="broken"))
    assert (said["gpu_source"], said["gpus"], said["driver"]) == ("none", (), None)
    assert said["gpu_problem"].startswith(
        "the NVIDIA driver does not answer: nvidia-smi: NVIDIA-SMI has failed because it couldn't"
    )


def test_in_part(tmp_path: Path) -> None:
    said = gpu.probe(run=run, sysroot=nvidia_smi(tmp_path, LAB, mode="part"))
    assert said["gpus"] == LAB.gpus
    assert said["gpu_problem"].startswith(
        "the NVIDIA driver answers in part: nvidia-smi: Unable to determine the device handle"
    )


@pytest.mark.parametrize("mode", ["hang", "endless"])
def test_one_that_never_ends(tmp_path: Path, mode: str) -> None:
    root = nvidia_smi(tree(tmp_path, PROC), LAB, mode=mode)
    started = time.monotonic()
    said = gpu.probe(run=run, sysroot=root, limit=1)
    assert time.monotonic() - started < 60
    assert (said["driver"], said["gpu_source"]) == ("535.104.05", "proc")
    assert said["gpu_problem"] == (
        "the NVIDIA driver does not answer: nvidia-smi: no answer in time"
    )
    assert len(smi_asked(root)) == 1


def test_no_devices(tmp_path: Path) -> None:
    said = gpu.probe(run=run, sysroot=nvidia_smi(tmp_path, replace(LAB, gpus=())))
    assert (said["gpus"], said["gpu_source"], said["gpu_problem"]) == ((), "nvidia-smi", None)


def test_a_comma_in_a_name(tmp_path: Path) -> None:
    record = replace(LAB, gpus=(replace(LAB.gpus[0], name="Made, by hand"),))
    assert gpu.probe(run=run, sysroot=nvidia_smi(tmp_path, record))["gpus"] == record.gpus


@pytest.mark.parametrize(
    "body",
    [
        "exit 0",
        "echo surprise",
        "printf '\\377\\376,,,\\n'",
        "printf '0, GPU-a\\n'",
        "printf '\\033[2J\\n'; exit 3",
        "kill -9 $$",
    ],
)
def test_nonsense_is_a_problem_and_no_crash(tmp_path: Path, body: str) -> None:
    said = gpu.probe(run=run, sysroot=script(tmp_path, body))
    assert (said["gpus"], said["gpu_source"]) == ((), "none")
    assert said["gpu_problem"].isprintable()


def test_a_program_of_another_architecture(tmp_path: Path) -> None:
    program = tree(tmp_path, {"usr/bin/nvidia-smi": "\x7fELF"}) / "usr/bin/nvidia-smi"
    program.chmod(0o755)
    said = gpu.probe(run=run, sysroot=tmp_path)["gpu_problem"]
    assert said == "the NVIDIA driver does not answer: nvidia-smi: Exec format error"


def test_an_empty_program_is_none(tmp_path: Path) -> None:
    program = tree(tmp_path, {"usr/bin/nvidia-smi": ""}) / "usr/bin/nvidia-smi"
    program.chmod(0o755)
    assert gpu.probe(run=run, sysroot=tmp_path)["gpu_problem"] is None


uuids = st.uuids().map(str)
instances = st.builds(
    MigDevice,
    uuid=uuids.map("MIG-{}".format),
    profile=st.sampled_from(["1g.10gb", "2g.20gb", "1c.3g.40gb", "1g.10gb+me", "7g.80gb"]),
)
names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1)


@given(st.dictionaries(uuids.map("GPU-{}".format), st.lists(instances, max_size=7)), names)
def test_the_listing_reads_back(gpus: dict[str, list[MigDevice]], name: str) -> None:
    lines = []
    for index, (uuid, devices) in enumerate(gpus.items()):
        lines.append(f"GPU {index}: {name} (UUID: {uuid})")
        lines += [
            f"  MIG {each.profile}     Device  {n}: (UUID: {each.uuid})"
            for n, each in enumerate(devices)
        ]
    found = mig_devices("\n".join(lines))
    assert found == {uuid: tuple(devices) for uuid, devices in gpus.items() if devices}


@given(st.text())
def test_any_listing_is_read(text: str) -> None:
    for devices in mig_devices(text).values():
        assert all(device.uuid.isascii() for device in devices)
