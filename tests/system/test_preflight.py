"""The preflight in real containers: an image for GPUs, device files, and a library that speaks as NVIDIA's does."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from uv import find_uv_bin

from envctl.adapters import sources
from envctl.usecases import dockerize
from tests import driver, machines
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.system import engine
from tests.system.test_dockerize import LIGHT, RUNTIME, SHARED, Project, _project

pytestmark = pytest.mark.docker

TORCH = Wheel(
    "torch",
    "2.14.0+cu126",
    requires=("numlib", "nvidia-cuda-runtime-cu12==12.6.77"),
    tags=("cp311-cp311-linux_x86_64",),
    files={
        "torch/__init__.py": "from torch import _C, version\n__version__ = '2.14.0+cu126'\n",
        "torch/version.py": "cuda = '12.6'\n",
        "torch/_C.py": "def _cuda_getArchFlags():\n    return 'sm_75 sm_80 sm_90 compute_90'\n",
    },
)
SETTINGS = """
[tool.envctl.env]
CUDA_VISIBLE_DEVICES = "2"
[tool.envctl.gpu]
required = true
[tool.envctl.image]
command = ["python", "-c", "import torch; print(torch.__version__)"]
"""
TAG = "envctl-test-preflight-gpu"
PREFLIGHT = ("/opt/venv/bin/python", "-I", "-S", "/opt/envctl/preflight.py", "--phase", "start")
LIBRARY = "/usr/lib/x86_64-linux-gnu"


@pytest.fixture(scope="module")
def project(
    tmp_path_factory: pytest.TempPathFactory, python_base: engine.BaseImage
) -> Iterator[Project]:
    """A project for GPUs, whose team has recorded two machines; its image is built."""
    uv = tmp_path_factory.mktemp("uv")
    version = subprocess.run(
        [find_uv_bin(), "--version"], capture_output=True, text=True, check=True
    )
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={uv}"]
    argv += ["--only-binary=:all:", f"uv=={version.stdout.split()[1]}"]
    subprocess.run(argv, check=True)
    with LocalIndex(mode="json", max_age=0) as index:
        index.serve_folder(uv)
        index.add(LIGHT, SHARED, TORCH, RUNTIME)
        root = tmp_path_factory.mktemp("gpu")
        made = _project(root, index, SETTINGS, LIGHT, RUNTIME, SHARED, TORCH)
        text = f'[project]\nname = "toy"\n[tool.envctl]\npython = "3.11"\n{SETTINGS}'
        (root / "pyproject.toml").write_text(text)
        (root / "pylock.toml").write_text("")
        _record(made, "h100", "hpc-a100")
        made.dockerize()
        engine.build(root, tag=TAG)
        yield made
        engine.remove_image(TAG)


def _record(project: Project, *names: str) -> None:
    folder = project.root / ".envctl/machines"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.toml").write_text(machines.text(name))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return driver.nvml(tmp_path_factory.mktemp("nvml")) / driver.LIBRARY


@pytest.fixture
def host(tmp_path: Path, library: Path) -> Path:
    """The folder of what a driver's installation gives to containers."""
    tmp_path.chmod(0o755)
    shutil.copy(library, tmp_path / driver.LIBRARY)
    return tmp_path


def _start(
    host: Path,
    machine: str,
    devices: Sequence[int],
    *argv: str,
    given: Sequence[int] | None = None,
    options: Sequence[str] = (),
    user: str | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Start a container as NVIDIA's runtime would: device files by their number, the library beside the system's.

    ``given``: which of the machine's cards the library names in the container; ``None``: all.
    """
    lines = driver.nvml_machine(machines.load(machine)).splitlines()
    gpus = [line for line in lines if line.startswith("gpu ")]
    if given is not None:
        lines = [*lines[:2], *(gpus[number] for number in given)]
    (host / "nvml.machine").write_text("\n".join(lines) + "\n")
    nodes = [f"--device=/dev/null:/dev/nvidia{number}" for number in devices]
    nodes += ["--device=/dev/null:/dev/nvidiactl"] if devices else []
    names = (driver.LIBRARY, "nvml.machine")
    volumes = {host / name: f"{LIBRARY}/{name}:ro" for name in names}
    return engine.run(
        TAG,
        argv,
        options=[*nodes, *options],
        volumes=volumes if devices else {},
        user=user,
        env=env,
        check=False,
    )


def test_right_devices(project: Project, host: Path) -> None:
    done = _start(host, "h100", range(8))
    assert (done.returncode, done.stdout, done.stderr) == (0, "2.14.0+cu126\n", "")


@pytest.mark.parametrize(
    ("machine", "devices", "given", "env", "said"),
    [
        ("h100", (), None, {}, "too few GPUs are visible; need: 1; have: 0; fix: start it with"),
        (  # docker run --gpus device=2
            "h100",
            (2,),
            (2,),
            {},
            "have: 0; fix: docker run --env CUDA_VISIBLE_DEVICES=0 …, or give it all with `--gpus",
        ),
        ("h100", (2,), (2,), {"CUDA_VISIBLE_DEVICES": "0"}, None),
        (
            "t4",
            (0,),
            None,
            {"CUDA_VISIBLE_DEVICES": "0"},
            "the NVIDIA driver is too old for CUDA 12.6; need: >= 525.60.13; have: 470.256.02",
        ),
        (
            "lab-v100",
            range(4),
            None,
            {"CUDA_VISIBLE_DEVICES": "0"},
            "no kernels for Tesla V100-SXM2-32GB; need: one of 7.5 8.0 9.0 9.0+PTX; have: 7.0",
        ),
        ("h100", (), None, {"SLURM_JOB_ID": "7"}, "fix: ask for them: `srun --gpus=1 …`"),
        (
            "h100",
            (),
            None,
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
            "`resources.limits: nvidia.com",
        ),
    ],
)
def test_what_the_machine_lacks(
    project: Project,
    host: Path,
    machine: str,
    devices: Sequence[int],
    given: Sequence[int] | None,
    env: dict[str, str],
    said: str | None,
) -> None:
    done = _start(host, machine, devices, given=given, env=env)
    if said is None:
        assert (done.returncode, done.stdout, done.stderr) == (0, "2.14.0+cu126\n", "")
    else:
        assert (done.returncode, done.stdout) == (78, "")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_modes(project: Project, host: Path) -> None:
    for mode, code, lines in (("off", 0, 0), ("warn", 0, 1), ("strict", 78, 1), ("Warn", 0, 1)):
        done = _start(host, "h100", (), "true", env={"ENVCTL_PREFLIGHT": mode})
        assert (mode, done.returncode, done.stderr.count("\n")) == (mode, code, lines)
    odd = _start(host, "h100", range(8), "true", env={"ENVCTL_PREFLIGHT": "of"})
    assert odd.returncode == 0
    assert "ENVCTL_PREFLIGHT is unknown; need: off, warn, strict; have: of" in odd.stderr


def test_locked_down(project: Project, host: Path) -> None:
    """As Kubernetes and careful people start containers: any user, nothing writable, no capability."""
    options = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
    done = _start(host, "h100", range(8), options=options, user="4711:4711")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2.14.0+cu126\n", "")


STATES = """
import glob, os, sys
states = [open(f"/proc/{n}/stat").read().rpartition(")")[2].split()[0] for n in os.listdir("/proc") if n.isdigit()]
print(os.getpid(), states, sorted(set(os.environ) - {"HOSTNAME"}), len(os.listdir("/proc/self/fd")))
"""


def test_the_command_is_pid_1_and_inherits_nothing(project: Project, host: Path) -> None:
    """The same process, variables and open files as without a preflight, and no zombie of its child."""
    ours = _start(host, "h100", range(8), "python3", "-S", "-c", STATES)
    plain = _start(
        host, "h100", range(8), "-S", "-c", STATES, options=["--entrypoint=/opt/venv/bin/python3"]
    )
    assert ours.stdout.startswith("1 ['R'] [")
    assert (ours.stdout, ours.stderr) == (plain.stdout, plain.stderr)


TRAP = "trap 'echo stopped; exit 5' TERM; echo up; while :; do sleep 0.1; done"


def test_a_stop_reaches_the_command(project: Project, host: Path) -> None:
    """`docker stop`: the command's own handler runs, and its exit code is the container's."""
    name = f"{TAG}-stop"
    env = {"ENVCTL_PREFLIGHT": "warn"}
    options = [f"--name={name}", "--detach"]
    kept = [str(engine.docker_cli()), "run", *options, *(f"--env={k}={v}" for k, v in env.items())]
    subprocess.run([*kept, TAG, "sh", "-c", TRAP], capture_output=True, check=True)
    try:
        while "up" not in engine.docker("logs", name):
            pass
        engine.docker("stop", "--time=30", name)
        state = json.loads(engine.docker("inspect", "--format={{json .State}}", name))
        assert (state["ExitCode"], state["Status"]) == (5, "exited")
        assert "stopped" in engine.docker("logs", name)
    finally:
        engine.docker("rm", "--force", name)


def test_without_the_entrypoint(project: Project, host: Path) -> None:
    """As pyxis and a pod's `command` start it: nothing is checked unless it is called by name."""
    plain = _start(
        host, "h100", (), "-c", "import torch; print('on')", options=["--entrypoint=python"]
    )
    assert (plain.returncode, plain.stdout) == (0, "on\n")
    options = [f"--entrypoint={PREFLIGHT[0]}"]
    env = {"SLURM_JOB_ID": "7", "HOME": "/nowhere", "CUDA_VISIBLE_DEVICES": "0"}
    called = [*PREFLIGHT[1:], "--", "python", "-c", "print('on')"]
    done = _start(
        host, "h100", (3,), *called, given=(3,), options=options, env=env, user="1234:100"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")
    done = _start(host, "h100", (), *called, options=options, env=env, user="1234:100")
    assert (done.returncode, done.stdout) == (78, "")


def test_an_unpacked_image_is_known_again(project: Project, tmp_path: Path) -> None:
    """Enroot and Apptainer unpack an image into one tree: by a glance, without a reading of all files."""
    container = engine.docker("create", TAG).strip()
    try:
        archive, root = tmp_path / "image.tar", tmp_path / "root"
        engine.docker("export", f"--output={archive}", container)
    finally:
        engine.docker("rm", "--force", container)
    root.mkdir()
    subprocess.run(["tar", "-x", "-f", archive, "-C", root, "--exclude=usr/share"], check=True)
    archive.unlink()
    # A reading of all files would compare this, and fail.
    contract = root / "opt/envctl/contract.json"
    table = json.loads(contract.read_text())
    contract.chmod(0o644)
    contract.write_text(json.dumps({**table, "python": "9.9"}))
    seal = root / "opt/envctl/fingerprint"
    seal.write_text(json.dumps({**json.loads(seal.read_text()), "all": "not looked at"}))
    argv = ["chroot", "--userspec=1234:1234", str(root), "env", "-i", "PATH=/opt/venv/bin:/bin"]
    argv += [
        "CUDA_VISIBLE_DEVICES=0",
        "ENVCTL_PREFLIGHT=warn",
        *PREFLIGHT,
        "--",
        "sh",
        "-c",
        "id -u",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "1234\n")
    assert "too few GPUs" in done.stderr
    assert done.stderr.count("\n") == 1  # no proc is mounted, no card is there; the environment is


def test_the_team_s_cards_are_in_the_contract(project: Project) -> None:
    text = engine.run(TAG, ["cat", "/opt/envctl/contract.json"], env={"ENVCTL_PREFLIGHT": "off"})
    own = json.loads(text.stdout)["slices"]["x86_64"]
    assert own["cards"] == {"8.0": ["hpc-a100"], "9.0": ["h100"]}


def test_a_build_fails_without_kernels_for_the_team(
    project: Project, image_tag: str, tmp_path: Path
) -> None:
    """A record more makes nothing stale; with the next `dockerize`, the build asks torch for that card too."""
    copy = tmp_path / "copy"
    shutil.copytree(project.root, copy)
    other = replace(project, files=type(project.files)(copy))
    _record(other, "lab-v100")
    paths = sources.paths(copy)
    assert dockerize.check(other.files, other.manifest, other.lock, paths=paths) == ()
    plan = other.dockerize()
    assert set(plan.changed) == {"Dockerfile", ".envctl/image/contract.json"}
    with pytest.raises(engine.EngineCommandFailed) as caught:
        engine.build(copy, tag=image_tag)
    said = "torch has no kernels for compute capability 7.0 of lab-v100; need: 7.0; have: 7.5 8.0"
    assert said in caught.value.log
