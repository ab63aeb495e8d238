"""dockerize for what has to be built: its lists, its pins, and when it is stale."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from envctl.domain.build.locked import from_tables
from tests import image_projects as projects
from tests.unit.checks.test_image import STALE, Workspace

FOLDER = ".envctl/image"
LISTS = {
    "build-flash-attn.txt",
    "build-made-c.txt",
    "build-made-ninja.txt",
    "fetch.py",
    "pylock.build-flash-attn.toml",
    "pylock.build-made-c.toml",
    "pylock.build-made-ninja.toml",
    "pylock.package.toml",
}


class Built(Workspace):
    """A workspace whose lock says how its sources are built."""

    def change(self, text: str, *packages: Any) -> None:
        super().change(text, *packages)
        self.say(projects.KERNELS_BUILDS)

    def say(self, builds: dict[str, Any]) -> None:
        self.lock = replace(self.lock, builds=from_tables(builds))


@pytest.fixture
def made(tmp_path: Path) -> Built:
    found = Built(tmp_path, projects.KERNELS, *projects.KERNELS_PACKAGES)
    found.dockerize()
    return found


def lists(made: Built) -> set[str]:
    known = {"contract.json", "preflight.py", "uv.txt", "pylock.heavy.toml", "pylock.light.toml"}
    return set(made.project.listing(FOLDER)) - known


def test_it_writes_a_list_for_each_build_and_agrees_with_itself(made: Built) -> None:
    assert lists(made) == LISTS
    assert made.findings(required=True) == []
    assert made.findings(paths=None) == []
    assert made.plan().changed == ()


def test_the_install_lists_hold_wheels_alone(made: Built) -> None:
    light = tomllib.loads(made.text(f"{FOLDER}/pylock.light.toml"))["packages"]
    x86, arm = 'platform_machine == "x86_64"', 'platform_machine == "aarch64"'
    assert [(p["name"], p.get("marker")) for p in light] == [
        ("made-c", x86),
        ("numpy", x86),
        ("numpy", arm),
    ]
    within = tomllib.loads(made.text(f"{FOLDER}/pylock.build-flash-attn.toml"))["packages"]
    assert [p["name"] for p in within] == ["made-backend", "torch", "torch"]


def test_every_image_is_pinned_and_stays_so(made: Built) -> None:
    def froms() -> list[str]:
        lines = made.text("Dockerfile").splitlines()
        return [line.split()[1] for line in lines if line.startswith("FROM docker.io/")]

    before = froms()
    assert len(before) == 3
    assert all(each.endswith(f"@{projects.DIGEST}") for each in before)
    other = "sha256:" + "e" * 64
    made.dockerize(registry=lambda _reference: other)
    assert froms() == before
    made.dockerize(registry=lambda _reference: other, upgrade_base=True)
    assert {each.partition("@")[2] for each in froms()} == {other}
    made.dockerize(registry=lambda _reference: None, upgrade_base=True)
    assert {each.partition("@")[2] for each in froms()} == {other}


def test_an_unpinned_builder_is_told(tmp_path: Path) -> None:
    made = Built(tmp_path, projects.KERNELS, *projects.KERNELS_PACKAGES)
    said = [each for each in made.plan(registry=lambda _: None).warnings if "not pinned" in each]
    assert len(said) == 3


def test_what_is_no_longer_built_leaves_no_list(made: Built) -> None:
    text = projects.KERNELS.replace('"flash-attn", ', "")
    made.change(text, *projects.KERNELS_PACKAGES[1:])
    made.project.write({f"{FOLDER}/mine.txt": "kept\n"})
    made.dockerize()
    expected = {"build-made-c.txt", "fetch.py", "pylock.build-made-c.toml", "pylock.package.toml"}
    assert lists(made) == expected | {"mine.txt"}
    assert made.findings(required=True) == []


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("made-c==1.0+x.1", {"env": {"CFLAGS": "-O0"}}),
        ("made-c==1.0+x.1", {"requires": []}),
        (".", {"requires": ["made-ninja==1.12"]}),
    ],
)
def test_another_way_to_build_is_stale(made: Built, key: str, changes: dict[str, Any]) -> None:
    builds = projects.KERNELS_BUILDS["builds"]
    told = {**builds, key: {**builds[key], **changes}}
    made.say({**projects.KERNELS_BUILDS, "builds": told})
    assert made.codes() == STALE
    made.dockerize()
    assert made.codes() == []


def test_a_build_that_the_image_does_not_need_makes_nothing_stale(made: Built) -> None:
    builds: dict[str, Any] = {**projects.KERNELS_BUILDS["builds"], "other==1.0": {"requires": []}}
    made.say({**projects.KERNELS_BUILDS, "builds": builds})
    assert made.codes() == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ports = [8000, 9090]", "ports = [8000]"),
        ('"--quiet"', '"--loud"'),
        ('stop-signal = "SIGINT"\n', ""),
        ("ports =", 'build-packages = ["libpq-dev"]\nports ='),
        ("ports =", 'builder = "reg.example/x:3.11-bookworm"\nports ='),
        ('project = "package"\n', ""),
    ],
)
def test_each_setting_counts(made: Built, old: str, new: str) -> None:
    assert old in projects.KERNELS
    made.change(projects.KERNELS.replace(old, new), *projects.KERNELS_PACKAGES)
    assert STALE[0] in made.codes()
    made.dockerize()
    assert made.codes() == []


def test_a_new_file_that_a_backend_reads_is_noticed(made: Built) -> None:
    assert made.codes(paths=(*projects.PATHS, "setup.cfg")) == STALE
    assert made.codes(paths=(*projects.PATHS, "notes.txt")) == []


def test_a_package_that_went_from_wheel_to_source_is_named(made: Built) -> None:
    packages = [projects.source("made-c", "1.1"), *projects.KERNELS_PACKAGES[2:]]
    made.change(projects.KERNELS, projects.KERNELS_PACKAGES[0], *packages)
    builds = projects.KERNELS_BUILDS["builds"]
    told = {**builds, "made-c==1.1": builds["made-c==1.0+x.1"]}
    made.say({**projects.KERNELS_BUILDS, "builds": told})
    messages = [finding.message for finding in made.findings()]
    assert any("made-c 1.0+x.1 → 1.1" in message for message in messages)


def test_it_says_what_is_built_and_what_kubernetes_ignores(tmp_path: Path) -> None:
    text = projects.KERNELS.replace(
        "[tool.envctl.image]", '[tool.envctl.image]\nfor = "kubernetes"'
    )
    plan = Built(tmp_path, text, *projects.KERNELS_PACKAGES).plan()
    assert "source in the image: installed as a package" in plan.notes[0]
    assert "flash-attn==2.8.3, in docker.io/library/python:3.11-bookworm" in " ".join(plan.notes)
    assert any("livenessProbe" in each for each in plan.warnings)
