"""`envctl gpus` as a user calls it, on machines of a fixture tree."""

import json
import os
import pwd
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envctl.domain.record import Gpu, Record
from tests import machines
from tests.driver_usage import nvml_in_use, process
from tests.integration.world import World

GIB = 1024**3
ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture
def box(world: World, tmp_path: Path) -> World:
    """Give a project on a machine with two RTX 4090 of which the second is in use."""
    machine = machines.load("rtx4090")
    second = machine.gpus[1].uuid
    root = tmp_path / "machine"
    lines = [f"use {second} {6 * GIB} 88", f"process {second} compute 4711 {5 * GIB}"]
    nvml_in_use(root, machine, lines)
    process(root, 4711, "train")
    world.environ = {**world.environ, "ENVCTL_SYSROOT": str(root), "LD_LIBRARY_PATH": ""}
    return world


def saved(world: World, record: Record) -> None:
    text = machines.text(record.name or "")
    world.write(f".envctl/machines/{record.name}.toml", text)


def shell(world: World, **variables: str) -> World:
    return replace(world, environ={**world.environ, **variables})


class TestTable:
    def test_devices_and_who_uses_them(self, box: World) -> None:
        lines = box.envctl("gpus").stdout.splitlines()
        first, second = (gpu.uuid or "" for gpu in machines.load("rtx4090").gpus)
        assert lines[0].split() == ["gpu", "model", "memory", "load", "mig", "visible", "lease"]
        assert lines[1].split()[-3:] == ["off", "cuda:0", "-"]
        assert lines[2].strip() == first
        assert "6.0/24.0 GiB" in lines[3]
        assert "88%" in lines[3]
        assert lines[4].strip() == second
        assert lines[5].split() == ["pid", "4711", ME, "5.0", "GiB", "train"]
        assert lines[-1].endswith("it is not set: CUDA programs see 2 of 2 GPUs")

    def test_json(self, box: World) -> None:
        found = shell(box, CUDA_VISIBLE_DEVICES="1").json("gpus")["result"]
        assert [gpu["ordinal"] for gpu in found["gpus"]] == [None, 0]
        assert found["visible"]["certain"] is True
        assert found["gpus"][1]["memory_used_bytes"] == 6 * GIB
        assert found["gpus"][1]["processes"] == [
            {
                "pid": 4711,
                "name": "train",
                "user": ME,
                "memory_bytes": 5 * GIB,
                "graphics": False,
            }
        ]

    def test_no_gpu_is_an_answer(self, world: World, tmp_path: Path) -> None:
        nowhere = shell(world, ENVCTL_SYSROOT=str(tmp_path / "nothing"))
        assert nowhere.envctl("gpus").stdout == "no GPU: there is no driver\n"
        assert nowhere.json("gpus")["result"]["gpus"] == []

    def test_a_broken_driver_is_an_answer(self, box: World) -> None:
        broken = shell(box, FAKE_NVML="mismatch")
        said = " ".join(broken.envctl("gpus").stdout.split())
        assert "NVML/RM version mismatch" in said
        assert "no GPU" in said

    def test_outside_a_project(self, box: World, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        assert "RTX 4090" in box.envctl("gpus", cwd=elsewhere).stdout
        assert "value         not set" in box.envctl("gpus", "explain", cwd=elsewhere).stdout


class TestExplain:
    def explained(self, world: World, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = world.json("gpus", "explain", *arguments)["result"]
        return found

    def test_the_declared_value(self, box: World) -> None:
        found = self.explained(box)
        assert (found["value"], found["value_from"]) == ("2", "project")
        assert found["tokens"][0]["why"] == "out-of-range"

    def test_this_machines_own_word_counts_more(self, box: World) -> None:
        box.write(".envctl/local.toml", '[env]\nCUDA_VISIBLE_DEVICES = "1"\n')
        found = self.explained(box)
        assert (found["value"], found["value_from"]) == ("1", "local")

    def test_the_callers_counts_more_than_both(self, box: World) -> None:
        found = self.explained(shell(box, CUDA_VISIBLE_DEVICES=""))
        assert (found["value"], found["value_from"]) == ("", "environment")
        assert found["devices"] == []

    @pytest.mark.parametrize("value", ["-1", "-1,0", "", "0,-1,1", "1abc"])
    def test_any_value_can_be_given(self, box: World, value: str) -> None:
        found = self.explained(shell(box, CUDA_VISIBLE_DEVICES="1"), value)
        assert (found["value"], found["value_from"]) == (value, "argument")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("gpus explain --jsn", "did you mean `--json`?"),
            ("gpus explain 0,1 --jsn", "`gpus explain` has no option `--jsn`"),
            ("gpus explain 0 1", "as one word: `envctl gpus explain 0,1`"),
            ("gpus explain 0, 1", "as one word: `envctl gpus explain 0,1`"),
            ("gpus 0,1", "`envctl gpus explain 0,1` says"),
            ("gpus --machine lab", "`envctl gpus explain --machine lab` says"),
        ],
    )
    def test_a_slip_is_no_value_and_what_was_meant_is_said(
        self, box: World, words: str, said: str
    ) -> None:
        assert said in box.envctl(*words.split(), code=2).stderr

    def test_the_text(self, box: World) -> None:
        assert box.envctl("gpus", "explain", "1,-1,0").stdout.splitlines()[1:9] == [
            "value         `1,-1,0` (given here)",
            "order         FASTEST_FIRST (default)",
            f"driver        {machines.load('rtx4090').driver}",
            "",
            "  `1`   cuda:0 is GPU 1 (NVIDIA GeForce RTX 4090)",
            "  `-1`  ends the list: a number below 0 is no device",
            "  `0`   not read: the list ends at `-1`",
            "",
        ]

    def test_text_that_would_steer_the_terminal(self, box: World) -> None:
        assert "\x1b" not in box.envctl("gpus", "explain", "0,\x1b[31m").stdout

    def test_a_recorded_machine(self, box: World) -> None:
        saved(box, replace(machines.load("hpc-a100-mig"), name="hpc-a100-mig"))
        found = self.explained(
            shell(box, CUDA_VISIBLE_DEVICES="1", CUDA_DEVICE_ORDER="PCI_BUS_ID"),
            *("--machine", "hpc-a100-mig"),
        )
        assert (found["machine"], found["value"]) == ("hpc-a100-mig", "2")
        assert (found["value_from"], found["order"]) == ("project", "FASTEST_FIRST")
        assert found["certain"] is False

    def test_a_machine_that_nobody_recorded(self, box: World) -> None:
        done = box.envctl("gpus", "explain", "--machine", "lab-v10", code=2)
        assert "this project has no recorded machines" in done.stderr
        assert "`envctl record --save lab-v10`" in done.stderr
        saved(box, replace(machines.load("lab-v100"), name="lab-v100"))
        done = box.envctl("gpus", "explain", "--machine", "lab-v10", "--json", code=2)
        assert json.loads(done.stdout)["error"]["code"] == "usage"
        assert "did you mean `lab-v100`?" in done.stderr

    def test_a_machine_whose_devices_are_not_known(self, box: World) -> None:
        broken = shell(box, FAKE_NVML="mismatch")
        found = self.explained(broken, "0")
        assert found["known"] is False
        assert "which devices this machine has is not known" in " ".join(
            broken.envctl("gpus", "explain", "0").stdout.split()
        )


def test_verify_says_what_a_declared_list_loses(synced: World) -> None:
    lab = machines.text("lab-v100")
    synced.write(".envctl/machines/lab-v100.toml", lab)
    synced.write(".envctl/machines/laptop.toml", machines.text("wsl"))
    found = [
        (each["code"], each["subject"])
        for each in synced.findings("--only", "fleet")
        if each["code"].startswith("devices-")
    ]
    assert found == [("devices-cut", "laptop")]


def test_two_models_are_named_in_the_order_of_the_shell(world: World, tmp_path: Path) -> None:
    machine = machines.load("rtx4090")
    slow = Gpu(
        index=0,
        name="Quadro P400",
        uuid="GPU-0000aaaa",
        compute_capability="6.1",
        pci_bus_id="0000:01:00.0",
    )
    fast = replace(machine.gpus[0], index=1, pci_bus_id="0000:02:00.0")
    root = tmp_path / "machine"
    nvml_in_use(root, replace(machine, gpus=(slow, fast)), [])
    mixed = shell(world, ENVCTL_SYSROOT=str(root), LD_LIBRARY_PATH="")
    found = mixed.json("gpus", "explain", "0")["result"]
    assert [device["index"] for device in found["devices"]] == [1]
    assert found["certain"] is False
    by_place = shell(mixed, CUDA_DEVICE_ORDER="PCI_BUS_ID").json("gpus", "explain", "0")["result"]
    assert [device["index"] for device in by_place["devices"]] == [0]
    assert by_place["certain"] is True
