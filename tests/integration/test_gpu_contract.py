"""What a lock needs of a GPU machine, through the command line: said when it is made, kept, checked, explained."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests import machines
from tests.index.wheels import Wheel
from tests.integration.world import World


@pytest.fixture
def gpu(world: World) -> World:
    """Give a project whose packages are made for CUDA 12 and 13; the names are made up, the tags are not."""
    world.index.add(Wheel("zz-made-cuda-a", "1.0+cu126"), Wheel("zz-made-cuda-b", "1.0+cu130"))
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-cuda-a", "zz-made-app<2"')
    return world


def contract(world: World) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(world.read("pylock.toml"))["tool"]["envctl"]["contract"]
    return found


def test_lock_says_two_majors_and_verify_reports_them(gpu: World) -> None:
    gpu.envctl("lock")
    assert gpu.findings("--only", "lock") == []
    assert contract(gpu)["cuda"] == "12.6"
    gpu.edit("pyproject.toml", '"zz-made-cuda-a"', '"zz-made-cuda-a", "zz-made-cuda-b"')
    sentence = (
        "CUDA 12 (zz-made-cuda-a 1.0+cu126) and CUDA 13 (zz-made-cuda-b 1.0+cu130) in one lock"
    )
    assert f"note: {sentence}" in gpu.envctl("lock").stderr
    (found,) = gpu.findings("--only", "lock")
    assert (found["code"], found["message"]) == ("cuda-conflict", sentence)
    # It is said again by the quick path, and `lock` has nothing to write.
    again = gpu.envctl("lock").stderr
    assert f"note: {sentence}" in again
    assert "up to date" in again


def test_extras_that_are_never_together_do_not_conflict(gpu: World) -> None:
    gpu.edit("pyproject.toml", '"zz-made-cuda-a", ', "")
    gpu.edit(
        "pyproject.toml",
        "[project.optional-dependencies]",
        '[project.optional-dependencies]\nfast = ["zz-made-cuda-a"]\nnew = ["zz-made-cuda-b"]',
    )
    gpu.envctl("lock")
    assert gpu.codes("--only", "lock") == ["cuda-conflict"]
    gpu.edit("pyproject.toml", 'new = ["zz-made-cuda-b"]', "new = []")
    gpu.envctl("lock")
    assert gpu.codes("--only", "lock") == []


def test_newer_tables_do_not_make_a_lock_stale(gpu: World) -> None:
    gpu.envctl("lock")
    text = gpu.read("pylock.toml")
    date = contract(gpu)["tables"]
    for older in ("2026-01", None):
        line = f'tables = "{date}"'
        gpu.write("pylock.toml", text.replace(line, f'tables = "{older}"' if older else "#"))
        before = gpu.read("pylock.toml").replace("#\n", "")
        gpu.write("pylock.toml", before)
        gpu.envctl("lock", "--check")
        done = gpu.envctl("lock")
        assert "up to date" in done.stderr
        assert gpu.read("pylock.toml") == before


def test_a_contract_that_is_wrong_is_made_anew(gpu: World) -> None:
    gpu.envctl("lock")
    text = gpu.read("pylock.toml")
    gpu.write("pylock.toml", text.replace('driver-full = "560.28.03"', 'driver-full = "1.0"'))
    gpu.envctl("lock", "--check")
    gpu.envctl("lock")
    assert gpu.read("pylock.toml") == text


def test_an_older_envctls_contract_is_read(synced: World) -> None:
    text = synced.read("pylock.toml")
    head, _, rest = text.partition("[tool.envctl.contract]\n")
    old = (
        '[tool.envctl.contract]\naccelerator = "cuda"\ncuda = "12"\ndriver-limited = "525.60.13"\n'
    )
    synced.write("pylock.toml", head + old + "\n[" + rest.partition("\n[")[2])
    assert synced.codes("--skip", "variables") == []
    report = synced.json("doctor", "--offline", code=None)
    checks = [each for each in report["result"]["checks"] if each["check"] == "gpu"]
    # doctor goes by the files that the lock has for this machine, not by what the old contract says
    said = "pylock.toml runs here (pass): nothing in the lock asks for a GPU"
    assert checks[-1]["message"] == said


class TestDoctor:
    def test_a_project_in_order(self, synced: World) -> None:
        done = synced.envctl("doctor", "--offline", code=None)
        lines = [line.split()[:2] for line in done.stdout.splitlines() if " gpu" in line[:12]]
        assert lines == [["ok", "gpu-tables"], ["ok", "gpu"], ["ok", "gpu"]]

    def test_outside_a_project(self, world: World, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        argv = ("-C", str(elsewhere), "doctor", "--json", "--offline")
        found = json.loads(world.envctl(*argv, code=None).stdout)
        states = {each["check"]: each["state"] for each in found["result"]["checks"]}
        assert (states["gpu-tables"], states["gpu"]) == ("ok", "ok")

    def test_a_broken_manifest(self, world: World) -> None:
        world.write("pyproject.toml", "[project\n")
        found = world.json("doctor", "--offline", code=1)
        assert found["ok"] is False
        failed, *others = found["result"]["checks"]
        assert (failed["check"], failed["state"]) == ("project", "fail")
        assert "pyproject.toml" in failed["message"]
        assert "gpu" in {each["check"] for each in others if each["state"] == "ok"}
        done = world.envctl("doctor", "--offline", code=1)
        assert done.stdout.count("pyproject.toml") == 1, "what several checks meet is said once"
        assert "mend it: " in done.stdout


def test_a_lock_for_cuda_on_a_machine_that_is_recorded(gpu: World) -> None:
    """The machine's driver is too old for the lock; what mends it is in the finding."""
    gpu.edit("pyproject.toml", '"zz-made-cuda-a"', '"zz-made-cuda-b"')
    gpu.write(".envctl/machines/hpc-a100.toml", machines.text("hpc-a100"))
    gpu.envctl("lock")
    (found,) = [each for each in gpu.findings("--only", "fleet") if each["severity"] == "error"]
    assert found["code"] == "driver-too-old"
    assert "CUDA 13.0 needs driver 580 or newer, this is 550.90.07" in found["message"]
