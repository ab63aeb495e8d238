"""What is wrong here, and what mends it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from envctl.domain.diagnosis import Diagnosis
from envctl.domain.lock.contract import contract_of
from envctl.domain.lock.table import lock_table
from envctl.domain.record import Record
from envctl.emitters import pylock
from envctl.emitters.diagnosis_text import emit
from envctl.errors import ProjectError
from envctl.ports import Project
from envctl.usecases.doctor import CHECKS, Patient, doctor
from tests import machines
from tests.in_memory import InMemoryProject
from tests.unit.domain.cuda_locks import lock, package

MANIFEST = '[project]\nname = "vision"\n[tool.envctl]\npython = "3.11"\n'
PROFILES = MANIFEST + '[tool.envctl.profiles.cpu]\n[tool.envctl.profiles.gpu]\ntorch = "cu130"\n'


def locked(version: str) -> str:
    made = lock(package("torch", version))
    return pylock.emit(lock_table(replace(made, contract=contract_of(made))))


def look(
    machine: str | Record, files: Mapping[str, str] | None = None
) -> dict[str, list[Diagnosis]]:
    record = machines.load(machine) if isinstance(machine, str) else machine

    def project() -> Project:
        if files is None:
            raise ProjectError("this is no project", where="/tmp", hint="go to one")
        return InMemoryProject(files)

    found = doctor(Patient(project=project, record=lambda: record))
    return {name: [each for each in found if each.check == name] for name in CHECKS}


class TestTables:
    def test_outside_a_project(self) -> None:
        (found,) = look("no-gpu")["gpu-tables"]
        assert found.state == "ok"
        assert found.message.startswith("the GPU tables are as of 20")

    def test_they_know_what_is_locked(self) -> None:
        files = {"pyproject.toml": MANIFEST, "pylock.toml": locked("2.9.1+cu128")}
        (found,) = look("no-gpu", files)["gpu-tables"]
        assert found.state == "ok"
        assert found.message.endswith(" and know every release that the locks hold")

    def test_they_are_older_than_what_is_locked(self) -> None:
        files = {"pyproject.toml": MANIFEST, "pylock.toml": locked("2.99.0+cu132")}
        (found,) = look("no-gpu", files)["gpu-tables"]
        assert found.state == "warn"
        assert found.message.endswith("are assumed to be those of torch 2.15 for CUDA 13.2")
        assert found.mend == "update envctl; until then that is assumed"

    @pytest.mark.parametrize(
        "version", ["2.6.0+cu124", "2.5.1+cu121", "2.7.1+cu118", "2.15.0+cu130"]
    )
    def test_they_have_no_kernels_of_what_is_locked(self, version: str) -> None:
        files = {"pyproject.toml": MANIFEST, "pylock.toml": locked(version)}
        (found,) = look("h100", files)["gpu-tables"]
        assert found.state == "warn"
        assert found.message.startswith(f"the kernels of torch {version} for CUDA ")
        last = look("h100", files)["gpu"][-1]
        assert (last.state, "whether torch" in last.message) == ("warn", True)

    def test_each_profiles_lock_counts(self) -> None:
        files = {
            "pyproject.toml": PROFILES,
            "pylock.cpu.toml": locked("2.99.0+cpu"),
            "pylock.gpu.toml": locked("2.99.0+cu130"),
        }
        assert [each.state for each in look("no-gpu", files)["gpu-tables"]] == ["warn"]


class TestGpu:
    def test_no_gpu_is_an_answer(self) -> None:
        (found,) = look("no-gpu")["gpu"]
        assert (found.state, found.message) == ("ok", "there is no GPU here")

    def test_the_stack(self) -> None:
        (found,) = look("h100")["gpu"]
        assert found.state == "ok"
        assert found.message == (
            "8 of NVIDIA H100 80GB HBM3 with driver 580.82.07, which speaks CUDA 13.0"
        )

    def test_a_broken_driver(self) -> None:
        found = look("broken-driver")["gpu"][0]
        assert found.state == "fail"
        assert "does not answer" in found.message
        assert found.mend

    @pytest.mark.parametrize(
        ("machine", "version", "state", "message", "mend"),
        [
            (
                "h100",
                "2.11.0+cu130",
                "ok",
                "pylock.toml runs here (pass): driver 580.82.07 speaks CUDA 13.0 itself",
                None,
            ),
            (
                "hpc-a100",
                "2.9.1+cu128",
                "warn",
                "pylock.toml runs here (pass-limited): driver 550.90.07 is older than CUDA 12.8",
                "install driver 570.26 or newer for the full feature set",
            ),
            (
                "hpc-a100",
                "2.11.0+cu130",
                "fail",
                "pylock.toml does not run here: CUDA 13.0 needs driver 580 or newer",
                "install driver 580.65.06 or newer, or lock torch 2.11 with cu128",
            ),
            (
                "no-gpu",
                "2.11.0+cu130",
                "ok",
                "pylock.toml runs here (pass): runs on the CPU: no driver",
                None,
            ),
            (
                "h100",
                "2.11.0+cpu",
                "ok",
                "pylock.toml runs here (pass): nothing in the lock asks for a GPU",
                None,
            ),
        ],
    )
    def test_the_lock_on_it(
        self, machine: str, version: str, state: str, message: str, mend: str | None
    ) -> None:
        files = {"pyproject.toml": MANIFEST, "pylock.toml": locked(version)}
        found = look(machine, files)["gpu"][-1]
        assert (found.state, found.mend) == (state, mend)
        assert found.message.startswith(message)

    def test_the_profile_in_use_counts_and_not_one_that_would_run(self) -> None:
        """A `cpu` profile runs everywhere: that says nothing of the one that is synced here."""
        profiles = '[tool.envctl.profiles.cpu]\ntorch = "cpu"\n[tool.envctl.profiles.cu130]\ntorch = "cu130"\n'
        files = {
            "pyproject.toml": MANIFEST + profiles,
            "pylock.cpu.toml": locked("2.11.0+cpu"),
            "pylock.cu130.toml": locked("2.11.0+cu130"),
        }
        (_, undecided) = look("lab-v100", files)["gpu"]
        assert (undecided.state, undecided.message.split()[0]) == ("ok", "pylock.cpu.toml")
        files[".envctl/local.toml"] = 'profile = "cu130"\n'
        (_, used) = look("lab-v100", files)["gpu"]
        assert (used.state, used.message.split()[0]) == ("fail", "pylock.cu130.toml")
        files[".envctl/local.toml"] = 'profile = "cpu"\n'
        assert look("lab-v100", files)["gpu"][-1].message.startswith("pylock.cpu.toml runs here")

    def test_a_driver_that_does_not_answer_runs_nothing_on_its_gpus(self) -> None:
        files = {"pyproject.toml": MANIFEST, "pylock.toml": locked("2.9.1+cu128")}
        found = look("broken-driver", files)["gpu"]
        assert [each.state for each in found] == ["fail", "warn"]
        assert found[1].message.startswith(
            "pylock.toml runs here (pass-limited): runs on the CPU: the NVIDIA driver does not answer"
        )
        assert (found[1].mend or "").startswith("the driver must answer first")

    def test_another_architecture_is_judged_by_its_own_wheels(self) -> None:
        one = package("torch", "2.11.0+cu130")
        one["wheels"] += package("torch", "2.11.0+cu130", tag="manylinux_2_28_aarch64")["wheels"]
        made = lock(one)
        text = pylock.emit(lock_table(replace(made, contract=contract_of(made))))
        files = {"pyproject.toml": MANIFEST, "pylock.toml": text}
        orin = machines.load("jetson-orin")
        server = replace(orin, kernel="6.8.0", driver="580.95.05", cuda_level="13.0")
        for card, capability, state in (("Thor", "11.0", "ok"), ("T4G", "7.5", "fail")):
            gpus = (replace(orin.gpus[0], name=card, compute_capability=capability),)
            assert look(replace(server, gpus=gpus), files)["gpu"][-1].state == state

    def test_a_remedy_has_wheels_for_the_projects_python(self) -> None:
        for python, named in (("3.11", True), ("3.13", False)):
            files = {
                "pyproject.toml": MANIFEST.replace("3.11", python),
                "pylock.toml": locked("2.11.0+cu130"),
            }
            mend = look("t4", files)["gpu"][-1].mend or ""
            assert ("torch 2.0 with cu118" in mend) is named

    def test_the_best_profile_counts(self) -> None:
        files = {
            "pyproject.toml": PROFILES,
            "pylock.cpu.toml": locked("2.11.0+cpu"),
            "pylock.gpu.toml": locked("2.11.0+cu130"),
        }
        found = look("lab-v100", files)["gpu"][1:]
        assert [(each.state, each.message.split()[0]) for each in found] == [
            ("ok", "pylock.cpu.toml")
        ]

    def test_no_profile_runs(self) -> None:
        files = {
            "pyproject.toml": PROFILES,
            "pylock.cpu.toml": locked("2.15.0+cu132"),
            "pylock.gpu.toml": locked("2.11.0+cu130"),
        }
        found = look("lab-v100", files)["gpu"][1:]
        assert [each.state for each in found] == ["fail", "fail"]

    def test_a_project_that_is_not_locked_yet(self) -> None:
        assert len(look("h100", {"pyproject.toml": MANIFEST})["gpu"]) == 1


def test_a_check_that_cannot_be_made_is_a_failure_with_the_next_step() -> None:
    files = {"pyproject.toml": MANIFEST, "pylock.toml": "<<<<<<< ours\n"}
    found = look("no-gpu", files)
    assert [each.state for each in found["gpu-tables"]] == ["fail"]
    assert found["gpu-tables"][0].mend
    assert [each.state for each in found["gpu"]] == ["ok", "fail"]


def test_the_text_steers_no_terminal() -> None:
    record = machines.load("h100")
    gpus = (replace(record.gpus[0], name="GPU \x1b[31m red\nok    forged"),)
    found = doctor(
        Patient(project=lambda: InMemoryProject({}), record=lambda: replace(record, gpus=gpus))
    )
    text = emit(found)
    assert "\x1b" not in text
    assert len(text.splitlines()) == sum(
        1 + bool(each.mend and each.state != "ok") for each in found
    )
    lines = emit((Diagnosis(check="gpu", state="warn", message="so", mend="do"),)).splitlines()
    assert lines == ["warn  gpu         so", "      mend it: do"]
