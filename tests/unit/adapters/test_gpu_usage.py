import os
import pwd
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envctl.adapters.gpu_usage import usage
from envctl.adapters.process import run
from envctl.adapters.processes import Processes
from envctl.domain.devices import GpuProcess, GpuUse, Usage
from envctl.domain.record import Gpu, Record
from envctl.ports import Completed
from tests import machines
from tests.driver import nvidia_smi, smi_asked, tree
from tests.driver_usage import nvml_in_use, process, smi_in_use

GIB = 1024**3
ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def machine() -> Record:
    return machines.load("rtx4090")


def uuids(machine: Record) -> list[str]:
    return [gpu.uuid or "" for gpu in machine.gpus]


class TestNvml:
    def test_memory_load_and_processes(self, tmp_path: Path, machine: Record) -> None:
        first, second = uuids(machine)
        nvml_in_use(
            tmp_path,
            machine,
            [
                f"use {first} {5 * GIB} 97",
                f"process {first} compute 4711 {4 * GIB}",
                f"process {first} mps 4712 -",
                f"process {first} graphics 4711 {GIB}",
                f"process {second} graphics 12 {GIB}",
                f"use {second} - -",
            ],
        )
        process(tmp_path, 4711, "python3")
        found = usage(run=run, sysroot=tmp_path)
        assert [use.gpu for use in found.gpus] == list(machine.gpus)
        assert (found.driver, found.problem) == (machine.driver, None)
        one, two = found.gpus
        assert (one.memory_used_bytes, one.load_percent) == (5 * GIB, 97)
        assert one.processes == (
            GpuProcess(pid=4711, name="python3", user=ME, memory_bytes=4 * GIB),
            GpuProcess(pid=4712),
        )
        assert (two.memory_used_bytes, two.load_percent) == (0, None)
        assert two.processes == (GpuProcess(pid=12, memory_bytes=GIB, graphics=True),)

    def test_a_driver_that_has_the_older_functions_only(
        self, tmp_path: Path, machine: Record
    ) -> None:
        first, _ = uuids(machine)
        nvml_in_use(tmp_path, machine, [f"process {first} compute 4711 {GIB}"], "-DOLD")
        found = usage(run=run, sysroot=tmp_path)
        assert found.gpus[0].processes == (GpuProcess(pid=4711, memory_bytes=GIB),)

    def test_the_parts_of_divided_gpus(self, tmp_path: Path) -> None:
        machine = machines.load("hpc-a100-mig")
        gpu = machine.gpus[0]
        first, second = (part.uuid for part in gpu.mig_devices)
        nvml_in_use(
            tmp_path,
            machine,
            [
                f"use {first} {3 * GIB} -",
                f"process {first} compute 100 {2 * GIB}",
                f"process {second} compute 200 {GIB}",
                f"whole {gpu.uuid}",
            ],
        )
        found = usage(run=run, sysroot=tmp_path)
        use = found.gpus[0]
        assert [part.device for part in use.mig] == list(gpu.mig_devices)
        assert [part.memory_used_bytes for part in use.mig] == [3 * GIB, 0]
        assert [[each.pid for each in part.processes] for part in use.mig] == [[100], [200]]
        assert [each.pid for each in use.processes] == [100, 200]
        assert [part.told for part in use.mig] == [True, True]
        assert found.problems == ()  # of a divided GPU its parts count
        assert found.gpus[2].mig == ()

    def test_what_root_sees_of_the_whole_is_not_counted_twice(self, tmp_path: Path) -> None:
        machine = machines.load("hpc-a100-mig")
        gpu = machine.gpus[0]
        part = gpu.mig_devices[0].uuid
        lines = [f"process {each} compute 100 {GIB}" for each in (gpu.uuid, part)]
        nvml_in_use(tmp_path, machine, lines)
        use = usage(run=run, sysroot=tmp_path).gpus[0]
        assert [each.pid for each in use.processes] == [100]

    def test_a_driver_that_blocks_when_asked_for_the_use(
        self, tmp_path: Path, machine: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nvml_in_use(tmp_path, machine, [])
        monkeypatch.setenv("FAKE_NVML", "hang-use")
        started = time.monotonic()
        found = usage(run=run, sysroot=tmp_path, limit=2)
        assert time.monotonic() - started < 60
        assert [use.gpu for use in found.gpus] == list(machine.gpus)
        assert [use.memory_used_bytes for use in found.gpus] == [None, None]
        assert [use.told for use in found.gpus] == [False, False]
        assert found.problems == (
            "the NVIDIA driver does not say who uses GPU 0, 1: NVML did not answer within 2 s",
        )

    def test_a_device_that_never_tells_has_answered(self, tmp_path: Path, machine: Record) -> None:
        """As a Jetson, whose memory is the system's."""
        first, second = uuids(machine)
        nvml_in_use(tmp_path, machine, [f"never {first}", f"broken {second}"])
        found = usage(run=run, sysroot=tmp_path)
        assert [(use.memory_used_bytes, use.told) for use in found.gpus] == [
            (None, True),
            (None, False),
        ]
        assert found.problems == ("the NVIDIA driver does not say who uses GPU 1",)

    def test_one_whose_processes_are_not_this_users_to_see(
        self, tmp_path: Path, machine: Record
    ) -> None:
        first, _ = uuids(machine)
        nvml_in_use(tmp_path, machine, [f"whole {first}"])
        found = usage(run=run, sysroot=tmp_path)
        assert [(use.memory_used_bytes, use.told) for use in found.gpus] == [(0, False), (0, True)]

    def test_a_driver_that_never_answers(
        self, tmp_path: Path, machine: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nvml_in_use(tmp_path, machine, [])
        monkeypatch.setenv("FAKE_NVML", "hang")
        found = usage(run=run, sysroot=tmp_path, limit=0.5)
        assert found.gpus == ()
        assert "did not answer within 0.5 s" in (found.problem or "")


class TestNvidiaSmi:
    DEVICES = "0, GPU-aaaa, 32768, 535.104.05, 00000000:3B:00.0, 7.0, [N/A], Tesla V100\n"

    def test_where_there_is_no_library(self, tmp_path: Path) -> None:
        smi_in_use(
            tmp_path,
            {
                "--query-gpu=index": "$(:)",
                "--query-compute-apps=gpu_uuid": "GPU-aaaa, 77, 1024\nGPU-aaaa, 78, [N/A]\nGPU-zzzz, 1, 1",
            },
        )
        script = tmp_path / "usr/bin/nvidia-smi"
        text = script.read_text().replace(
            "cat <<'EOT'\n$(:)\nEOT",
            'case "$1" in *memory.free*) echo "0, 32768, 30720, 12";; '
            f"*) echo '{self.DEVICES.strip()}';; esac",
        )
        script.write_text(text)
        process(tmp_path, 77, "train")
        found = usage(run=run, sysroot=tmp_path)
        (use,) = found.gpus
        assert (use.gpu.uuid, found.driver) == ("GPU-aaaa", "535.104.05")
        assert (use.memory_used_bytes, use.load_percent) == (2 * GIB, 12)
        assert use.processes == (
            GpuProcess(pid=77, name="train", user=ME, memory_bytes=GIB),
            GpuProcess(pid=78),
        )
        assert (use.told, found.problems) == (True, ())

    @pytest.mark.parametrize(
        ("devices", "processes", "told"),
        [
            ("echo '0, 32768, 30720, 12'", "exit 6", False),
            ("exit 6", "exit 0", False),
            ("echo '0, 32768, [Unknown Error], 12'", "exit 0", False),
            ("echo '0, [N/A], [N/A], [N/A]'", "exit 0", True),
            ("echo '0, 32768, 30720, [N/A]'", "exit 0", True),
        ],
    )
    def test_what_it_does_not_answer_is_not_known(
        self, tmp_path: Path, devices: str, processes: str, told: bool
    ) -> None:
        script = (
            f'#!/bin/sh\ncase "$1" in\n*memory.free*) {devices};;\n'
            f"--query-compute-apps*) {processes};;\n--query-gpu*) echo '{self.DEVICES.strip()}';;\nesac\n"
        )
        tree(tmp_path, {"usr/bin/nvidia-smi": script})
        (tmp_path / "usr/bin/nvidia-smi").chmod(0o755)
        found = usage(run=run, sysroot=tmp_path)
        (use,) = found.gpus
        assert use.told is told
        assert len(found.problems) == (0 if told else 1)

    def test_one_deadline_for_all_that_it_is_asked(self, tmp_path: Path) -> None:
        """Once to name the devices, once to tell of their use: a slow answer leaves less time for the next."""
        nvidia_smi(tmp_path, machines.load("hpc-a100-mig"))
        limits: list[float] = []

        def watched(argv: Sequence[str], **more: Any) -> Completed:
            limits.append(float(argv[3]))
            return run(argv, **more)

        usage(run=watched, sysroot=tmp_path, limit=30)
        calls = [call.split("=")[0] for call in smi_asked(tmp_path)]
        assert calls == ["--query-gpu", "-L", "--version", "--query-compute-apps", "--query-gpu"]
        named, used = limits[:3], limits[3:]
        assert 30 >= named[0] > named[1] > named[2]
        assert 30 >= used[0] > used[1]


class TestNothing:
    def test_no_driver(self, tmp_path: Path) -> None:
        assert usage(run=run, sysroot=tmp_path) == Usage()

    def test_the_kernels_files_only(self, tmp_path: Path) -> None:
        folder = tmp_path / "proc/driver/nvidia/gpus/0000:3b:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text("Model: Tesla V100\nGPU UUID: GPU-aaaa\n")
        (tmp_path / "proc/driver/nvidia/version").write_text(
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\n"
        )
        found = usage(run=run, sysroot=tmp_path)
        gpu = Gpu(index=0, name="Tesla V100", uuid="GPU-aaaa", pci_bus_id="0000:3b:00.0")
        assert found.gpus == (GpuUse(gpu=gpu),)
        assert found.problem is not None


class TestProcesses:
    def test_this_process(self) -> None:
        name, user = Processes(Path("/")).named(os.getpid())
        assert (name is None, user) in (
            (False, ME),
            (True, None),
        )  # None: a container, no device open

    def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        assert Processes(tmp_path).named(4711) == (None, None)

    @pytest.mark.parametrize(
        ("namespace", "device", "known"),
        [
            ("pid:[4026531836]", "/tmp/x", True),
            ("pid:[4026532999]", "/tmp/x", False),
            ("pid:[4026532999]", "/dev/nvidia0", True),
            ("pid:[4026532999]", "/dev/nvidiactl", True),
        ],
    )
    def test_a_number_in_a_container_may_be_another_process(
        self, tmp_path: Path, namespace: str, device: str, known: bool
    ) -> None:
        process(tmp_path, 7, "sleep")
        (tmp_path / "proc/self/ns").mkdir(parents=True)
        (tmp_path / "proc/self/ns/pid").symlink_to(namespace)
        (tmp_path / "proc/7/fd").mkdir()
        (tmp_path / "proc/7/fd/3").symlink_to(device)
        assert Processes(tmp_path).named(7) == (("sleep", ME) if known else (None, None))

    def test_a_name_that_would_steer_the_terminal(self, tmp_path: Path) -> None:
        process(tmp_path, 7, "a\x1b[31mb")
        assert Processes(tmp_path).named(7)[0] == "a\\x1b[31mb"


def test_a_device_without_a_uuid_is_matched_by_its_number(tmp_path: Path) -> None:
    machine = machines.load("rtx4090")
    second = replace(machine.gpus[1], uuid=None)
    nameless = replace(machine, gpus=(machine.gpus[0], second))
    nvml_in_use(tmp_path, nameless, ["use - 1000 5"])
    found = usage(run=run, sysroot=tmp_path)
    assert [use.gpu.uuid for use in found.gpus] == [machine.gpus[0].uuid, None]
    assert [use.memory_used_bytes for use in found.gpus] == [0, 1000]
