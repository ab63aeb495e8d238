from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters.process import run
from envctl.checks.record import check, twice
from envctl.domain.record import Gpu, OperatingSystem, Python, Record, machine_name
from envctl.domain.variables import Variable
from envctl.errors import RecordError
from envctl.usecases.record import load_all, other_names, save, suggested_name, take, this_machine
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
H100 = "NVIDIA H100 80GB HBM3"
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


@pytest.mark.parametrize("name", [None, "", "../lab", "Lab", ".lab", "lab.toml"])
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


CONFLICT = """\
schema = 1
machine_id = "{}"
<<<<<<< HEAD
driver = "550.54.15"
=======
driver = "580.82.07"
>>>>>>> main
"""


def test_a_broken_record_can_be_saved_again_on_its_own_machine() -> None:
    project = InMemoryProject({PATH: CONFLICT.format(LAB.machine_id)})
    save(LAB, project)
    assert load_all(project) == (LAB,)


@pytest.mark.parametrize("text", [CONFLICT.format("ff" * 8), "<<<<<<< HEAD\n", "a = \n"])
@pytest.mark.parametrize("own", [LAB.machine_id, None])
def test_a_broken_record_is_not_replaced_by_another_machines(text: str, own: str | None) -> None:
    """Whoever follows the message on a laptop would make the lab's machine one without GPUs."""
    project = InMemoryProject({PATH: text})
    with pytest.raises(RecordError, match="`lab` cannot be read, and is not known to be") as caught:
        save(replace(LAB, machine_id=own), project)
    assert "on that machine: `envctl record --save lab`" in (caught.value.hint or "")
    assert project.files == {PATH: text}
    with pytest.raises(RecordError) as caught:
        load_all(project)
    assert (caught.value.hint or "").endswith("on that machine: `envctl record --save lab`")


def test_a_machine_with_two_names() -> None:
    project = InMemoryProject()
    save(LAB, project)
    save(replace(LAB, name="attic", machine_id="ff"), project)
    project.files[".envctl/machines/broken.toml"] = CONFLICT.format(LAB.machine_id)
    project.files[".envctl/machines/.lab.toml"] = project.files[PATH]
    assert other_names(replace(LAB, name="new"), project) == ("broken", "lab")
    assert other_names(LAB, project) == ("broken",)
    assert other_names(replace(LAB, name="new", machine_id=None), project) == ()
    found = list(twice((LAB, replace(LAB, name="new"), replace(LAB, name="x", machine_id=None))))
    assert [(each.code, each.severity, each.message) for each in found] == [
        ("record-twice", "note", "lab, new are records of one machine, by its id")
    ]
    assert list(twice((LAB, replace(LAB, name="x", machine_id="ff")))) == []


def test_an_editors_file_is_no_machine() -> None:
    project = InMemoryProject()
    save(LAB, project)
    project.files[".envctl/machines/.lab.toml"] = project.files[PATH]
    assert [record.name for record in load_all(project)] == ["lab"]


class TestStale:
    def codes(self, saved: Record, now: Record) -> list[tuple[str, str | None]]:
        return [(each.message, each.fix) for each in check(saved, now)]

    def test_another_driver_other_gpus_and_another_libc(self) -> None:
        fix = "envctl record --save lab"
        now = replace(LAB, name=None, driver="580.82.07", libc="glibc 2.36", gpus=LAB.gpus * 2)
        assert self.codes(LAB, now) == [
            ("the record lab: the C library was none, and is glibc 2.36", fix),
            ("the record lab: the driver was 550.54.15, and is 580.82.07", fix),
            (f"the record lab: its set of GPUs was 1 x {H100}, and is 2 x {H100}", fix),
        ]
        assert self.codes(LAB, replace(now, gpus=(), driver=None, libc=None))[1][0].endswith(
            "is none"
        )

    def test_what_says_nothing_of_it(self) -> None:
        assert self.codes(LAB, replace(LAB, kernel="6.8.0", variables=())) == []
        other = replace(LAB, driver="580.82.07")
        for now in (
            replace(other, gpu_problem="the NVIDIA driver does not answer"),
            replace(other, scheduler="slurm"),
            replace(other, container="docker"),
        ):
            assert self.codes(LAB, now) == []


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
