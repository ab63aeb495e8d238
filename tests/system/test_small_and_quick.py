"""What a rebuild leaves alone, and how large an image is, in both flavours.

A heavy and a light package of the default index, locked, built and changed as a user does.
"""

import compileall
import json
import os
import py_compile
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from envctl.adapters import containers
from tests.system import engine

pytestmark = [pytest.mark.docker, pytest.mark.index]

MANIFEST = """\
[project]
name = "small"
version = "1"
dependencies = ["nvidia-cuda-runtime-cu12==12.6.68", "pygments==2.18.0"]

[tool.envctl]
python = "3.11"
platforms = ["linux-x86_64"]

[tool.envctl.image]
build = "{flavour}"
source = ["main.py"]
command = ["python", "main.py"]
"""
SITE = "opt/venv/lib/python3.11/site-packages"
MAIN = "import pygments; print('{word}', pygments.__version__)\n"


@dataclass
class Project:
    """The project, and the images of it so far."""

    root: Path
    flavour: str
    tags: list[str]

    def envctl(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "envctl", *arguments],
            cwd=self.root,
            env={**os.environ, "ENVCTL_PREFLIGHT": "off"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def write(self, word: str) -> None:
        (self.root / "main.py").write_text(MAIN.format(word=word))

    def build(self) -> str:
        network = () if self.flavour == "hermetic" else ("--network", "host")
        tag = f"envctl-test-{uuid.uuid4().hex[:12]}"
        self.tags.append(tag)
        self.envctl("image", "build", "--tag", tag, *network)
        return tag

    def said(self, tag: str) -> str:
        return engine.run(tag, env={"ENVCTL_PREFLIGHT": "off"}).stdout


@pytest.fixture(scope="module", params=["buildkit", "hermetic"])
def project(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    python_base: engine.BaseImage,
) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp(request.param), request.param, [])
    (made.root / "pyproject.toml").write_text(MANIFEST.format(flavour=request.param))
    made.write("first")
    for command in ("lock", "sync", "dockerize"):
        made.envctl(command)
    yield made
    for tag in made.tags:
        engine.remove_image(tag)


@pytest.fixture(scope="module")
def image(project: Project) -> str:
    tag = project.build()
    assert project.said(tag) == "first 2.18.0\n"
    return tag


def layers(tag: str) -> dict[str, frozenset[str]]:
    """Return the names of the files in each layer, by its digest, lowest first."""
    shown = engine.docker("image", "inspect", "--format={{json .RootFS.Layers}}", tag)
    found: dict[str, frozenset[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "image.tar"
        engine.docker("save", f"--output={saved}", tag)
        with tarfile.open(saved) as archive:
            listed = archive.extractfile("manifest.json")
            assert listed is not None
            paths = json.load(listed)[0]["Layers"]
            for digest, path in zip(json.loads(shown), paths, strict=True):
                with tarfile.open(fileobj=archive.extractfile(path)) as layer:
                    found[digest] = frozenset(each.name for each in layer if not each.isdir())
    return found


def steps(tag: str) -> set[tuple[str, str]]:
    """Return what made the image and when: a step that was taken from the cache is as old as it was."""
    shown = engine.docker("history", "--no-trunc", "--human=false", "--format={{json .}}", tag)
    listed: list[dict[str, Any]] = [json.loads(line) for line in shown.splitlines()]
    return {(each["CreatedBy"], each["CreatedAt"]) for each in listed}


def test_a_changed_source_touches_no_other_layer(project: Project, image: str) -> None:
    before = digests(image)
    project.write("second")
    tag = project.build()
    assert project.said(tag) == "second 2.18.0\n"
    (made,) = (names for digest, names in layers(tag).items() if digest not in before)
    assert made == {"app/main.py"}
    assert digests(tag)[:-2] == before[:-2]
    anew = {text for text, _ in steps(tag) - steps(image)}
    assert not [text for text in anew if "/opt/venv " in text or "pip" in text], anew


def test_a_changed_light_package_leaves_the_heavy_layer(project: Project, image: str) -> None:
    before = digests(image)
    manifest = project.root / "pyproject.toml"
    manifest.write_text(manifest.read_text().replace("2.18.0", "2.19.1"))
    for command in ("lock", "dockerize"):
        project.envctl(command)
    tag = project.build()
    assert project.said(tag).endswith(" 2.19.1\n")
    after = layers(tag)
    heavy = [
        digest
        for digest, names in after.items()
        if any(f"{SITE}/nvidia/" in name for name in names)
    ]
    light = [
        digest
        for digest, names in after.items()
        if any(f"{SITE}/pygments/" in name for name in names)
    ]
    assert (len(heavy), len(light)) == (1, 1)
    assert heavy[0] in before
    assert light[0] not in before


def digests(tag: str) -> tuple[str, ...]:
    found = containers.inspect(tag)
    assert found is not None
    return found.layers


def test_the_image_is_base_and_environment(
    project: Project, image: str, python_base: engine.BaseImage
) -> None:
    """The environment with its byte-compiled caches: in the image nobody could write them later."""
    import docker

    client = docker.from_env()
    try:
        size = {
            name: int(client.images.get(name).attrs["Size"]) for name in (image, python_base.pinned)
        }
    finally:
        client.close()
    environment = project.root / ".venv"
    copy = project.root / "copy"
    shutil.copytree(environment.resolve(), copy, symlinks=True)
    compileall.compile_dir(
        copy, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
    )
    weight = sum(p.stat().st_size for p in copy.rglob("*") if p.is_file() and not p.is_symlink())
    assert weight > 10_000_000
    assert size[image] <= size[python_base.pinned] + 1.02 * weight
