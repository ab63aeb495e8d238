"""`envctl image build` and `envctl image run` with the real engine, as a user calls them."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from envctl.adapters.leases.shared import SharedLeases
from tests.driver_usage import nvml_in_use
from tests.image_projects import UV_PIN
from tests.integration.github_runner import Runner
from tests.integration.sharing import GPUS, four
from tests.system import engine

pytestmark = pytest.mark.docker

MANIFEST = """\
[project]
name = "{name}"
dependencies = []

[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]

[tool.envctl.env]
CUDA_VISIBLE_DEVICES = "2"
NCCL_SOCKET_IFNAME = "declared0"

[tool.envctl.image]
command = ["python", "-c", "print('as made')"]
source = ["src"]
"""


@dataclass
class Project:
    root: Path
    tag: str

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "envctl", *arguments],
            cwd=self.root,
            env={**os.environ, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def envctl(
        self, *arguments: str, code: int = 0, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        child = self.start(*arguments, **more)
        out, err = child.communicate(timeout=600)
        assert child.returncode == code, out + err
        assert "Traceback" not in err
        return subprocess.CompletedProcess(arguments, code, out, err)

    def run(
        self, *arguments: str, code: int = 0, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        return self.envctl("image", "run", *arguments, code=code, **more)


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, python_base: engine.BaseImage
) -> Iterator[Project]:
    """An image without a package: what is installed is not the question here."""
    root = tmp_path_factory.mktemp("image") / "pro ject"
    (root / "src").mkdir(parents=True)
    (root / "src" / "app.py").write_text("print('source')\n")
    name = f"Zz.Made_{uuid.uuid4().hex[:8]}"
    (root / "pyproject.toml").write_text(MANIFEST.format(name=name))
    (root / ".envctl" / "image").mkdir(parents=True)
    (root / ".envctl" / "image" / "uv.txt").write_text(UV_PIN)
    found = Project(root, f"{name.lower().replace('.', '-').replace('_', '-')}:latest")
    found.envctl("lock")
    found.envctl("dockerize")
    yield found
    engine.remove_image(found.tag)


@pytest.fixture(scope="module")
def report(project: Project) -> dict[str, object]:
    done = project.envctl("image", "build", "--json", SOURCE_DATE_EPOCH="0")
    assert re.search(r"^ +([0-9.]+ s|cached)  \[final .*COPY", done.stderr, re.MULTILINE)
    found: dict[str, object] = json.loads(done.stdout)["result"]
    return found


@pytest.fixture
def built(project: Project, report: dict[str, object]) -> Project:
    assert report["tags"] == [project.tag]
    return project


def test_the_report_says_what_the_engine_has(project: Project, report: dict[str, object]) -> None:
    shown = json.loads(engine.docker("image", "inspect", project.tag))[0]
    assert report["image"] == shown["Id"]
    assert report["size"] == shown["Size"]
    layers = report["layers"]
    assert isinstance(layers, list)
    assert sum(layer["size"] for layer in layers) == shown["Size"]
    assert any("/opt/venv" in layer["made_by"] for layer in layers)


def test_a_second_build_takes_all_from_the_cache(built: Project) -> None:
    done = built.envctl("image", "build")
    ends = re.findall(r"^ {0,7}(\S+|[0-9.]+ s)  \[(\w+) ", done.stderr, re.MULTILINE)
    assert {end for end, stage in ends if stage == "final"} == {"cached"}
    assert done.stdout.splitlines()[-1].endswith(f"MB  {built.tag}")


def test_without_a_command_it_does_what_it_is_made_for(built: Project) -> None:
    assert built.run().stdout == "as made\n"


def test_the_exit_code_is_the_command_s(built: Project) -> None:
    assert built.run("--", "sh", "-c", "echo out; echo err >&2; exit 7", code=7).stdout == "out\n"
    built.run("--", "sh", "-c", "exit 125", code=125)
    assert "no-such-command" in built.run("--", "no-such-command", code=127).stderr


@pytest.mark.parametrize(
    ("number", "command", "code"),
    [
        (signal.SIGTERM, "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done", 9),
        (signal.SIGINT, "trap 'exit 8' INT; echo ready; while :; do sleep 0.1; done", 8),
        # Process 1 of a container would not die of it.
        (signal.SIGTERM, "echo ready; exec sleep 100", 143),
    ],
)
def test_signals_reach_the_command(
    built: Project, number: signal.Signals, command: str, code: int
) -> None:
    child = built.start("image", "run", "--", "sh", "-c", command)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode == code


def test_stdin_is_passed_on(built: Project) -> None:
    argv = [sys.executable, "-m", "envctl", "image", "run", "--", "cat"]
    done = subprocess.run(
        argv, cwd=built.root, input="a\nb", capture_output=True, text=True, check=True
    )
    assert done.stdout == "a\nb"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_what_it_writes_in_a_mount_is_the_caller_s(built: Project) -> None:
    """As root here, so the owner is asked for; the mapping itself is a unit test."""
    folder = built.root / "da,ta"
    folder.mkdir(exist_ok=True)
    os.chown(folder, 4711, 4712)
    built.run("--mount", "da,ta", "--user", "4711:4712", "--", "touch", "da,ta/theirs")
    built.run("--mount", "da,ta", "--", "touch", "/app/da,ta/mine")
    owners = {each.name: (each.stat().st_uid, each.stat().st_gid) for each in folder.iterdir()}
    assert owners == {"theirs": (4711, 4712), "mine": (os.getuid(), os.getgid())}
    built.run("--mount", "da,ta:/in:ro", "--", "touch", "/in/x", code=1)
    assert stat.S_ISDIR(folder.stat().st_mode)


def test_without_a_mount_it_is_the_image_s_own_user(built: Project) -> None:
    assert built.run("--", "id", "-u").stdout == "10001\n"


def test_a_mount_that_is_not_there_is_not_made(built: Project) -> None:
    done = built.run("--mount", "nowhere", "--", "true", code=2)
    assert "there is no `" in done.stderr
    assert not (built.root / "nowhere").exists()


def test_it_is_told_what_the_image_must_not_carry(built: Project) -> None:
    """Host variables, this person's own and secrets; a secret is in no list of arguments."""
    secret = f"word-{uuid.uuid4().hex}"
    (built.root / ".envctl" / "local.toml").write_text(
        'env-file = "secrets.env"\n[env]\nMINE = "a b"\n'
    )
    (built.root / "secrets.env").write_text(f"HF_TOKEN={secret}\n")
    command = "echo ready; env; sleep 100"
    child = built.start(
        *("image", "run", "--env", "GIVEN=c=d", "--", "sh", "-c", command),
        NCCL_SOCKET_IFNAME="mine0",
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    argvs = [bytes_of(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=60)
    (built.root / ".envctl" / "local.toml").unlink()
    wanted = {f"HF_TOKEN={secret}", "MINE=a b", "GIVEN=c=d", "NCCL_SOCKET_IFNAME=mine0"}
    assert wanted <= set(out.splitlines())
    assert "CUDA_VISIBLE_DEVICES=2" in out.splitlines()
    assert any(b"HF_TOKEN" in argv for argv in argvs)
    assert not any(secret.encode() in argv for argv in argvs)


def bytes_of(path: Path) -> bytes:
    """Of a process's arguments; none where it has ended meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_port_is_published_to_this_machine_alone(built: Project) -> None:
    child = built.start("image", "run", "-p", "8000", "--", "sh", "-c", "echo ready; sleep 100")
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    listed = engine.docker("ps", f"--filter=ancestor={built.tag}", "--format={{.Ports}}")
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    assert listed.split() == ["127.0.0.1:8000->8000/tcp"]


def test_a_missing_gpu_runtime_is_said_with_the_remedy(built: Project) -> None:
    done = built.run("--gpus", "all", "--", "true", code=4)
    assert "the engine has no GPU runtime" in done.stderr
    assert "nvidia-ctk runtime configure" in done.stderr


def test_gpus_are_leased_while_the_container_lives(built: Project, tmp_path: Path) -> None:
    """A made-up driver with four devices; the engine has none, so what it is told is looked at instead."""
    machine, leases = tmp_path / "machine", tmp_path / "leases"
    machine.mkdir()
    leases.mkdir(mode=0o700)
    nvml_in_use(machine, four(), [])
    shim = tmp_path / "bin" / "docker"
    shim.parent.mkdir()
    shim.write_text('#!/bin/sh\nprintf "%s\\n" "$@"; exec sleep 100\n')
    shim.chmod(0o755)
    child = built.start(
        *("image", "run", "--gpus", "1", "--", "true"),
        ENVCTL_SYSROOT=str(machine),
        ENVCTL_LEASES=str(leases),
        PATH=f"{shim.parent}:{os.environ['PATH']}",
    )
    assert child.stdout is not None
    said = list(iter(child.stdout.readline, "true\n"))
    held = SharedLeases(leases).held()
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=60)
    (uuid_held,) = held
    assert uuid_held in GPUS
    assert f"--gpus=device={uuid_held}\n" in said
    assert "--env=CUDA_VISIBLE_DEVICES=0\n" in said
    assert child.returncode == 128 + signal.SIGTERM


def test_leases_are_for_machines_with_gpus(built: Project, tmp_path: Path) -> None:
    done = built.run("--gpus", "1", "--", "true", code=3, ENVCTL_LEASES=str(tmp_path))
    assert "no NVIDIA GPU" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DOCKER_HOST", "unix:///no/such.sock", "no container engine answers"),
        ("DOCKER_HOST", "tcp://127.0.0.1:1", "no container engine answers"),
        ("DOCKER_CONTEXT", "nowhere", "there is no docker context `nowhere`"),
    ],
)
@pytest.mark.parametrize("command", ["build", "run"])
def test_an_absent_engine_is_said_with_its_address(
    built: Project, command: str, name: str, value: str, words: str
) -> None:
    child = built.start("image", command, **{name: value})
    _, said = child.communicate(timeout=60)
    assert child.returncode == 4
    assert words in said
    assert value in said
    assert "next:  " in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_a_forbidden_socket_is_said(built: Project, tmp_path: Path) -> None:
    """Another user than root's, who is in no group."""
    script = "import os,sys; os.setgroups([]); os.setgid(65534); os.setuid(65534); import docker\n"
    script += "from envctl.adapters import docker_host\n"
    script += "from envctl.errors import ContainerError\n"
    script += "try:\n    docker_host.connect(5).__enter__()\n"
    script += "except ContainerError as e: print(e.message, e.where, e.hint)"
    env = {**os.environ, "HOME": "/", "DOCKER_CONFIG": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=env
    )
    assert done.stdout.startswith("the container engine refuses you unix:///var/run/docker.sock")
    assert "usermod -aG docker" in done.stdout


def test_a_context_names_the_engine(built: Project, tmp_path: Path) -> None:
    """A context with the address of the real engine is followed; the default socket is not asked."""
    link = tmp_path / "other.sock"
    link.symlink_to("/var/run/docker.sock")
    config = str(tmp_path / "config")
    (tmp_path / "config").mkdir()
    create = [str(engine.docker_cli()), "context", "create", "elsewhere"]
    subprocess.run(
        [*create, f"--docker=host=unix://{link}"],
        env={**os.environ, "DOCKER_CONFIG": config},
        check=True,
        capture_output=True,
    )
    (tmp_path / "config" / "config.json").write_text('{"currentContext": "elsewhere"}')
    assert built.run("--", "echo", "there", DOCKER_CONFIG=config).stdout == "there\n"
    link.unlink()
    done = built.run("--", "echo", "there", code=4, DOCKER_CONFIG=config)
    assert str(link) in done.stderr


def test_a_stale_dockerfile_is_not_built(built: Project) -> None:
    manifest = built.root / "pyproject.toml"
    before = manifest.read_text()
    manifest.write_text(before.replace('"as made"', '"anew"').replace("'as made'", "'anew'"))
    done = built.envctl("image", "build", code=3)
    manifest.write_text(before)
    assert "next:  run `envctl dockerize`" in done.stderr


def test_an_image_that_is_not_there_is_named(built: Project) -> None:
    done = built.run("--image", "zz-made-nothing", code=4)
    assert "has no image `zz-made-nothing`" in done.stderr
    assert "`envctl image build --tag zz-made-nothing`" in done.stderr
    asked = built.envctl("image", "verify", "localhost:9/zz-made-nothing", code=3)
    assert "the engine has no image `localhost:9/zz-made-nothing`, and the registry" in asked.stderr
    assert "docker image ls" in asked.stderr


def test_an_option_that_is_none_is_no_command(built: Project) -> None:
    done = built.run("--gpu", "all", "--", "true", code=2)
    assert "has no option `--gpu`" in done.stderr
    assert built.run("--", "echo", "--gpu", "-p").stdout == "--gpu -p\n"
    assert built.run("echo", "--gpu").stdout == "--gpu\n"


def test_without_a_name_it_verifies_what_it_builds(built: Project) -> None:
    report = json.loads(built.envctl("image", "verify", "--json").stdout)
    assert report["result"]["image"] == built.tag


def test_ci_builds_it_by_the_script_of_its_workflow(built: Project, tmp_path: Path) -> None:
    printed = built.envctl("export", "ci", "--only", "check", "--print").stdout
    here = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    runner = Runner(folder=tmp_path / "runner", environ=here)
    done = runner.run(yaml.safe_load(printed), "image", built.root, leaving=("Install envctl",))
    assert done.failed is None, done.said
    assert f"MB  {built.tag}" in done.said["Build the image"]


def test_an_image_of_another_lock_is_run_and_said(
    built: Project, tmp_path: Path, image_tag: str
) -> None:
    label = "io.envctl.slice.linux-x86_64"
    old = json.loads(engine.docker("image", "inspect", built.tag))[0]["Config"]["Labels"][label]
    made = f"FROM {built.tag}\nLABEL {label}={old[:-1]}{'0' if old[-1] != '0' else '1'}\n"
    (tmp_path / "Dockerfile").write_text(made)
    engine.build(tmp_path, tag=image_tag)
    done = built.run("--image", image_tag, "--", "echo", "there")
    assert done.stdout == "there\n"
    said = f"note: `{image_tag}` was not made from pylock.toml as it is today"
    assert said in done.stderr
    assert "was not made" not in built.run("--", "true").stderr
    proof = built.envctl("image", "verify", image_tag, code=1).stdout
    assert "another slice of the lock: an older one's, or another profile's" in proof
    assert "run `envctl dockerize`, then `envctl image build`" in proof


def test_a_failed_step_is_named_with_what_it_said(built: Project) -> None:
    dockerfile = built.root / "Dockerfile"
    before = dockerfile.read_text()
    dockerfile.write_text(f"{before}\nUSER 0\nRUN echo this is why >&2; exit 3\n")
    done = built.envctl("image", "build", code=4)
    dockerfile.write_text(before)
    assert "this is why" in done.stderr
    assert "a step of the build failed with exit code 3" in done.stderr
    assert "RUN echo this is why" in done.stderr


def test_a_killed_build_leaves_nothing_of_its_own(built: Project, tmp_path: Path) -> None:
    dockerfile = built.root / "Dockerfile"
    before = dockerfile.read_text()
    dockerfile.write_text(f"{before}\nRUN sleep 60; : {uuid.uuid4()}\n")  # in no cache
    child = built.start("image", "build", "--secret", "x=/etc/hostname", TMPDIR=str(tmp_path))
    assert child.stderr is not None
    for line in child.stderr:
        if "sleep 60" in line:
            break
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    dockerfile.write_text(before)
    assert child.returncode == 130
    assert list(tmp_path.iterdir()) == []
