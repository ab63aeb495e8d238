"""The hermetic flavour, built without a network by the docker SDK's classic builder, by Podman and by buildah.

The same project is built in the other flavour too: all four images have the same files, and they are those of `.venv`.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import World
from tests.system import bare_builders, engine
from tests.system.test_end_to_end import excepted, secrets

pytestmark = pytest.mark.docker

WHEELS = (
    Wheel(
        "zz-made-app",
        "1.0",
        requires=("zz-made-lib",),
        entry_points={"zz-app": "zz_made_app:main"},
    ),
    Wheel(
        "zz-made-lib", "1.0+local.1", files={"zz_made_lib/__init__.py": "", "zz_made_lib/a b": "x"}
    ),
    # Its name puts it into the heavy part.
    Wheel("nvidia-zz-made", "12.6", entry_points={"zz-nv": "nvidia_zz_made:main"}),
)
# It has no wheel: both flavours build one, as `sync` does.
SOURCE = Wheel("zz-made-source", "3.0", entry_points={"zz-source": "zz_made_source:main"})
MANIFEST = """
[project]
name = "demo"
version = "0.1.0"
dependencies = ["zz-made-app", "nvidia-zz-made", "zz-made-source"]

[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]

[[tool.envctl.index]]
name = "team"
url = "{index}"

[tool.envctl.env]
TEXT = '''{hostile}'''

[tool.envctl.image]
build = "hermetic"
source = ["src", "one file.py"]
command = ["python", "-m", "app"]
"""
HOSTILE = 'a"b$HOME ${PATH} \\ ` # <<EOF $(id) FROM scratch'
MAIN = "import os, zz_made_app; print(zz_made_app.__version__, os.environ['TEXT'])\n"
FOLDERS = ("opt/venv", "opt/envctl", "app")
LISTER = """
import hashlib, json, os, sys
root, found = sys.argv[1], {}
for top in sys.argv[2:]:
    for folder, folders, names in os.walk(os.path.join(root, top)):
        for name in [".", *names]:
            path = os.path.normpath(os.path.join(folder, name))
            state = os.lstat(path)
            what = "folder" if os.path.isdir(path) else ""
            if os.path.islink(path):
                what = os.readlink(path)
            elif not what:
                what = hashlib.sha256(open(path, "rb").read()).hexdigest()
            date = int(state.st_mtime) if top == "opt/venv" else 0
            mode = 0 if os.path.islink(path) else oct(state.st_mode)
            found[os.path.relpath(path, root)] = [what, mode, state.st_uid, state.st_gid, date]
print(json.dumps(found))
"""
Files = dict[str, list[Any]]
#: Made at the build and dated by it: what the preflight saw, and the folders into which the rest was copied.
DATED = ("opt/envctl/fingerprint", "opt/venv", "app/src")


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, python_base: engine.BaseImage
) -> Iterator[World]:
    """A locked and synced project with its bundle; the index is gone when the images are built."""
    root, uv = tmp_path_factory.mktemp("hermetic"), tmp_path_factory.mktemp("uv")
    version = subprocess.run(
        [sys.executable, "-m", "uv", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"--dest={uv}"]
    subprocess.run([*argv, "--only-binary=:all:", f"uv=={version}"], check=True)
    with LocalIndex(mode="json", max_age=0) as index:
        index.serve_folder(uv)
        index.add(*WHEELS)
        index.add_sdist(SOURCE)
        made = World(root=root, index=index)
        made.write("pyproject.toml", MANIFEST.format(index=index.url, hostile=HOSTILE))
        made.write("src/app/__main__.py", MAIN)
        made.write("one file.py", "").chmod(0o640)
        made.envctl("lock")
        made.envctl("sync")
        made.envctl("dockerize")
        assert python_base.pinned in made.read("Dockerfile")
        yield made


@pytest.fixture(scope="module")
def buildkit(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """The files of the same project in the other flavour."""
    copy = tmp_path_factory.mktemp("buildkit") / "project"
    shutil.copytree(world.root, copy, ignore=shutil.ignore_patterns(".venv", "envs"))
    other = World(root=copy, index=world.index)
    other.edit("pyproject.toml", '"hermetic"', '"buildkit"')
    other.envctl("dockerize")
    assert not list(copy.glob(".envctl/image/wheels/**/*.whl"))
    tag = _tag()
    engine.build(copy, tag=tag, secrets=secrets())
    yield _in_container(tag)
    engine.remove_image(tag)


@pytest.fixture(scope="module")
def classic(world: World) -> Iterator[str]:
    """Built through the engine's API by the docker SDK, which has neither mounts nor `--chmod`."""
    import docker

    tag = _tag()
    client = docker.from_env()
    try:
        client.images.build(path=str(world.root), tag=tag, network_mode="none", rm=True)
    finally:
        client.close()
    yield tag
    engine.remove_image(tag)


def _tag() -> str:
    return f"envctl-test-{uuid.uuid4().hex[:12]}"


def _in_container(tag: str) -> Files:
    argv = ["python3", "-I", "-S", "-c", LISTER, "/", *FOLDERS]
    listed = engine.run(tag, argv, entrypoint="", options=["--user=0"]).stdout
    found: Files = json.loads(listed)
    return found


def _differences(one: Files, other: Files) -> dict[str, tuple[object, object]]:
    return {
        name: (one.get(name), other.get(name))
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name) and name not in DATED
    }


def test_the_image_runs(classic: str) -> None:
    assert engine.run(classic, read_only=True).stdout == f"1.0 {HOSTILE}\n"
    assert engine.run(classic, ["zz-nv"]).stdout.startswith("nvidia")
    assert engine.run(classic, ["sh", "-c", "id -u; id -g"]).stdout.split() == ["10001", "0"]


def test_both_flavours_have_the_same_files(classic: str, buildkit: Files) -> None:
    """To the byte, the mode, the owner and, in the environment, the date; byte-compiled caches included."""
    assert len(buildkit) > 40
    assert {"opt/venv/bin/zz-app", "opt/venv/bin/zz-source"} <= set(buildkit)
    assert _differences(_in_container(classic), buildkit) == {}


def test_they_are_the_files_of_the_environment_here(world: World, classic: str) -> None:
    environment = (world.root / ".venv").resolve()
    own = "_envctl.pth"
    here = {
        path.relative_to(environment).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in environment.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    there = {
        name.removeprefix("opt/venv/"): entry[0]
        for name, entry in _in_container(classic).items()
        if name.startswith("opt/venv/") and entry[0] != "folder" and entry[1]
    }
    kept = [
        {name: digest for name, digest in files.items() if not excepted(name) and own not in name}
        for files in (here, there)
    ]
    assert len(kept[0]) > 15
    assert kept[0] == kept[1]


@pytest.fixture
def bare() -> Iterator[bare_builders.Builders]:
    """Podman and buildah."""
    made = bare_builders.Builders()
    try:
        made.call("podman", "--version")
        made.call("buildah", "--version")
    except engine.EngineMissing as missing:
        if engine.UNDER_CI:
            raise
        pytest.skip(str(missing))
    else:
        yield made
    finally:
        made.forget()


@pytest.mark.parametrize("program", ["podman", "buildah"])
def test_builders_without_an_engine_make_the_same_files(
    world: World, buildkit: Files, bare: bare_builders.Builders, program: str
) -> None:
    tag = _tag()
    arguments = ["build", "--network=none", f"--tag={tag}", f"--file={world.root}/Dockerfile"]
    bare.call(program, *arguments, str(world.root))
    assert _differences(_listed(bare.mounted(tag)), buildkit) == {}


def _listed(root: Path) -> Files:
    argv = [sys.executable, "-I", "-S", "-c", LISTER, str(root), *FOLDERS]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    found: Files = json.loads(listed)
    return found


@pytest.mark.parametrize("name", ["podman", "buildah"])
def test_envctl_makes_the_same_files_with_a_builder_without_an_engine(
    world: World, buildkit: Files, bare: bare_builders.Builders, name: str
) -> None:
    """Its image is no engine's to prove."""
    tag = _tag()
    made = World(root=world.root, index=world.index, environ=bare.environment())
    report = made.json("image", "build", "--engine", name, "--tag", tag)["result"]
    assert (report["builder"], report["tags"]) == (name, [tag])
    assert sum(layer["size"] for layer in report["layers"]) > 10_000_000
    assert _differences(_listed(bare.mounted(tag)), buildkit) == {}


@pytest.mark.parametrize("name", ["docker", "docker-api"])
def test_envctl_makes_the_same_files_with_an_engine(
    world: World, buildkit: Files, name: str
) -> None:
    """And the image is proved as well."""
    tag = _tag()
    try:
        report = world.json("image", "build", "--engine", name, "--tag", tag)["result"]
        assert (report["builder"], report["tags"]) == (name, [tag])
        assert sum(layer["size"] for layer in report["layers"]) > 10_000_000
        assert _differences(_in_container(tag), buildkit) == {}
        proof = world.json("image", "verify", tag)["result"]
        assert [each["code"] for each in proof["findings"]] == ["image-unproved"]
        assert "built from source" in proof["findings"][0]["message"]
    finally:
        engine.remove_image(tag)


@pytest.mark.parametrize("change", ["missing", "altered"])
def test_a_build_says_which_wheels_it_lacks(world: World, tmp_path: Path, change: str) -> None:
    import docker
    from docker.errors import BuildError

    copy = tmp_path / "copy"
    shutil.copytree(world.root, copy, ignore=shutil.ignore_patterns(".venv", "envs"))
    (wheel,) = copy.glob(".envctl/image/wheels/light/zz_made_lib-*.whl")
    if change == "missing":
        wheel.unlink()
    else:
        wheel.write_bytes(wheel.read_bytes() + b"x")
    client = docker.from_env()
    try:
        with pytest.raises(BuildError) as caught:
            client.images.build(
                path=str(copy), target="light", network_mode="none", rm=True, forcerm=True
            )
        log = "".join(str(line.get("stream", "")) for line in caught.value.build_log)
    finally:
        client.close()
    assert f"{wheel.name}: FAILED" in log
    assert "run envctl dockerize, then build again" in log
    checked = World(root=copy, index=world.index).envctl("dockerize", "--check", code=1)
    assert f"bundle-{change}" in checked.stdout
    assert wheel.name in checked.stdout
