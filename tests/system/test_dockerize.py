"""Images built by the real engine from what dockerize writes, for a CPU and a CUDA project."""

import gc
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from packaging.pylock import Pylock
from uv import find_uv_bin
from virtualenv import session_via_cli

from envctl.adapters import containers, installer, process, sources
from envctl.adapters.project import ProjectFiles
from envctl.domain.lock import Lock, assemble
from envctl.domain.manifest import Manifest
from envctl.domain.manifest.reading import parse_manifest
from envctl.domain.resolution import Resolution
from envctl.usecases import dockerize
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.system import engine

pytestmark = pytest.mark.docker

HOSTILE = "a\"b$HOME ${PATH} \\ \\\\ ` # 'x' <<EOF $(id) \u2028 \x0c\tFROM scratch"
LIGHT = Wheel(
    "numlib",
    "1.0",
    requires=("shared",),
    entry_points={"numlib": "numlib:main"},
)
SHARED = Wheel("shared", "2.0.post1")
TORCH = Wheel(
    "torch",
    "2.14.0+cu126",
    requires=("numlib", "nvidia-cuda-runtime-cu12==12.6.77"),
    tags=("cp311-cp311-linux_x86_64",),
)
RUNTIME = Wheel("nvidia-cuda-runtime-cu12", "12.6.77")


@dataclass
class Project:
    """A project on disk, locked by hand against the local index."""

    files: ProjectFiles
    manifest: Manifest
    lock: Lock
    index: LocalIndex

    @property
    def root(self) -> Path:
        return self.files.root

    def dockerize(self, **options: Any) -> dockerize.DockerPlan:
        with tempfile.TemporaryDirectory() as workspace:
            plan = dockerize.plan(
                self.files,
                self.manifest,
                self.lock,
                registry=containers.registry_digest,
                uv_pin=lambda: installer.pin(process.run, Path(workspace), self.index.url),
                paths=sources.paths(self.root),
                **options,
            )
        dockerize.write(self.files, [plan])
        return plan

    def relock(self, *wheels: Wheel) -> None:
        self.lock = _lock(self.index, self.manifest, *wheels)


def _lock(index: LocalIndex, manifest: Manifest, *wheels: Wheel) -> Lock:
    def entry(wheel: Wheel) -> dict[str, Any]:
        file = next(f for f in index.files(wheel.project) if f.filename == wheel.filename)
        url = f"{index.origin}{file.path}"
        hashes = {"sha256": file.sha256}
        return {
            "name": wheel.project,
            "version": wheel.version,
            "index": index.url,
            "wheels": [{"name": wheel.filename, "url": url, "hashes": hashes}],
        }

    table = {"lock-version": "1.0", "created-by": "envctl", "packages": [entry(w) for w in wheels]}
    return assemble(
        Resolution(
            packages=tuple(Pylock.from_dict(table).packages),
            edges={},
            environments=(),
            requires_python=None,
            made_by="uv",
        ),
        manifest,
        {},
    )


def _uv() -> str:
    return str(find_uv_bin())


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalIndex]:
    """The made-up packages, and the real uv, which the image's build installs first."""
    folder = tmp_path_factory.mktemp("uv")
    version = process.run([_uv(), "--version"])
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    argv += ["--only-binary=:all:", f"uv=={version.stdout.split()[1]}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with LocalIndex(mode="json", max_age=0) as served:
        served.serve_folder(folder)
        served.add(LIGHT, SHARED, TORCH, RUNTIME, Wheel("numlib", "1.1", requires=("shared",)))
        yield served


def _project(root: Path, index: LocalIndex, settings: str, *wheels: Wheel) -> Project:
    base = 'python = "3.11"\nplatforms = ["linux-x86_64"]\n'
    own = f'[[tool.envctl.index]]\nname = "local"\nurl = "{index.url}"\n'
    text = f'[project]\nname = "toy"\n[tool.envctl]\n{base}{own}{settings}'
    manifest = parse_manifest(tomllib.loads(text))
    (root / "src/app").mkdir(parents=True)
    (root / "src/app/__init__.py").touch()
    (root / "src/app/__main__.py").write_text("import numlib; print('sum', numlib.__version__)\n")
    (root / "secret.key").write_text("private\n")
    (root / "src/.env").write_text("TOKEN=private\n")
    return Project(ProjectFiles(root), manifest, _lock(index, manifest, *wheels), index)


CPU = """
[tool.envctl.env]
PYTHONHASHSEED = "0"
[tool.envctl.image]
command = ["python", "-m", "app"]
"""
GPU = """
[tool.envctl.env]
CUDA_VISIBLE_DEVICES = "2"
[tool.envctl.gpu]
required = true
[tool.envctl.image]
command = ["python", "-c", "import torch; print(torch.__version__)"]
"""


@pytest.fixture(scope="module")
def cpu(
    tmp_path_factory: pytest.TempPathFactory, index: LocalIndex, python_base: engine.BaseImage
) -> Iterator[tuple[Project, str]]:
    project = _project(tmp_path_factory.mktemp("cpu"), index, CPU, LIGHT, SHARED)
    plan = project.dockerize()
    assert plan.base == python_base.pinned
    tag = "envctl-test-dockerize-cpu"
    engine.build(project.root, tag=tag)
    yield project, tag
    engine.remove_image(tag)


@pytest.fixture(scope="module")
def gpu(
    tmp_path_factory: pytest.TempPathFactory, index: LocalIndex, python_base: engine.BaseImage
) -> Iterator[tuple[Project, str]]:
    project = _project(tmp_path_factory.mktemp("gpu"), index, GPU, LIGHT, RUNTIME, SHARED, TORCH)
    project.dockerize()
    tag = "envctl-test-dockerize-gpu"
    engine.build(project.root, tag=tag)
    yield project, tag
    engine.remove_image(tag)


def test_it_runs_as_nobody_in_particular(cpu: tuple[Project, str]) -> None:
    _, tag = cpu
    done = engine.run(tag, read_only=True)
    assert (done.stdout, done.stderr) == ("sum 1.0\n", "")
    shown = engine.run(
        tag, ["sh", "-c", "id -u; id -g; touch /var/cache/app/x; touch /opt/venv/x"], check=False
    )
    assert shown.stdout.split() == ["10001", "0"]
    assert "/opt/venv/x" in shown.stderr
    assert "/var/cache/app/x" not in shown.stderr
    for user in ("10001:0", "4711:0", "1000:1000"):
        assert engine.run(tag, ["touch", "/var/cache/app/x"], user=user).returncode == 0
    assert engine.run(tag, ["numlib"]).returncode == 0


def test_signals_and_exit_codes_are_the_command_s(cpu: tuple[Project, str]) -> None:
    _, tag = cpu
    assert engine.run(tag, ["sh", "-c", "exit 7"], check=False).returncode == 7
    assert engine.run(tag, ["cat", "/proc/1/comm"]).stdout == "cat\n"
    assert engine.run(tag, ["no-such-program"], check=False).returncode == 127


def test_only_the_listed_source_is_inside(cpu: tuple[Project, str]) -> None:
    _, tag = cpu
    found = engine.run(tag, ["find", "/app", "/opt/envctl", "-type", "f"]).stdout.split()
    assert sorted(found) == [
        "/app/src/app/__init__.py",
        "/app/src/app/__main__.py",
        "/opt/envctl/contract.json",
        "/opt/envctl/fingerprint",
        "/opt/envctl/preflight.py",
    ]


def test_the_labels_say_what_it_is(gpu: tuple[Project, str], python_base: engine.BaseImage) -> None:
    _, tag = gpu
    image = containers.inspect(tag)
    assert image is not None
    assert image.user == "10001:0"
    assert image.labels["org.opencontainers.image.base.digest"] == python_base.digest
    assert image.labels["io.envctl.slice.linux-x86_64"].startswith("sha256:")
    assert image.labels["io.envctl.cuda"] == "12.6"
    assert image.env["CUDA_VISIBLE_DEVICES"] == "2"
    assert image.env["NVIDIA_REQUIRE_CUDA"] == "cuda>=12.0"
    assert "CUDA_VERSION" not in image.env
    assert containers.inspect("no-such-image") is None


def test_the_files_are_those_of_an_environment_made_here(
    gpu: tuple[Project, str], tmp_path: Path
) -> None:
    """The same uv, the same list, a virtualenv as sync makes it: the same files but for the skeleton's."""
    project, tag = gpu
    local = tmp_path / "venv"
    options = [
        "--no-seed",
        "--no-venv-redirect",
        "--python",
        "/usr/bin/python3",
        "--activators",
        "",
    ]
    session_via_cli([str(local), *options, "--no-vcs-ignore"]).run()
    with (local / "pyvenv.cfg").open("a") as file:
        file.write("relocatable = true\n")
    folder = project.root / ".envctl/image"
    heavy, light = (folder / f"pylock.{part}.toml" for part in ("heavy", "light"))
    _, mark, entries = light.read_text().partition("[[packages]]")
    (tmp_path / "pylock.toml").write_text(f"{heavy.read_text()}\n{mark}{entries}")
    argv = [_uv(), "pip", "sync", "--no-config", "--preview-features", "pylock"]
    argv += ["--python", str(local / "bin/python"), str(tmp_path / "pylock.toml")]
    done = process.run(argv)
    assert done.code == 0, done.stderr
    here = {
        str(path.relative_to(local)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in local.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    listed = engine.run(
        tag,
        ["sh", "-c", "cd /opt/venv && find . -type f -exec sha256sum {} +"],
        env={"ENVCTL_PREFLIGHT": "off"},
    ).stdout
    there = {line[66:].removeprefix("./"): line[:64] for line in listed.splitlines()}
    assert _wheels(there) == _wheels(here)
    assert "bin/numlib" in _wheels(there)


def _wheels(files: dict[str, str]) -> dict[str, str]:
    skeleton = ("bin/activate", "bin/Activate", "pyvenv.cfg", ".lock", "CACHEDIR.TAG", ".gitignore")
    return {
        name: digest
        for name, digest in files.items()
        if not name.startswith(skeleton)
        and "__pycache__" not in name
        and "site-packages/_virtualenv" not in name
    }


def test_heavy_keeps_its_layer_when_light_changes(gpu: tuple[Project, str]) -> None:
    project, tag = gpu
    before = containers.inspect(tag)
    newer = Wheel("numlib", "1.1", requires=("shared",))
    old = project.lock
    project.relock(newer, RUNTIME, SHARED, TORCH)
    other = f"{tag}-light"
    try:
        (finding,) = dockerize.check(
            project.files, project.manifest, project.lock, paths=sources.paths(project.root)
        )
        assert (finding.code, "numlib 1.0 → 1.1" in finding.message) == ("dockerfile-stale", True)
        project.dockerize()
        engine.build(project.root, tag=other)
        after = containers.inspect(other)
        assert before is not None
        assert after is not None
        assert after.layers[:2] == before.layers[:2]  # base and heavy
        assert after.layers[3] != before.layers[3]
    finally:
        engine.remove_image(other)
        project.lock = old
        project.dockerize()


def test_source_alone_touches_no_other_layer(cpu: tuple[Project, str]) -> None:
    project, tag = cpu
    before = containers.inspect(tag)
    main = project.root / "src/app/__main__.py"
    text = main.read_text()
    main.write_text("print('changed')\n")
    try:
        engine.build(project.root, tag=f"{tag}-source")
        after = containers.inspect(f"{tag}-source")
        assert before is not None
        assert after is not None
        same = [a for a, b in zip(after.layers, before.layers, strict=True) if a == b]
        assert len(same) == len(after.layers) - 1
        assert engine.run(f"{tag}-source").stdout == "changed\n"
    finally:
        main.write_text(text)
        engine.remove_image(f"{tag}-source")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("echo '# more' >> SITE/numlib/__init__.py", "numlib/__init__.py of numlib was altered"),
        (
            "rm -r SITE/shared SITE/shared-*",
            "package shared is not what the lock says; need: 2.0.post1",
        ),
        ("touch SITE/usercustomize.py", "usercustomize.py belongs to no package"),
    ],
)
def test_an_altered_image_does_not_start(
    cpu: tuple[Project, str], image_tag: str, tmp_path: Path, change: str, said: str
) -> None:
    _, tag = cpu
    site = "/opt/venv/lib/python3.11/site-packages"
    text = f"FROM {tag}\nUSER 0\nRUN {change.replace('SITE', site)}\nUSER 10001:0\n"
    (tmp_path / "Dockerfile").write_text(text)
    engine.build(tmp_path, tag=image_tag)
    done = engine.run(image_tag, check=False)
    assert (done.returncode, done.stdout) == (78, "")
    assert said in done.stderr
    assert engine.run(image_tag, ["true"], env={"ENVCTL_PREFLIGHT": "warn"}).returncode == 0


def test_a_build_with_other_contents_fails(
    cpu: tuple[Project, str], image_tag: str, tmp_path: Path
) -> None:
    project, _ = cpu
    copy = tmp_path / "copy"
    shutil.copytree(project.root, copy)
    contract = copy / ".envctl/image/contract.json"
    contract.write_text(contract.read_text().replace('"numlib": "1.0"', '"numlib": "1.1"'))
    with pytest.raises(engine.EngineCommandFailed) as caught:
        engine.build(copy, tag=image_tag)
    assert "package numlib is not what the lock says; need: 1.1; have: 1.0" in caught.value.log


def test_a_wheel_with_another_hash_is_not_installed(
    cpu: tuple[Project, str], image_tag: str, tmp_path: Path
) -> None:
    project, _ = cpu
    copy = tmp_path / "copy"
    shutil.copytree(project.root, copy)
    listed = copy / ".envctl/image/pylock.light.toml"
    digest = next(f for f in project.index.files("numlib") if "1.0" in f.filename).sha256
    assert digest in listed.read_text()
    listed.write_text(listed.read_text().replace(f'sha256 = "{digest}"', f'sha256 = "{"0" * 64}"'))
    with pytest.raises(engine.EngineCommandFailed) as caught:
        engine.build(copy, tag=image_tag)
    assert "Hash mismatch" in caught.value.log


@pytest.mark.parametrize(
    ("devices", "driver", "env", "said"),
    [
        ((), None, {}, "too few GPUs are visible"),
        ((2,), "550.54.15", {}, "CUDA_VISIBLE_DEVICES=2 points at no device of this container"),
        (
            (0, 1, 2),
            "470.82.01",
            {},
            "the NVIDIA driver is too old for CUDA 12.6; need: >= 525.60.13",
        ),
        ((2,), "550.54.15", {"CUDA_VISIBLE_DEVICES": "0"}, None),
        ((0, 1, 2), "550.54.15", {}, None),
    ],
)
def test_the_preflight_of_a_gpu_image(
    gpu: tuple[Project, str],
    tmp_path: Path,
    devices: tuple[int, ...],
    driver: str | None,
    env: dict[str, str],
    said: str | None,
) -> None:
    _, tag = gpu
    (tmp_path / "dev").mkdir()
    for device in devices:
        (tmp_path / f"dev/nvidia{device}").touch()
    if driver:
        version = tmp_path / "proc/driver/nvidia/version"
        version.parent.mkdir(parents=True)
        version.write_text(f"NVRM version: NVIDIA UNIX x86_64 Kernel Module  {driver}  Thu\n")
    tmp_path.chmod(0o755)
    done = engine.run(
        tag,
        env={"ENVCTL_SYSROOT": "/fixture", **env},
        volumes={tmp_path: "/fixture:ro"},
        check=False,
    )
    if said is None:
        assert (done.returncode, done.stdout, done.stderr) == (0, "2.14.0+cu126\n", "")
    else:
        assert done.returncode == 78
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_hostile_values_arrive_byte_for_byte(
    tmp_path: Path, index: LocalIndex, python_base: engine.BaseImage, image_tag: str
) -> None:
    project = _project(tmp_path, index, CPU, LIGHT, SHARED)
    script = "import os, sys; sys.stdout.buffer.write(os.environb[b'X'] + b'|' + os.fsencode(sys.argv[1]))"
    argument = HOSTILE + "\nRUN touch /owned\n"
    command = ("python", "-c", script, argument)
    settings = replace(project.manifest.image, command=command)
    project.manifest = replace(
        project.manifest, name=HOSTILE, env={"X": HOSTILE, "PYTHONHASHSEED": "0"}, image=settings
    )
    project.dockerize()
    engine.build(project.root, tag=image_tag)
    done = engine.run(image_tag)
    assert done.stdout == f"{HOSTILE}|{argument}"
    image = containers.inspect(image_tag)
    assert image is not None
    assert image.labels["org.opencontainers.image.title"] == HOSTILE
    assert engine.run(image_tag, ["test", "-e", "/owned"], check=False).returncode == 1


def test_no_secret_stays_in_the_image(
    tmp_path: Path, index: LocalIndex, python_base: engine.BaseImage, image_tag: str
) -> None:
    """Searched byte for byte, in every layer and in the image's description."""
    own = tmp_path / "own"
    own.mkdir()
    bundle = engine.ca_bundle()
    marks = {"ca": b"# ca-mark-5f1c9", "netrc": b"netrc-mark-77ab1"}
    (own / "ca").write_bytes((bundle.read_bytes() if bundle else b"") + b"\n" + marks["ca"] + b"\n")
    line = b"machine other.example login me password " + marks["netrc"] + b"\n"
    (own / "netrc").write_bytes(line)
    project = _project(tmp_path / "project", index, CPU, LIGHT, SHARED)
    project.dockerize()
    # Secrets are no part of a step's identity: only another list makes the steps that use them run again.
    # (Not --no-cache: it leaves two results of one step behind, and later builds take either.)
    for name in ("uv.txt", "pylock.light.toml"):
        with (project.root / ".envctl/image" / name).open("a") as file:
            file.write(f"# {tmp_path}\n")
    secrets = {name: own / name for name in marks}
    engine.build(project.root, tag=image_tag, secrets=secrets)
    archive = tmp_path / "image.tar"
    engine.docker("save", f"--output={archive}", image_tag)
    with tarfile.open(archive) as saved:
        for member in saved:
            inner = saved.extractfile(member)
            content = inner.read() if inner else b""
            for mark in marks.values():
                assert mark not in content, member.name


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_registry_that_does_not_answer_is_a_warning(
    tmp_path: Path,
    index: LocalIndex,
    python_base: engine.BaseImage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert containers.registry_digest("docker.io/library/python:no-such-tag") is None
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    assert containers.registry_digest(python_base.reference) is None
    project = _project(tmp_path / "project", index, CPU, LIGHT, SHARED)
    assert any("not pinned" in line for line in project.dockerize().warnings)
    gc.collect()  # the SDK leaves the socket behind on which it was refused
