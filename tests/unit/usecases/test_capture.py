"""Capturing an environment without a network: torch's own index, several platforms, what is asked of a resolver."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest
from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.requirements import Requirement
from packaging.tags import Tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.adapters.toml.edit import extend_manifest
from envctl.domain.captured.packages import Capture, Captured
from envctl.domain.environment.here import Here
from envctl.domain.gpu import torch_builds
from envctl.domain.manifest import Index
from envctl.domain.platforms import Platform
from envctl.domain.record import OperatingSystem, Python, Record
from envctl.domain.resolution import Interpreter, Question, Resolution
from envctl.errors import IndexFailure, ResolutionError
from envctl.ports import Runner
from envctl.readers.source_tree import SourceTree
from envctl.readers.toml import read_toml
from envctl.usecases.capture.attempt import CaptureOutcome, Doors
from envctl.usecases.capture.capture import capture, carry_out
from tests.in_memory import InMemoryProject

DEFAULT = "https://index.example/simple"
TORCH = torch_builds.index_url("cu126")
HERE = Platform(os="linux", machine="x86_64")


Stock = Mapping[str, Mapping[str, Sequence[str]]]


class Shelf:
    """A ``Catalogue`` with fixed contents: index → name → versions."""

    def __init__(self, stock: Stock) -> None:
        self._stock = stock

    def versions(
        self, names: Collection[str], indexes: Sequence[Index]
    ) -> Mapping[str, Mapping[str, str]]:
        urls = [index.url for index in indexes] or [DEFAULT]
        return {
            name: {
                version: url for url in urls for version in self._stock.get(url, {}).get(name, ())
            }
            for name in names
        }

    def records(self, urls: Iterable[str]) -> Mapping[str, Mapping[str, str] | None]:
        return dict.fromkeys(urls)


class Obedient:
    """A resolver that gives what it is held to, with the wheel for that; ``refuses`` any question with constraints."""

    NAME = "uv"

    def __init__(self, *, refuses: bool = False) -> None:
        self.questions: list[Question] = []
        self._refuses = refuses

    def resolve(self, question: Question, *, run: Runner, workspace: Path) -> Resolution:
        self.questions.append(question)
        if self._refuses and question.constraints:
            raise ResolutionError("they exclude each other")
        found = {pin.name: pin.version for pin in question.pins}
        for text in question.constraints:
            (clause,) = Requirement(text).specifier
            found[Requirement(text).name] = clause.version
        return Resolution(
            packages=tuple(_package(name, version) for name, version in found.items()),
            edges={},
            environments=tuple(platform.marker for platform in question.platforms),
            requires_python=question.requires_python,
            made_by="obedient 1",
        )


class NoSources:
    """``Sdists`` where everything has a wheel."""

    def tree(self, sdist: PackageSdist) -> SourceTree:
        raise AssertionError(sdist)


def _package(name: str, version: str) -> Package:
    file = f"{name}-{version}-py3-none-any.whl"
    wheel = PackageWheel(name=file, url=f"https://x.example/{file}", hashes={"sha256": "0" * 64})
    return Package(name=canonicalize_name(name), version=Version(version), wheels=[wheel])


def run(
    found: Capture,
    stock: Stock | Shelf,
    engine: Obedient,
    files: Mapping[str, str] = {},
) -> tuple[CaptureOutcome, InMemoryProject]:
    project = InMemoryProject(files)
    interpreter = Interpreter(path="/usr/bin/python3", version="3.11.4")
    here = Here(
        interpreter=interpreter,
        platform=HERE,
        environment=HERE.environment("3.11.4"),
        tags=(Tag("py3", "none", "any"),),
    )
    doors = Doors(
        catalogue=stock if isinstance(stock, Shelf) else Shelf(stock),
        engine=lambda name: engine,
        run=cast("Runner", None),  # nothing is started
        sdists=NoSources(),
        extend=extend_manifest,
        here=here,
        record=Record(
            machine_id="0123456789abcdef",
            python=Python(version="3.11.4", implementation="CPython"),
            os=OperatingSystem(name="Debian", id="debian"),
            kernel="6.1",
            architecture="x86_64",
        ),
        own_folder="/project",
        default_index=DEFAULT,
    )
    outcome = capture(project, found, doors=doors, workspace=Path("/nowhere"))
    assert project.files == files
    assert carry_out(project, outcome) is not None
    return outcome, project


def environment(*pairs: tuple[str, str]) -> Capture:
    packages = tuple(Captured(name=name, version=version, record={}) for name, version in pairs)
    return Capture(label=".venv", python="3.11.4", packages=packages)


def test_a_build_of_torch_brings_its_index() -> None:
    found = environment(("six", "1.16.0"), ("torch", "2.4.1+cu126"), ("torchvision", "0.19+cu126"))
    stock = {
        DEFAULT: {"six": ["1.16.0"], "torch": ["2.4.1"], "torchvision": ["0.19"]},
        TORCH: {"torch": ["2.4.1+cu126"], "torchvision": ["0.19+cu126"]},
    }
    engine = Obedient()
    outcome, project = run(found, stock, engine)
    data = read_toml(project.files["pyproject.toml"], "pyproject.toml")
    assert data["project"]["dependencies"] == ["six>=1.16.0", "torch>=2.4.1", "torchvision>=0.19"]
    assert data["tool"]["envctl"]["index"] == [
        {"name": "pytorch-cu126", "url": TORCH, "packages": ["torch", "torchvision"]}
    ]
    (question,) = engine.questions
    assert question.constraints == (
        "six==1.16.0",
        "torch==2.4.1+cu126",
        "torchvision==0.19+cu126",
    )
    assert {pin.name: pin.index for pin in question.pins} == {
        "six": DEFAULT,
        "torch": TORCH,
        "torchvision": TORCH,
    }
    assert any("torch's build `cu126`" in note.message for note in outcome.plan.notes)
    assert {each.package.name: each.locked for each in outcome.packages} == {
        "six": "1.16.0",
        "torch": "2.4.1+cu126",
        "torchvision": "0.19+cu126",
    }


def test_an_index_of_the_manifest_s_own_is_all_that_is_asked() -> None:
    found = environment(("torch", "2.4.1+cu126"))
    manifest = f'[[tool.envctl.index]]\nname = "team"\nurl = "{DEFAULT}"\n'
    stock = {DEFAULT: {"torch": ["2.4.1"]}, TORCH: {"torch": ["2.4.1+cu126"]}}
    engine = Obedient()
    outcome, _ = run(found, stock, engine, {"pyproject.toml": manifest})
    assert engine.questions[0].constraints == ("torch==2.4.1",)
    (judged,) = outcome.packages
    assert [doubt.code for doubt in judged.doubts] == ["local-build"]


def test_other_platforms_are_not_held_to_this_machine_s_versions() -> None:
    manifest = '[tool.envctl]\nplatforms = ["linux-x86_64", "macos-arm64"]\n'
    engine = Obedient()
    run(
        environment(("six", "1.0")),
        {DEFAULT: {"six": ["1.0"]}},
        engine,
        {"pyproject.toml": manifest},
    )
    (question,) = engine.questions
    assert question.constraints == (f"six==1.0 ; {HERE.marker}",)
    assert [(pin.name, pin.version) for pin in question.pins] == [("six", "1.0")]


def test_versions_that_exclude_each_other_are_preferred_only_and_that_is_said() -> None:
    engine = Obedient(refuses=True)
    outcome, project = run(environment(("six", "1.0")), {DEFAULT: {"six": ["1.0"]}}, engine)
    assert outcome.lock is not None
    assert outcome.notes == (
        "not all installed versions can be had together: they exclude each other",
    )
    assert "pylock.toml" in project.files


def test_where_nothing_can_be_resolved_the_manifest_is_written_and_no_lock() -> None:
    class Helpless(Obedient):
        def resolve(self, question: Question, *, run: Runner, workspace: Path) -> Resolution:
            raise ResolutionError("no way")

    outcome, project = run(environment(("six", "1.0")), {DEFAULT: {"six": ["1.0"]}}, Helpless())
    assert outcome.lock is None
    assert outcome.blocked == ("no way",)
    assert "pyproject.toml" in project.files
    assert "pylock.toml" not in project.files


def test_a_project_that_changed_meanwhile_is_not_overwritten() -> None:
    outcome, project = run(environment(("six", "1.0")), {DEFAULT: {"six": ["1.0"]}}, Obedient())
    theirs = {"pyproject.toml": "# theirs"}
    project.files |= theirs
    assert carry_out(project, outcome) is None
    assert project.files["pyproject.toml"] == "# theirs"


def test_an_index_of_torch_that_is_out_of_reach_says_what_to_do() -> None:
    class Unreachable(Shelf):
        def versions(
            self, names: Collection[str], indexes: Sequence[Index]
        ) -> Mapping[str, Mapping[str, str]]:
            if indexes:
                raise IndexFailure("there is no such host", where=indexes[0].url)
            return super().versions(names, indexes)

    with pytest.raises(IndexFailure) as caught:
        run(environment(("torch", "2.4.1+cu126")), Unreachable({}), Obedient())
    assert caught.value.where == TORCH
    assert "packages = ['torch']" in (caught.value.hint or "")
