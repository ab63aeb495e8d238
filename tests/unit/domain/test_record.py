import json
import tomllib
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.record import (
    CONTAINERS,
    GPU_SOURCES,
    Cpu,
    Gpu,
    OperatingSystem,
    Python,
    Record,
    machine_id,
    machine_name,
)
from envctl.domain.record_reading import from_toml_dict
from envctl.domain.variables import VARIABLE_CLASSES, Variable
from envctl.errors import RecordError

BARE = Record(
    python=Python(version="3.11.7", implementation="CPython"),
    os=OperatingSystem(name="Debian GNU/Linux 12 (bookworm)", id="debian", version="12"),
    kernel="6.1.0",
    architecture="x86_64",
)

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
version = st.lists(st.integers(0, 999), min_size=1, max_size=3).map(
    lambda numbers: ".".join(map(str, numbers))
)
size = st.integers(0, 2**62)
gpus = st.builds(
    Gpu,
    index=st.integers(0, 64),
    name=text,
    uuid=st.none() | text,
    memory_bytes=st.none() | size,
    compute_capability=st.none() | version,
    pci_bus_id=st.none() | text,
    mig=st.none() | st.booleans(),
)
records = st.builds(
    Record,
    schema=st.just(1),
    name=st.none() | text,
    machine_id=st.none() | text,
    python=st.builds(Python, version=version, implementation=text),
    os=st.builds(OperatingSystem, name=text, id=text, version=st.none() | text),
    kernel=text,
    libc=st.none() | text,
    architecture=text,
    cpu=st.builds(Cpu, model=st.none() | text, cores=st.none() | size),
    memory_bytes=st.none() | size,
    gpus=st.lists(gpus, max_size=3).map(tuple),
    driver=st.none() | version,
    cuda_level=st.none() | version,
    gpu_source=st.sampled_from(GPU_SOURCES),
    gpu_problem=st.none() | text,
    container=st.none() | st.sampled_from(CONTAINERS),
    variables=st.lists(
        st.builds(
            Variable, name=text, kind=st.sampled_from(VARIABLE_CLASSES), value=st.none() | st.text()
        ),
        unique_by=lambda variable: variable.name,
        max_size=3,
    ).map(lambda each: tuple(sorted(each, key=lambda variable: variable.name))),
)


@given(records)
def test_toml_round_trip(record: Record) -> None:
    written = tomli_w.dumps(record.to_toml_dict())
    # TOML has no lone carriage return: tomli-w escapes it
    assert from_toml_dict(tomllib.loads(written)) == record


@given(records)
def test_json_has_every_key(record: Record) -> None:
    written = json.loads(json.dumps(record.to_json()))
    assert list(written) == list(BARE.to_json())
    assert written["schema"] == 1


def test_json_of_a_bare_machine() -> None:
    written = BARE.to_json()
    assert written["driver"] is None
    assert written["gpus"] == []
    assert written["gpu_source"] == "none"


def good() -> dict[str, Any]:
    return BARE.to_toml_dict()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"schema": None}, "schema"),
        ({"schema": 2}, "schema"),
        ({"schema": True}, "schema"),
        ({"python": "3.11"}, "python"),
        ({"python": {"version": "3.11.7"}}, "python.implementation"),
        ({"kernel": 6}, "kernel"),
        ({"cpu": {"cores": -1}}, "cpu.cores"),
        ({"memory_bytes": "16 GiB"}, "memory_bytes"),
        ({"gpus": {}}, "gpus"),
        ({"gpus": [{"name": "H100"}]}, "gpus[0].index"),
        ({"gpus": [{"index": 0, "name": "H100", "mig": "on"}]}, "gpus[0].mig"),
        ({"gpus": [{"index": 0, "name": "H", "compute_capability": "sm_90"}]}, "gpus[0].comp"),
        ({"driver": "newest"}, "driver"),
        ({"gpu_source": "nvlm"}, "gpu_source"),
        ({"container": "dokcer"}, "container"),
        ({"variables": {"A": {"value": "1"}}}, "variables.A.class"),
        ({"variables": {"A": {"class": "hots"}}}, "variables.A.class"),
    ],
)
def test_a_bad_record_names_the_key(change: dict[str, Any], where: str) -> None:
    data = {key: value for key, value in (good() | change).items() if value is not None}
    with pytest.raises(RecordError) as caught:
        from_toml_dict(data, ".envctl/machines/lab.toml")
    assert (caught.value.where or "").startswith(f".envctl/machines/lab.toml: {where}")
    assert caught.value.hint


def test_unknown_keys_are_a_newer_envctls() -> None:
    assert from_toml_dict(good() | {"rocm": {"level": "7"}}) == BARE


def test_machine_id_is_a_hash() -> None:
    own = "0123456789abcdef0123456789abcdef"
    assert machine_id(f"{own}\n") == machine_id(own)
    assert machine_id(own) != machine_id(own[::-1])
    assert machine_id(None) is machine_id("") is machine_id("uninitialized\n") is None


@pytest.mark.parametrize("name", ["lab-v100", "0", "a.b_c"])
def test_machine_name(name: str) -> None:
    assert machine_name(name) == name


@pytest.mark.parametrize("name", ["", "Lab", "../x", "a/b", ".x", "a b", "a\n", "-a", "ä"])
def test_a_name_that_cannot_be_a_files(name: str) -> None:
    with pytest.raises(RecordError):
        machine_name(name)
