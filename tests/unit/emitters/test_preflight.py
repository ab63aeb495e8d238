"""The preflight as an image runs it: a process of its own, isolated, on a made-up environment and /proc."""

import ast
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envctl.domain.image.variables import bake
from envctl.emitters import image_contract, preflight
from tests import image_projects as projects
from tests.index.wheels import Wheel, build

VERSION = ".".join(str(part) for part in sys.version_info[:2])
MACHINE = os.uname().machine
MODERN = "550.54.15"


@dataclass
class Container:
    """What an image would hold: the preflight beside its contract, an environment, and a file system to look at."""

    root: Path

    @property
    def packages(self) -> Path:
        return self.root / "venv/lib" / f"python{VERSION}" / "site-packages"

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-I", "-S", str(self.root / "opt/preflight.py")]

    def install(self, *wheels: Wheel) -> None:
        for wheel in wheels:
            _, content = build(wheel)
            zipfile.ZipFile(io.BytesIO(content)).extractall(self.packages)

    def contract(self, **changes: object) -> None:
        table = {
            "schema": 1,
            "environment": str(self.root / "venv"),
            "python": VERSION,
            "for": "docker",
            "slices": {
                MACHINE: {"digest": "", "packages": {"alpha": "1.0", "torch": "2.10.0+cu126"}}
            },
            "accelerator": "cpu",
            "cuda": None,
            "driver": None,
            "gpus": 0,
            "required": [],
            "missed": [],
        }
        text = json.dumps({**table, **changes})
        (self.root / "opt/contract.json").write_text(text, encoding="utf-8")

    def gpus(self, *minors: int, driver: str | None = MODERN, uuids: bool = True) -> None:
        """Lay out /dev and /proc as the NVIDIA runtimes do in a container."""
        (self.root / "sys/dev").mkdir(parents=True, exist_ok=True)
        (self.root / "sys/dev/nvidiactl").touch()
        for minor in minors:
            (self.root / f"sys/dev/nvidia{minor}").touch()
            if uuids:
                folder = self.root / f"sys/proc/driver/nvidia/gpus/0000:0{minor}:00.0"
                folder.mkdir(parents=True)
                text = f"Model: \t\t NVIDIA A100\nGPU UUID: \t GPU-{minor}abc\nDevice Minor: \t {minor}\n"
                (folder / "information").write_text(text)
        if driver:
            version = self.root / "sys/proc/driver/nvidia/version"
            version.parent.mkdir(parents=True, exist_ok=True)
            version.write_text(
                f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {driver}  Release Build\n"
            )

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": os.defpath, "ENVCTL_SYSROOT": str(self.root / "sys"), **env},
        )

    def build(self) -> subprocess.CompletedProcess[str]:
        return self.run("--phase", "build")

    def start(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return self.run("--phase", "start", "--", *(command or ("true",)), **env)


@pytest.fixture
def container(tmp_path: Path) -> Container:
    made = Container(tmp_path)
    made.packages.mkdir(parents=True)
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/preflight.py").write_text(preflight.source(), encoding="utf-8")
    (tmp_path / "venv/bin").mkdir()
    for name in ("python", "activate", "activate.fish"):
        (tmp_path / "venv/bin" / name).touch()
    (tmp_path / "venv/pyvenv.cfg").touch()
    (tmp_path / "venv/lib64").symlink_to("lib")
    made.install(Wheel("alpha", "1.0"), Wheel("torch", "2.10.0+cu126"))
    made.contract()
    return made


@pytest.fixture
def cuda(container: Container) -> Container:
    container.contract(accelerator="cuda", cuda="12.6", driver="525.60.13", gpus=1)
    assert container.build().returncode == 0
    return container


def test_it_needs_only_an_old_python_and_its_library() -> None:
    tree = ast.parse(preflight.source(), feature_version=(3, 9))
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert imported <= set(sys.stdlib_module_names)
    froms = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert froms == {"__future__", "collections.abc", "typing"}  # the last two only for mypy


def test_it_reads_the_contract_that_is_written() -> None:
    made = json.loads(image_contract.emit(projects.image(projects.GPU, *projects.GPU_PACKAGES)))
    assert made["slices"]["aarch64"]["packages"] == {"numpy": "2.4.6", "torch": "2.10.0+cu126"}
    assert made["slices"]["x86_64"]["packages"].keys() == {
        "numpy",
        "nvidia-cuda-runtime-cu12",
        "torch",
    }
    assert (made["accelerator"], made["cuda"], made["gpus"]) == ("cuda", "12.6", 2)
    assert (made["required"], made["missed"]) == (["HF_TOKEN"], ["NCCL_SOCKET_IFNAME"])


def test_no_gpu_is_required_of_an_image_without_cuda() -> None:
    text = projects.CPU + "\n[tool.envctl.gpu]\nrequired = true\n"
    made = json.loads(image_contract.emit(projects.image(text, *projects.CPU_PACKAGES)))
    assert made["gpus"] == 0


def test_all_in_order(container: Container) -> None:
    assert (container.build().returncode, container.build().stderr) == (0, "")
    done = container.start("sh", "-c", "echo out; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "")


def test_it_is_replaced_by_the_command(container: Container) -> None:
    container.build()
    process = subprocess.Popen(
        [*container.command, "--phase", "start", "--", "sh", "-c", "echo $$; exec sleep 60"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert int(process.stdout.readline()) == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    process.stdout.close()


def test_signals_that_python_ignores_are_not_ignored_by_the_command(container: Container) -> None:
    container.build()
    done = container.start("sh", "-c", "grep SigIgn /proc/$$/status")
    ignored = int(done.stdout.split()[1], 16)
    assert not ignored & 1 << (signal.SIGPIPE - 1)


@pytest.mark.parametrize(("command", "code"), [("no-such-program", 127), ("/etc/passwd", 126)])
def test_a_command_that_cannot_start(container: Container, command: str, code: int) -> None:
    container.build()
    done = container.start(command)
    assert (done.returncode, done.stderr.count("\n")) == (code, 1)


def _edit(container: Container) -> None:
    with (container.packages / "alpha/__init__.py").open("a") as file:
        file.write("# more\n")


def _edit_same_size(container: Container) -> None:
    path = container.packages / "alpha/__init__.py"
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, (0, 0))


def _remove_file(container: Container) -> None:
    (container.packages / "alpha/__init__.py").unlink()


def _remove_package(container: Container) -> None:
    for path in container.packages.glob("alpha*"):
        shutil.rmtree(path)


def _extra_package(container: Container) -> None:
    container.install(Wheel("beta", "3.0"))


def _other_version(container: Container) -> None:
    _remove_package(container)
    container.install(Wheel("alpha", "1.1"))


def _extra_file(container: Container) -> None:
    (container.packages / "sitecustomize.py").touch()


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (
            _edit,
            "file lib/python{v}/site-packages/alpha/__init__.py of alpha was altered; need: sha256=",
        ),
        (_edit_same_size, "alpha/__init__.py of alpha was altered; need: sha256="),
        (_remove_file, "alpha/__init__.py of alpha was altered"),
        (_remove_package, "package alpha is not what the lock says; need: 1.0; have: nothing"),
        (_extra_package, "package beta is not what the lock says; need: nothing; have: 3.0"),
        (_other_version, "package alpha is not what the lock says; need: 1.0; have: 1.1"),
        (_extra_file, "file lib/python{v}/site-packages/sitecustomize.py belongs to no package"),
    ],
)
def test_altered_contents_fail_at_build_and_at_start(
    container: Container, alter: Callable[[Container], None], said: str
) -> None:
    assert container.build().returncode == 0
    alter(container)
    for done in (container.start("echo", "started"), container.build()):
        assert (done.returncode, done.stdout) == (78, "")
        first = done.stderr.splitlines()[0]
        assert first.startswith("envctl preflight: error: ")
        assert said.format(v=VERSION) in first
        assert "; fix: build the image again from its Dockerfile" in first


def test_other_dates_alone_are_no_alteration(container: Container) -> None:
    """An export with rewritten dates costs a reading of all files, nothing else."""
    container.build()
    for path in container.packages.rglob("*.py"):
        os.utime(path, (1, 1))
    assert (container.start().returncode, container.start().stderr) == (0, "")


def test_byte_compiled_caches_are_nobody_s_business(container: Container) -> None:
    container.build()
    (container.packages / "alpha/__pycache__").mkdir()
    (container.packages / "alpha/__pycache__/x.pyc").touch()
    assert container.start().returncode == 0
    assert container.build().returncode == 0


def test_spellings_of_one_version_and_name_are_the_same(container: Container) -> None:
    packages = {"alpha": "1.0", "torch": "2.10.0+cu126", "old-style-name": "2024.1"}
    container.install(Wheel("Old.Style_name", "2024.01.0"))
    container.contract(slices={MACHINE: {"packages": packages}})
    assert container.build().stderr == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"python": "3.8"}, "wrong Python; need: 3.8; have: 3."),
        ({"python": VERSION[:-1]}, "wrong Python"),  # 3.1 is not 3.11
        ({"slices": {"riscv64": {}}}, "not made for this machine; need: riscv64"),
    ],
)
def test_the_wrong_base(container: Container, changes: dict[str, Any], said: str) -> None:
    container.contract(**changes)
    done = container.build()
    assert done.returncode == 78
    assert said in done.stderr


def test_many_problems_are_cut_short(container: Container) -> None:
    wanted = {f"p{n}": "1" for n in range(9)}
    container.contract(slices={MACHINE: {"packages": wanted}})
    assert container.build().stderr.splitlines()[5:] == ["envctl preflight: error: and 6 more"]


def test_required_and_missed_variables(container: Container) -> None:
    container.contract(required=["HF_TOKEN"], missed=["NCCL_SOCKET_IFNAME"])
    container.build()
    done = container.start()
    assert done.returncode == 78
    line = (
        "variable HF_TOKEN is not set; need: a value; have: none; fix: docker run --env HF_TOKEN …"
    )
    assert done.stderr == f"envctl preflight: error: {line}\n"
    with_token = container.start(HF_TOKEN="x")
    assert with_token.returncode == 0
    assert "warning: variable NCCL_SOCKET_IFNAME" in with_token.stderr
    assert container.start(HF_TOKEN="x", ENVCTL_PREFLIGHT="strict").returncode == 78
    assert container.start(ENVCTL_PREFLIGHT="warn").returncode == 0
    assert container.start(ENVCTL_PREFLIGHT="off").stderr == ""


def test_gpu_in_order(cuda: Container) -> None:
    cuda.gpus(0)
    assert (cuda.start().returncode, cuda.start().stderr) == (0, "")


def test_no_device(cuda: Container) -> None:
    cuda.gpus(driver=None)
    done = cuda.start()
    assert done.returncode == 78
    assert (
        "too few GPUs are visible; need: 1; have: 0; fix: start it with `--gpus all`" in done.stderr
    )


def test_no_device_where_none_is_required_is_a_warning(container: Container) -> None:
    container.contract(accelerator="cuda", cuda="12.6", driver="525.60.13")
    container.build()
    done = container.start()
    assert (done.returncode, done.stderr.count("warning: too few GPUs")) == (0, 1)


@pytest.mark.parametrize(
    ("driver", "code"), [("525.60.13", 0), ("525.60.12", 78), ("470.82.01", 78), ("580.65", 0)]
)
def test_driver_floor(cuda: Container, driver: str, code: int) -> None:
    cuda.gpus(0, driver=driver)
    done = cuda.start()
    assert done.returncode == code
    if code:
        what = "the NVIDIA driver is too old for CUDA 12.6; need: >= 525.60.13; have: " + driver
        assert what in done.stderr


def test_a_proprietary_module_s_version(cuda: Container) -> None:
    cuda.gpus(0, driver=None)
    path = cuda.root / "sys/proc/driver/nvidia/version"
    path.write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  Wed Oct 27\nGCC: 12\n"
    )
    assert "have: 470.82.01" in cuda.start().stderr


@pytest.mark.parametrize(
    ("minors", "chosen", "said"),
    [
        ((2,), "2", "CUDA_VISIBLE_DEVICES=2 points at no device of this container"),
        ((0,), "0", None),
        ((0, 1), "1,0", None),
        ((0, 1), "-1,0", "points at no device"),
        ((0,), "GPU-0ab", None),
        ((0,), "GPU-9", "points at no device"),
        ((0,), "MIG-0abc", None),
        ((0,), "", "leaves too few GPUs; need: 1; have: 0"),
        ((0,), "x", "points at no device"),
    ],
)
def test_visible_devices(
    cuda: Container, minors: tuple[int, ...], chosen: str, said: str | None
) -> None:
    cuda.gpus(*minors)
    done = cuda.start(CUDA_VISIBLE_DEVICES=chosen)
    assert done.returncode == (78 if said else 0)
    assert (said or "") in done.stderr


def test_an_unknown_uuid_gets_the_benefit_of_the_doubt(cuda: Container) -> None:
    cuda.gpus(0, uuids=False)
    assert cuda.start(CUDA_VISIBLE_DEVICES="GPU-9").returncode == 0


def test_nothing_is_said_under_wsl(cuda: Container) -> None:
    (cuda.root / "sys/dev").mkdir(parents=True)
    (cuda.root / "sys/dev/dxg").touch()
    assert (cuda.start().returncode, cuda.start().stderr) == (0, "")


def test_usage(container: Container) -> None:
    assert container.run("--phase", "dance").returncode == 2


def test_which_variables_are_baked() -> None:
    declared = {
        "CUDA_VISIBLE_DEVICES": "2",
        "PYTHONHASHSEED": "0",
        "OWN": "x",
        "PATH": "/evil",
        "CUDA_VERSION": "12",
        "GITHUB_TOKEN": "t",
        "LD_LIBRARY_PATH": "/x",
    }
    docker = bake(declared, "docker")
    assert docker.env == {"CUDA_VISIBLE_DEVICES": "2", "OWN": "x", "PYTHONHASHSEED": "0"}
    assert (docker.required, docker.missed) == (("GITHUB_TOKEN",), ("LD_LIBRARY_PATH",))
    assert len(docker.warnings) == 4
    assert not any("evil" in line or "/x" in line for line in docker.warnings)
    assert "CUDA_VISIBLE_DEVICES" not in bake(declared, "slurm").env
