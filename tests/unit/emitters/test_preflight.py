"""The preflight as an image runs it: a process of its own, isolated, on a made-up environment and /proc."""

import ast
import base64
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envctl.domain.image.variables import bake
from envctl.emitters import image_contract, preflight
from tests import image_projects as projects
from tests.image_container import DATE, MACHINE, VERSION, Container, made
from tests.index.wheels import Wheel


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return made(tmp_path)


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
    # The last two only for mypy; one module of the environment is imported by name, at build.
    assert froms <= set(sys.stdlib_module_names) | {"collections.abc"}


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


def test_a_start_loads_nothing_slow(container: Container) -> None:
    """`json` brings `re`, `hashlib` OpenSSL, `signal` `enum`: each takes longer than all the rest together."""
    container.build()
    argv = [container.python, "-X", "importtime", *container.command[1:]]
    argv += ["--phase", "start", "--", "true"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    slow = {"json", "re", "hashlib", "signal", "enum", "typing", "pathlib", "subprocess", "ctypes"}
    assert "_json" in loaded
    assert not loaded & slow


def test_a_glance_is_enough_where_nothing_changed(container: Container) -> None:
    """Packages are compared with the contract only where names, sizes or dates differ from the seal."""
    container.build()
    container.contract(slices={MACHINE: {"packages": {"alpha": "9.9"}}})
    assert container.start().stderr == ""
    assert container.start(ENVCTL_PREFLIGHT="strict").stderr == ""
    path = container.root / "opt/fingerprint"
    path.write_text(json.dumps({**json.loads(path.read_text()), "all": "another"}))
    assert container.start().stderr == ""
    assert container.start(ENVCTL_PREFLIGHT="strict").returncode == 78
    os.utime(container.packages / "alpha", (1, 1))
    assert "package alpha is not what the lock says" in container.start().stderr


def test_in_a_large_environment_only_strict_sees_a_deep_edit(container: Container) -> None:
    deep = container.packages / "alpha/a/b/c/d/e/f"
    deep.mkdir(parents=True)
    wide = container.packages / "torch/many"
    wide.mkdir()
    names = [f"m{number}.py" for number in range(1100)]
    for name in names:
        (wide / name).touch()
    (deep / "x.py").write_text("1")
    site, rows = container.packages, []
    for path in (deep / "x.py", *(wide / name for name in names)):
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest())
        rows.append(f"{path.relative_to(site)},sha256={digest.decode().rstrip('=')},")
    with (site / "alpha-1.0.dist-info/RECORD").open("a") as file:
        file.write("\n".join(rows) + "\n")
    assert container.build().stderr == ""
    (deep / "x.py").write_text("2, and longer")
    os.utime(deep / "x.py", (DATE, DATE))
    assert container.start().returncode == 0
    done = container.start(ENVCTL_PREFLIGHT="strict")
    assert (done.returncode, "d/e/f/x.py of alpha was altered" in done.stderr) == (78, True)
    (deep / "y.py").touch()  # a new file is seen by its folder's date
    assert container.start().returncode == 78


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("contract.json", None),
        ("contract.json", "{"),
        ("contract.json", "[]"),
        ("contract.json", "{}"),
        ("fingerprint", None),
        ("fingerprint", "nonsense"),
        ("fingerprint", '{"quick": "x", "paths": 7}'),
    ],
)
def test_torn_companions_cost_one_line_or_a_whole_look(
    container: Container, name: str, text: str | None
) -> None:
    container.build()
    path = container.root / "opt" / name
    path.unlink() if text is None else path.write_text(text)
    done = container.start("echo", "on")
    assert "Traceback" not in done.stderr
    whole = name == "fingerprint" and "7" not in (text or "")
    assert (done.returncode, done.stderr.count("\n")) == ((0, 0) if whole else (78, 1))
    assert container.start("echo", "on", ENVCTL_PREFLIGHT="off").stdout == "on\n"
    assert container.start("echo", "on", ENVCTL_PREFLIGHT="warn").stdout == "on\n"


def test_the_command_s_variables_are_those_that_were_given(container: Container) -> None:
    """Without a locale, Python sets LC_CTYPE for its children (PEP 538)."""
    container.build()
    given = {"PATH": os.defpath, "ENVCTL_SYSROOT": "/nowhere", "A": "b c"}
    argv = [*container.command, "--phase", "start", "--", "env", "-0"]
    done = subprocess.run(argv, env=given, capture_output=True, text=True, check=True)
    assert dict(line.split("=", 1) for line in done.stdout.split("\0") if line) == given


def test_the_project_s_own_package_may_be_of_any_version(container: Container) -> None:
    container.install(Wheel("ours", "7.1.dev0"))
    container.contract(project="ours")
    assert container.build().stderr == ""
