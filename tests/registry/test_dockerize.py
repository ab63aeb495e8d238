"""``envctl dockerize`` beside a real registry, without an engine: pinned, kept, upgraded, and what has gone wrong."""

import shlex
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import pytest

from envctl.domain.image.base import choose
from envctl.domain.manifest import ImageSettings
from tests.index.wheels import Wheel
from tests.integration.world import MINOR, World
from tests.registry.images import MadeImage, Pusher
from tests.registry.server import free_port

PYTHON = ("PATH=/usr/local/bin:/usr/bin:/bin", f"PYTHON_VERSION={MINOR}.7")
AMD = MadeImage(env=PYTHON)
ARM = MadeImage(platform="linux/arm64/v8", env=PYTHON)
USUAL = choose(ImageSettings(), MINOR).reference.rpartition(":")[2]
BOTH = 'platforms = ["linux-x86_64", "linux-aarch64"]'


class Place:
    """A project whose images come from a repository of the test's own; there is no engine."""

    def __init__(self, world: World, push: Pusher) -> None:
        self.world = world
        self.push = replace(push, repository=f"{push.repository}/python")
        self.environ = {"DOCKER_HOST": "tcp://127.0.0.1:9"}
        world.index.add(Wheel("uv", version("uv"), tags=("py3-none-manylinux_2_17_x86_64",)))
        self.image = f"{push.registry.name}/{push.repository}/python"
        text = world.manifest()
        world.write(
            "pyproject.toml", text + f'\n[tool.envctl.image]\nregistry = "{self.registry}"\n'
        )

    @property
    def registry(self) -> str:
        return self.image.removesuffix("/python")

    def edit(self, old: str, new: str) -> None:
        self.world.edit("pyproject.toml", old, new)

    def lock(self) -> None:
        self.world.envctl("lock")

    def dockerize(self, *arguments: str) -> str:
        return self.world.envctl("dockerize", *arguments, env=self.environ).stderr

    def findings(self, code: int = 0) -> list[dict[str, Any]]:
        report = self.world.json("dockerize", "--check", code=code)
        found: list[dict[str, Any]] = report["result"]["findings"]
        return found

    def codes(self, code: int = 0) -> list[tuple[str, str]]:
        return [(found["code"], found["severity"]) for found in self.findings(code)]

    def mend(self, finding: dict[str, Any]) -> None:
        self.world.envctl(*shlex.split(finding["fix"])[1:], env=self.environ)

    def base(self) -> str:
        lines = self.world.read("Dockerfile").splitlines()
        return next(line.split()[1] for line in lines if line.endswith(" AS base"))


@pytest.fixture
def place(world: World, push: Pusher, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    return Place(world, push)


def test_pinned_kept_and_upgraded(place: Place) -> None:
    first = place.push.index([AMD, ARM], USUAL)
    place.edit('platforms = ["linux-x86_64"]', BOTH)
    place.lock()
    said = place.dockerize()
    assert not [line for line in said.splitlines() if line.startswith(("warning: 127", "note: "))]
    assert place.base() == f"{place.image}:{USUAL}@{first}"
    text = place.world.read("Dockerfile")
    assert "# slice linux-x86_64 sha256:" in text
    assert "# slice linux-aarch64 sha256:" in text
    assert place.codes() == []
    assert place.world.codes("--only", "image", code=0) == []

    second = place.push.index([replace(AMD, labels={"new": "1"}), ARM], USUAL)
    said = place.dockerize()
    assert place.base().endswith(first)
    assert "note: " in said
    [moved] = place.findings()
    assert (moved["code"], moved["severity"]) == ("base-moved", "note")
    assert (moved["expected"], moved["actual"]) == (first, second)
    place.mend(moved)
    assert place.base().endswith(second)
    assert place.codes() == []


def test_a_digest_that_is_gone_is_mended(place: Place) -> None:
    first = place.push.image(AMD, USUAL)
    place.lock()
    place.dockerize()
    second = place.push.image(replace(AMD, labels={"new": "1"}), USUAL)
    place.push.delete(first)
    [gone] = place.findings(code=1)
    assert (gone["code"], gone["severity"]) == ("base-gone", "error")
    assert f"warning: {place.base()}: the registry has this digest no longer" in place.dockerize()
    place.mend(gone)
    assert place.base().endswith(second)
    assert place.codes() == []

    place.push.delete(second)
    [gone] = place.findings(code=1)
    assert gone["fix"] is None
    assert "tool.envctl.image.base" in gone["advice"]
    place.dockerize("--upgrade-base")  # nothing better is known: what was pinned stays
    assert place.base().endswith(second)


def test_a_tag_that_is_gone_while_its_digest_stays(place: Place) -> None:
    digest = place.push.image(AMD, "other")
    place.edit(f'registry = "{place.registry}"', f'base = "{place.image}:gone@{digest}"')
    place.lock()
    said = place.dockerize()
    assert place.base() == f"{place.image}:gone@{digest}"
    assert "gets no updates" in said
    assert place.codes() == [("base-gone", "warning")]


def test_a_tag_that_was_never_there(place: Place) -> None:
    place.push.image(AMD, "other")
    place.lock()
    said = place.dockerize()
    assert place.base() == f"{place.image}:{USUAL}"
    assert "this tag no longer, or never had it" in said
    assert set(place.codes(code=1)) == {("base-unpinned", "warning"), ("base-gone", "error")}


def test_without_a_registry_the_known_digest_stays(place: Place) -> None:
    dead = f"127.0.0.1:{free_port()}/team"
    place.edit(f'registry = "{place.registry}"', f'registry = "{dead}"')
    place.lock()
    said = place.dockerize()
    assert "is not pinned" in said
    assert place.base() == f"{dead}/python:{USUAL}"
    [finding] = place.world.findings("--only", "image")
    assert (finding["code"], finding["severity"]) == ("base-unpinned", "warning")

    place.edit(f'registry = "{dead}"', f'registry = "{place.registry}"')
    digest = place.push.image(AMD, USUAL)
    place.dockerize()
    assert place.base().endswith(f"{USUAL}@{digest}")
    assert place.world.codes("--only", "image", code=0) == []

    # What is pinned stays so while nobody answers, even when asked for something newer.
    text = place.world.read("Dockerfile").replace(place.registry, dead)
    place.edit(f'registry = "{place.registry}"', f'registry = "{dead}"')
    place.world.write("Dockerfile", text)
    for arguments in ((), ("--upgrade-base",)):
        said = place.dockerize(*arguments)
        assert place.base() == f"{dead}/python:{USUAL}@{digest}"
        assert "note: Dockerfile: the images behind FROM were not looked at" in said
    assert place.codes() == [("base-unchecked", "note")]


def test_a_machine_that_the_base_is_not_made_for(place: Place) -> None:
    place.push.index([AMD], USUAL)
    place.edit('platforms = ["linux-x86_64"]', BOTH)
    place.lock()
    assert "it is not made for aarch64" in place.dockerize()
    [finding] = place.findings(code=1)
    assert (finding["code"], finding["actual"]) == ("base-architecture", "linux/amd64")
    # Not declared: nobody has asked for that machine.
    place.edit(BOTH, "")
    place.lock()
    place.dockerize()
    assert "linux-aarch64" in place.world.read("Dockerfile")
    assert place.codes() == [("base-architecture", "note")]
    place.push.index([replace(AMD, platform="linux/s390x")], USUAL)
    place.dockerize("--upgrade-base")
    assert place.codes(code=1) == [("base-architecture", "error")]


def test_another_python_in_the_image(place: Place) -> None:
    place.push.image(replace(AMD, env=("PYTHON_VERSION=3.9.1",)), USUAL)
    place.lock()
    assert f"has Python 3.9.1, and the image is for {MINOR}" in place.dockerize()
    assert place.codes(code=1) == [("base-other-python", "error")]


@pytest.mark.parametrize(
    ("history", "labels", "found"),
    [
        (("# debian.sh --arch 'amd64' out/ 'bullseye' '@1700000000'",), {}, True),
        ((), {"org.opencontainers.image.ref.name": "ubuntu20.04"}, True),
        (("# debian.sh --arch 'amd64' out/ 'bookworm' '@1700000000'",), {}, False),
        (("RUN true",), {}, False),
    ],
)
def test_an_older_glibc_than_the_tag_tells(
    place: Place, history: tuple[str, ...], labels: dict[str, str], found: bool
) -> None:
    interpreter = f"cp{MINOR.replace('.', '')}"
    place.world.index.add(
        Wheel("zz-made-glibc", "1.0", tags=(f"{interpreter}-{interpreter}-manylinux_2_35_x86_64",))
    )
    place.push.image(replace(AMD, history=history, labels=labels), "mine")
    place.edit('"zz-made-app<2",', '"zz-made-glibc",')
    place.edit('["linux-x86_64"]', '["linux-x86_64-glibc2.35"]')
    place.edit(f'registry = "{place.registry}"', f'base = "{place.image}:mine"')
    place.lock()
    said = place.dockerize()
    assert ("glibc 2.31, and the lock needs glibc 2.35: zz-made-glibc 1.0" in said) == found
    assert place.codes(code=int(found)) == ([("base-libc-too-old", "error")] if found else [])


def test_verify_finds_by_table_what_does_not_fit(place: Place) -> None:
    place.push.image(AMD, USUAL)
    place.lock()
    place.dockerize()
    for base, code in (
        ("debian:bookworm-slim", "base-without-python"),
        ("r.example/python:3.8-slim-bookworm", "base-other-python"),
        (f"python:{MINOR}-alpine3.20", "base-without-glibc"),
    ):
        text = place.world.read("pyproject.toml")
        place.edit(f'registry = "{place.registry}"', f'base = "{base}"')
        [finding] = place.world.findings("--only", "image")
        assert (finding["code"], finding["subject"]) == (code, base)
        assert finding["advice"].startswith("tool.envctl.image.base: ")
        refused = place.world.envctl("dockerize", code=3, env=place.environ).stderr
        assert base in refused
        place.world.write("pyproject.toml", text)
    place.edit(f'registry = "{place.registry}"', f'base = "r.example/python:{MINOR}-bullseye"')
    found = {each["code"]: each["severity"] for each in place.world.findings("--only", "image")}
    assert found["base-end-of-life"] == "warning"
