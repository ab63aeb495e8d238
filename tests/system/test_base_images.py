"""Base images of the real engine: Debian 13 with Python 3.13, and an index for two machines behind the mirror."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from envctl.adapters import containers
from envctl.bootstrap import services
from envctl.usecases.dockerize_base import look
from tests.registry.images import MadeImage, Pusher
from tests.registry.server import RealRegistry
from tests.system import engine
from tests.system.test_dockerize import CPU, LIGHT, SHARED, _lock, _project, index

__all__ = ["index"]

pytestmark = pytest.mark.docker

TRIXIE = "3.13-slim-trixie"
AMD = MadeImage(labels={"made": "for tests"})
ARM = MadeImage(platform="linux/arm64/v8")


@pytest.fixture(scope="module")
def trixie(docker_engine: engine.Engine) -> engine.BaseImage:
    return engine.ensure_base(TRIXIE)


@pytest.fixture
def behind_the_mirror(python_base: engine.BaseImage, docker_engine: engine.Engine) -> Iterator[str]:
    """Push an index for two machines where the engine's mirror has Docker Hub's images; gives its name."""
    if not docker_engine.mirrored:
        pytest.skip("this engine has no mirror")
    port = int(engine.REGISTRY_ADDRESS.rpartition(":")[2])
    push = Pusher(RealRegistry(port=port), repository=f"library/zz-made-{uuid.uuid4().hex[:8]}")
    digest = push.index([AMD, ARM], "1-bookworm", docker=True)
    yield f"docker.io/{push.repository}:1-bookworm@{digest}"
    push.delete(digest)


def test_python_3_13_is_built_on_debian_13(
    trixie: engine.BaseImage, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    served = request.getfixturevalue("index")
    made = _project(tmp_path, served, CPU, LIGHT, SHARED)
    manifest = replace(made.manifest, python="3.13", platforms=())
    project = replace(made, manifest=manifest, lock=_lock(served, manifest, LIGHT, SHARED))
    plan = project.dockerize()
    assert plan.base == trixie.pinned
    # Both machines have a wheel of everything, so the image is for both: this base is for one.
    doors = services(tmp_path)
    found = look(project.files, manifest, project.lock, doors.registry)
    assert [(each.code, each.severity) for each in found] == [("base-architecture", "note")]
    tag = f"envctl-test-{uuid.uuid4().hex[:12]}"
    try:
        engine.build(project.root, tag=tag)
        assert engine.run(tag).stdout == "sum 1.0\n"
        shown = engine.run(tag, ["python", "-c", "import sys; print(sys.version_info[:2])"])
        assert shown.stdout == "(3, 13)\n"
    finally:
        engine.remove_image(tag)


def test_engine_and_registry_say_the_same_of_an_index(
    behind_the_mirror: str, tmp_path: Path
) -> None:
    name, _, digest = behind_the_mirror.partition("@")
    doors = services(tmp_path)
    assert doors.registry_digest(name) == digest
    assert containers.registry_digest(name) == digest
    for reference in (name, behind_the_mirror):
        found = doors.registry.described(reference)
        assert found is not None
        assert (found.digest, found.platforms) == (digest, ("linux/amd64", "linux/arm64/v8"))
        assert found.labels == AMD.labels
