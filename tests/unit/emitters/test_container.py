"""What an engine is told to start: read back as the engine reads it, whatever the names are."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.environment.activation import Assignment
from envctl.domain.image.starting import (
    Caller,
    Gpus,
    HostFacts,
    ImageFacts,
    Mount,
    Start,
    gpus,
    mount,
    port,
)
from envctl.emitters.container import docker, podman
from envctl.errors import ImageError, UsageError
from envctl.usecases.image_run import devices, start, told

PATHS = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\x7f"), min_size=1
).map(lambda text: "/" + text)


def options(argv: tuple[str, ...], name: str) -> list[str]:
    before = argv[: argv.index("--")]
    return [each.partition("=")[2] for each in before if each.partition("=")[0] == name]


@given(PATHS, PATHS, st.lists(st.text()), st.text())
def test_no_name_becomes_an_option(source: str, target: str, argv: list[str], value: str) -> None:
    made = Start(
        image="vision:latest",
        argv=tuple(argv),
        mounts=(Mount(source=source, target=target, readonly=True),),
        env={"NAME": value},
    )
    for found in (docker(made), podman(made)):
        end = found.index("--")
        assert found[end + 1 :] == ("vision:latest", *argv)
        (line,) = options(found, "--mount")
        (fields,) = csv.reader([line], strict=True)
        assert fields == ["type=bind", f"source={source}", f"target={target}", "readonly"]
        assert options(found, "--env") == [f"NAME={value}"]
        assert all(each.startswith("--") for each in found[1:end])


@pytest.mark.parametrize(
    ("text", "as_docker", "as_podman"),
    [
        ("all", ["all"], ["nvidia.com/gpu=all"]),
        ("2", ["2"], ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]),
        ("0", [], []),
        ("device=0,2", ['"device=0,2"'], ["nvidia.com/gpu=0", "nvidia.com/gpu=2"]),
        ("device=GPU-5f", ["device=GPU-5f"], ["nvidia.com/gpu=GPU-5f"]),
    ],
)
def test_gpus_in_each_engine_s_words(text: str, as_docker: list[str], as_podman: list[str]) -> None:
    made = Start(image="x", gpus=gpus(text))
    assert options(docker(made), "--gpus") == as_docker
    assert options(podman(made), "--device") == as_podman


@pytest.mark.parametrize("text", ["", "-1", "device=", "device=0;1", "some", "device=0,,1", "1.5"])
def test_what_names_no_gpus_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no GPUs"):
        gpus(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("8000", "127.0.0.1:8000:8000"),
        ("80:8000", "127.0.0.1:80:8000"),
        ("0.0.0.0:80:8000", "0.0.0.0:80:8000"),
        ("[::1]:80:8000", "[::1]:80:8000"),
    ],
)
def test_a_port_is_for_this_machine_unless_said(text: str, meant: str) -> None:
    assert port(text) == meant


@pytest.mark.parametrize("text", ["0", "65536", "a", "1:2:3:4", "80/udp", "8000:", " 80"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a port"):
        port(text)


@pytest.mark.parametrize(
    ("text", "source", "target", "readonly"),
    [
        ("data", "/p/sub/data", "/app/sub/data", False),
        ("../data:ro", "/p/data", "/app/data", True),
        ("/big", "/big", "/big", False),
        ("../../big", "/big", "/big", False),
        ("data:/in", "/p/sub/data", "/in", False),
        ("a:b:/in:ro", "/p/sub/a:b", "/in", True),
        ("C:x", "/p/sub/C:x", "/app/sub/C:x", False),
        ("data:/in/../out", "/p/sub/data", "/out", False),
        (".", "/p/sub", "/app/sub", False),
    ],
)
def test_a_mount_is_where_it_is_outside(
    text: str, source: str, target: str, readonly: bool
) -> None:
    assert mount(text, "/p/sub", "/p") == Mount(source=source, target=target, readonly=readonly)


@pytest.mark.parametrize("text", ["", ":ro", "a\nb", "a\0b"])
def test_what_is_no_mount_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a mount"):
        mount(text, "/p", "/p")


HERE = Mount(source="/p/data", target="/app/data")
ME = Caller(uid=1000, gid=1001, shared_memory=1 << 30)
IMAGE = ImageFacts(env={"HOME": "/var/cache/app"})


@pytest.mark.parametrize(
    ("host", "mounts", "expected"),
    [
        (HostFacts(), (), (None, False, False)),
        (HostFacts(), (HERE,), ("1000:1001", False, False)),
        (HostFacts(remapped=True), (HERE,), ("1000:1001", False, True)),
        (HostFacts(rootless=True), (HERE,), ("0:0", False, False)),
        (HostFacts(rootless=True, keeps_ids=True), (HERE,), ("1000:1001", True, False)),
        (HostFacts(keeps_ids=True), (HERE,), ("1000:1001", False, False)),
    ],
)
def test_files_that_it_writes_are_the_caller_s(
    host: HostFacts, mounts: tuple[Mount, ...], expected: tuple[str | None, bool, bool]
) -> None:
    made = start("x", (), image=IMAGE, host=host, caller=ME, mounts=mounts)
    assert (made.user, made.keep_id, made.own_ids) == expected
    assert made.shared_memory == 1 << 30


def test_an_engine_elsewhere_has_no_files_of_ours() -> None:
    with pytest.raises(ImageError, match="another machine"):
        start("x", (), image=IMAGE, host=HostFacts(local=False), caller=ME, mounts=(HERE,))
    assert start("x", (), image=IMAGE, host=HostFacts(local=False), caller=ME).shared_memory is None


@pytest.mark.parametrize(
    ("asked", "baked", "host_value", "expected"),
    [
        (None, {"CUDA_VISIBLE_DEVICES": "2"}, "2", {}),
        (Gpus(every=True), {"CUDA_VISIBLE_DEVICES": "2"}, "3", {"CUDA_VISIBLE_DEVICES": "3"}),
        (Gpus(every=True), {}, None, {}),
        (Gpus(count=2), {"CUDA_VISIBLE_DEVICES": "2"}, "2", {"CUDA_VISIBLE_DEVICES": "0,1"}),
        (Gpus(devices=("2",)), {"CUDA_VISIBLE_DEVICES": "2"}, "2", {"CUDA_VISIBLE_DEVICES": "0"}),
        (Gpus(devices=("2",)), {}, "2", {}),
    ],
)
def test_a_baked_device_does_not_hide_the_given_ones(
    asked: Gpus | None, baked: dict[str, str], host_value: str | None, expected: dict[str, str]
) -> None:
    assert devices(asked, ImageFacts(env=baked), host_value) == expected


def test_values_travel_beside_the_command_line() -> None:
    given = (
        Assignment(name="HF_TOKEN", value="word", source="env-file"),
        Assignment(name="LD_PRELOAD", value="/x.so", source="command line"),
        Assignment(name="DOCKER_HOST", value="tcp://x", source="local"),
    )
    made, around = told(Start(image="x"), given, {"PATH": "/bin"})
    assert around == {"PATH": "/bin", "HF_TOKEN": "word"}
    assert options(docker(made), "--env") == [
        "HF_TOKEN",
        "LD_PRELOAD=/x.so",
        "DOCKER_HOST=tcp://x",
    ]
