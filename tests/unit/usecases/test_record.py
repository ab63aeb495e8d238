from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters.process import run
from envctl.domain.record import Gpu, OperatingSystem, Python, Record, machine_name
from envctl.domain.variables import Variable
from envctl.errors import RecordError
from envctl.usecases.record import load_all, save, suggested_name, take, this_machine
from tests import machines
from tests.in_memory import InMemoryProject

LAB = Record(
    name="lab",
    machine_id="0011223344556677",
    python=Python(version="3.11.7", implementation="CPython"),
    os=OperatingSystem(name="Debian GNU/Linux 12", id="debian", version="12"),
    kernel="6.1.0",
    architecture="x86_64",
    gpus=(Gpu(index=0, name="NVIDIA H100 80GB HBM3", compute_capability="9.0"),),
    driver="550.54.15",
    gpu_source="nvml",
    variables=(Variable(name="HF_HOME", kind="location"),),
)
PATH = ".envctl/machines/lab.toml"


class Half:
    def __init__(self, **facts: Any) -> None:
        self.NAME = "half"
        self.facts = facts

    def probe(self, **_: Any) -> Mapping[str, Any]:
        return self.facts


def test_take_puts_the_probes_together() -> None:
    one = Half(python=LAB.python, os=LAB.os)
    other = Half(kernel="6.1.0", architecture="x86_64", driver="550.54.15")
    record = take([one, other], run=run, sysroot=Path("/"), name="lab")
    assert (record.name, record.driver, record.gpus) == ("lab", "550.54.15", ())


def test_what_is_saved_is_loaded() -> None:
    project = InMemoryProject()
    assert save(LAB, project) == PATH
    assert project.files[PATH].startswith("# ")
    assert load_all(project) == (LAB,)
    before = dict(project.files)
    save(LAB, project)
    assert project.files == before


@pytest.mark.parametrize("name", machines.names())
def test_every_recorded_machine_is_saved_and_loaded(name: str) -> None:
    project = InMemoryProject()
    path = save(machines.load(name), project)
    assert project.files == {path: machines.text(name)}
    assert load_all(project) == (machines.load(name),)


def test_the_files_name_counts() -> None:
    project = InMemoryProject()
    save(LAB, project)
    project.files[".envctl/machines/attic.toml"] = project.files[PATH]
    project.files[".envctl/machines/notes.md"] = "not a record"
    assert [record.name for record in load_all(project)] == ["attic", "lab"]


def test_another_machines_record_is_not_overwritten() -> None:
    project = InMemoryProject()
    save(LAB, project)
    with pytest.raises(RecordError, match="another machine") as caught:
        save(replace(LAB, machine_id="ff"), project)
    assert caught.value.where == PATH
    assert load_all(project) == (LAB,)


@pytest.mark.parametrize("name", [None, "", "../lab", "Lab"])
def test_a_bad_name_writes_nothing(name: str | None) -> None:
    project = InMemoryProject()
    with pytest.raises(RecordError):
        save(replace(LAB, name=name), project)
    assert project.files == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = \n", "not TOML"),
        ("<<<<<<< HEAD\nschema = 1\n=======\n", "merge-conflict markers"),
        ("schema = 1\n", "missing"),
    ],
)
def test_a_broken_record_names_its_file(text: str, message: str) -> None:
    with pytest.raises(RecordError, match=message) as caught:
        load_all(InMemoryProject({PATH: text}))
    assert (caught.value.where or "").startswith(PATH)
    assert caught.value.hint


def test_a_broken_record_can_be_saved_again() -> None:
    project = InMemoryProject({PATH: "<<<<<<< HEAD\n"})
    save(LAB, project)
    assert load_all(project) == (LAB,)


def test_this_machine() -> None:
    other = replace(LAB, name="other", machine_id=None)
    assert this_machine((other, LAB), "0011223344556677") == LAB
    assert this_machine((other, LAB), "x") is None
    assert this_machine((other, LAB), None) is None


def test_suggested_name() -> None:
    assert suggested_name(LAB) == "h100-80gb-hbm3-0011"
    assert suggested_name(replace(LAB, gpus=(), machine_id=None)) == "cpu-unkn"
    integrated = Gpu(index=0, name="Intel GPU 8086:a780", vendor="intel")
    instinct = Gpu(index=0, name="AMD Instinct MI210", vendor="amd", memory_bytes=64 * 1024**3)
    assert suggested_name(replace(LAB, gpus=(integrated,))) == "cpu-0011"
    assert suggested_name(replace(LAB, gpus=(integrated, instinct))) == "amd-instinct-mi210-0011"
    assert suggested_name(replace(LAB, gpus=(*LAB.gpus, instinct))) == "h100-80gb-hbm3-0011"


@given(st.text())
def test_a_suggested_name_can_be_a_files(model: str) -> None:
    gpus = (Gpu(index=0, name=model),)
    assert machine_name(suggested_name(replace(LAB, gpus=gpus))).endswith("-0011")
