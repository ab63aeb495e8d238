import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.record import (
    CONTAINERS,
    GPU_SOURCES,
    SCHEDULERS,
    VENDORS,
    Cpu,
    Gpu,
    MigDevice,
    OperatingSystem,
    Python,
    Record,
    machine_id,
    machine_name,
)
from envctl.domain.record.reading import from_toml_dict
from envctl.domain.variables import VARIABLE_CLASSES, Variable
from envctl.errors import RecordError
from tests import machines

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
mig_devices = st.builds(
    MigDevice,
    uuid=text,
    profile=st.none() | text,
    memory_bytes=st.none() | size,
    gpu_instance=st.none() | st.integers(0, 64),
    compute_instance=st.none() | st.integers(0, 64),
)
gpus = st.builds(
    Gpu,
    index=st.integers(0, 64),
    name=text,
    uuid=st.none() | text,
    memory_bytes=st.none() | size,
    compute_capability=st.none() | version,
    pci_bus_id=st.none() | text,
    mig=st.none() | st.booleans(),
    mig_devices=st.lists(mig_devices, max_size=2).map(tuple),
    vendor=st.sampled_from(VENDORS),
    gfx=st.none() | text,
    kernel_driver=st.none() | text,
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
    cuda_compat=st.none() | version,
    gpu_source=st.sampled_from(GPU_SOURCES),
    gpu_problem=st.none() | text,
    rocm=st.none() | version,
    container=st.none() | st.sampled_from(CONTAINERS),
    scheduler=st.none() | st.sampled_from(SCHEDULERS),
    cpu_limit=st.none() | st.floats(0.001, 4096),
    memory_limit_bytes=st.none() | size,
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
        ({"scheduler": "slrum"}, "scheduler"),
        ({"rocm": "newest"}, "rocm"),
        ({"cpu_limit": 0}, "cpu_limit"),
        ({"cpu_limit": True}, "cpu_limit"),
        ({"cpu_limit": float("nan")}, "cpu_limit"),
        ({"cpu_limit": float("inf")}, "cpu_limit"),
        ({"cpu_limit": "2"}, "cpu_limit"),
        ({"memory_limit_bytes": 0.5}, "memory_limit_bytes"),
        ({"gpus": [{"index": 0, "name": "H", "vendor": "nvida"}]}, "gpus[0].vendor"),
        ({"gpus": [{"index": 0, "name": "H", "mig_devices": [{}]}]}, "gpus[0].mig_devices[0].uuid"),
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
    newer = machines.load("hpc-a100-mig")
    data = _with_more(newer.to_toml_dict())
    assert data != newer.to_toml_dict()
    assert from_toml_dict(data) == newer


def _with_more(value: Any) -> Any:
    """Add a key to every table but that of the variables, whose keys are names."""
    if isinstance(value, list):
        return [_with_more(each) for each in value]
    if isinstance(value, dict):
        more = {key: value[key] if key == "variables" else _with_more(value[key]) for key in value}
        return more | {"newer": {"key": ["x"]}}
    return value


BEFORE = """\
schema = 1
name = "lab"
machine_id = "2bd7180659f04eca"
kernel = "6.1.0"
libc = "glibc 2.36"
architecture = "x86_64"
memory_bytes = 25276502016
driver = "550.54.15"
cuda_level = "12.4"
gpu_source = "nvml"
container = "docker"

[python]
version = "3.11.7"
implementation = "CPython"

[os]
name = "Debian GNU/Linux 12 (bookworm)"
id = "debian"
version = "12"

[cpu]
model = "AMD EPYC"
cores = 2

[[gpus]]
index = 0
name = "NVIDIA H100 80GB HBM3"
uuid = "GPU-1"
memory_bytes = 85520809984
compute_capability = "9.0"
pci_bus_id = "0000:3b:00.0"
mig = true

[variables.HF_HOME]
class = "location"
"""


def test_a_record_from_before_mig_devices_and_limits() -> None:
    assert from_toml_dict(tomllib.loads(BEFORE)) == Record(
        name="lab",
        machine_id="2bd7180659f04eca",
        python=BARE.python,
        os=BARE.os,
        kernel="6.1.0",
        libc="glibc 2.36",
        architecture="x86_64",
        cpu=Cpu(model="AMD EPYC", cores=2),
        memory_bytes=25276502016,
        driver="550.54.15",
        cuda_level="12.4",
        gpu_source="nvml",
        container="docker",
        gpus=(
            Gpu(
                index=0,
                name="NVIDIA H100 80GB HBM3",
                uuid="GPU-1",
                memory_bytes=85520809984,
                compute_capability="9.0",
                pci_bus_id="0000:3b:00.0",
                mig=True,
                vendor="nvidia",
                mig_devices=(),
            ),
        ),
        variables=(Variable(name="HF_HOME", kind="location"),),
    )


@pytest.mark.parametrize("name", machines.names())
def test_the_recorded_machines_are_as_they_would_be_saved(name: str) -> None:
    record = machines.load(name)
    assert record.name == name
    assert machines.text(name).endswith(tomli_w.dumps(record.to_toml_dict()))
    ids = [gpu.uuid for gpu in record.gpus] + [
        device.uuid for gpu in record.gpus for device in gpu.mig_devices
    ]
    assert len(ids) == len(set(ids))


def test_cuda_can_use_nvidias() -> None:
    both = replace(BARE, gpus=(Gpu(index=0, name="A100"), Gpu(index=0, name="MI210", vendor="amd")))
    assert [gpu.name for gpu in both.nvidia_gpus] == ["A100"]


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
