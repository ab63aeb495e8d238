"""Locks that uv, pip and pdm really wrote (``tests/assets/locks``), adopted or refused with the reason."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.pylock import Pylock
from packaging.specifiers import SpecifierSet

from envctl.checks.lock import check
from envctl.domain.lock import Lock, inputs_of
from envctl.domain.lock.adoption import adopted, remarks
from envctl.domain.lock.entry import digest
from envctl.domain.lock.reading import parse_lock
from envctl.domain.lock.table import lock_table
from envctl.domain.manifest import Index, Manifest
from envctl.domain.manifest.reading import parse_manifest
from envctl.domain.platforms import parse_platform
from envctl.emitters import pylock

ASSETS = Path(__file__).parents[3] / "assets" / "locks"
URL = "https://index.example/simple"
CONTRACT = {"accelerator": "cpu"}


def manifest(**changes: Any) -> Manifest:
    """Return the manifest that the samples were made from."""
    found = parse_manifest(
        {
            "project": {
                "name": "demo",
                "version": "0.1.0",
                "requires-python": ">=3.11,<3.13",
                "dependencies": ["zz-made-app<2", "zz-made-lib[fast]"],
                "optional-dependencies": {"plot": ["zz-made-plot"]},
            },
            "dependency-groups": {"dev": ["zz-made-test"]},
            "tool": {
                "envctl": {
                    "platforms": ["linux-x86_64", "windows-x86_64"],
                    "index": [{"name": "team", "url": URL}],
                    "env": {"PYTHONHASHSEED": "0"},
                }
            },
        }
    )
    return replace(found, **changes)


def sample(name: str) -> Lock:
    return parse_lock(tomllib.loads((ASSETS / f"{name}.toml").read_text(encoding="utf-8")))


def taken(lock: Lock, asked: Manifest, known: Lock | None = None) -> Lock:
    found = adopted(lock, asked, known, CONTRACT)
    assert isinstance(found, Lock), found
    return found


def refused(lock: Lock, asked: Manifest) -> tuple[str, ...]:
    found = adopted(lock, asked, None, CONTRACT)
    assert isinstance(found, tuple)
    assert found
    return found


def changed(lock: Lock, **keys: Any) -> Lock:
    return replace(lock, pylock=replace(lock.pylock, **keys))


def edited(lock: Lock, name: str, **keys: Any) -> Lock:
    packages = [replace(p, **keys) if p.name == name else p for p in lock.pylock.packages]
    return changed(lock, packages=packages)


def without(lock: Lock, name: str) -> Lock:
    return changed(lock, packages=[p for p in lock.pylock.packages if p.name != name])


@pytest.mark.parametrize("name", ["uv-export", "pdm"])
def test_a_lock_for_every_platform_is_taken(name: str) -> None:
    lock, asked = sample(name), manifest()
    found = taken(lock, asked)
    bare = [replace(package, marker=None) for package in found.pylock.packages]
    assert bare == [replace(package, marker=None) for package in lock.pylock.packages]
    assert found.pylock.created_by == lock.pylock.created_by == found.made_by
    assert found.inputs == inputs_of(asked)
    assert found.env == {"PYTHONHASHSEED": "0"}
    assert found.contract == CONTRACT
    assert [each.digest for each in found.entries] == [digest(p) for p in found.pylock.packages]
    # Whatever the tool told apart, the names can be asked for.
    assert "plot" in (found.pylock.extras or ())
    assert "dev" in (found.pylock.dependency_groups or ())
    found.pylock.validate()


@pytest.mark.parametrize("name", ["uv-compile", "pip-lock"])
def test_a_lock_for_one_machine_does_not_serve_another(name: str) -> None:
    asked = manifest(dependencies=("zz-made-app<2", 'zz-made-win; sys_platform == "win32"'))
    (sentence,) = (s for s in refused(sample(name), asked) if "zz-made-win" in s)
    assert sentence == (
        '`zz-made-win; sys_platform == "win32"` (project.dependencies) is not in the lock'
    )
    alone = replace(asked, platforms=(parse_platform("linux-x86_64"),), extras={}, groups={})
    taken(sample(name), alone)


def test_what_pdm_installs_by_default_is_what_the_project_needs() -> None:
    found = taken(sample("pdm"), manifest()).pylock
    assert (found.dependency_groups, found.default_groups) == (["dev"], None)
    assert {package.name: str(package.marker or "") for package in found.packages} == {
        "zz-made-app": "",
        "zz-made-plot": '"plot" in extras',
        "zz-made-test": '"dev" in dependency_groups',
        "zz-made-lib": "",
        "zz-made-speed": "",
        "zz-made-win": 'sys_platform == "win32"',
    }
    # A default that the manifest has as a group of its own is not the project: production goes without it.
    own = manifest(groups={"default": ("zz-made-app", "zz-made-lib", "zz-made-test")})
    assert refused(sample("pdm"), own)[0] == (
        "`zz-made-app<2` (project.dependencies) is not in the lock"
    )


def test_pip_knows_no_groups() -> None:
    found = refused(sample("pip-lock"), manifest())
    assert found == (
        "`zz-made-plot` (project.optional-dependencies.plot) is not in the lock",
        "`zz-made-test` (dependency-groups.dev) is not in the lock",
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"dependencies": ("zz-made-app>=2",)},
            "`zz-made-app` is locked as 1.0; the manifest asks for `zz-made-app>=2` (project.dependencies)",
        ),
        (
            {"extras": {"plot": ("zz-made-plot<0.5",)}},
            (
                "`zz-made-plot` is locked as 0.5; the manifest asks for "
                "`zz-made-plot<0.5` (project.optional-dependencies.plot)"
            ),
        ),
        (
            {"groups": {"dev": ("zz-made-other",)}},
            "`zz-made-other` (dependency-groups.dev) is not in the lock",
        ),
        (
            {"constraints": ("zz-made-speed>1",)},
            "`zz-made-speed` is locked as 0.1; tool.envctl.constraints has `zz-made-speed>1`",
        ),
        (
            {"dependencies": ("zz-made-win",)},
            "`zz-made-win` (project.dependencies) is not in the lock for linux-x86_64",
        ),
        (
            {"dependencies": ("zz-made-lib@ https://index.example/zz_made_lib-1.1.tar.gz",)},
            (
                "`zz-made-lib` comes from an index; the manifest asks for "
                "`zz-made-lib@ https://index.example/zz_made_lib-1.1.tar.gz` (project.dependencies)"
            ),
        ),
        (
            {"requires_python": ">=3.13"},
            "the lock is for Python <3.13,>=3.11, the manifest for >=3.13",
        ),
        (
            {"exclude_newer": "2023-12-30"},
            "`zz-made-app` 1.0 was uploaded on 2024-01-01; tool.envctl.exclude-newer is 2023-12-30",
        ),
        (
            {
                "indexes": (
                    Index(name="own", url="https://other.example/simple", packages=("zz-made-s*",)),
                )
            },
            "`zz-made-speed` belongs to the index `own`, the lock has it from https://index.example/simple",
        ),
    ],
)
def test_what_a_lock_does_not_answer(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(sample("uv-export"), manifest(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"dependencies": ("zz-made-other; python_version < '3.11'",)},
        {"dependencies": ("zz-made-other; sys_platform == 'darwin'",)},
        {"constraints": ("zz-made-win>1; sys_platform == 'linux'", "zz-made-absent<1")},
        {"exclude_newer": "2024-01-01"},
        {"indexes": (Index(name="own", url=URL, packages=("zz-made-*",)),)},
        {"platforms": ()},
    ],
)
def test_what_does_not_hold_here_is_not_asked(changes: dict[str, Any]) -> None:
    taken(sample("uv-export"), manifest(**changes))


def test_without_declared_platforms_every_one_counts() -> None:
    asked = manifest(platforms=(), dependencies=('zz-made-mac; sys_platform == "darwin"',))
    assert refused(sample("uv-export"), asked) == (
        '`zz-made-mac; sys_platform == "darwin"` (project.dependencies) is not in the lock',
    )
    asked = replace(asked, dependencies=("zz-made-win",))
    assert refused(sample("uv-export"), asked) == (
        (
            "`zz-made-win` (project.dependencies) is not in the lock "
            "for linux-x86_64, linux-aarch64, macos-arm64, macos-x86_64"
        ),
    )


def test_a_python_of_several_is_named() -> None:
    lock = edited(sample("uv-export"), "zz-made-lib", marker=Marker("python_version < '3.12'"))
    assert refused(lock, manifest()) == (
        "`zz-made-lib[fast]` (project.dependencies) is not in the lock for Python 3.12",
    )
    taken(lock, manifest(python="3.11"))


def test_the_lock_says_where_it_holds() -> None:
    lock = changed(sample("uv-export"), environments=[Marker("sys_platform == 'linux'")])
    assert refused(lock, manifest()) == (
        "the lock is not made for windows-x86_64, which tool.envctl.platforms has",
    )
    lock = changed(sample("uv-export"), requires_python=SpecifierSet(">=3.11.5"))
    taken(lock, manifest(python="3.11"))
    assert refused(lock, manifest(python="3.11.4")) == (
        "the lock is for Python >=3.11.5, the manifest for ==3.11.4",
    )


def test_files_without_an_index_must_be_where_the_claim_is() -> None:
    here = Index(name="own", url="https://index.example/other", packages=("zz-made-speed",))
    linux = (parse_platform("linux-x86_64"),)
    taken(sample("uv-compile"), manifest(platforms=linux, indexes=(here,)))
    there = replace(here, url="https://other.example/simple")
    assert refused(sample("uv-compile"), manifest(platforms=linux, indexes=(there,))) == (
        "`zz-made-speed` belongs to the index `own`; the lock does not say that it is from there",
    )


def test_a_password_is_refused() -> None:
    text = (ASSETS / "uv-export.toml").read_text().replace("https://", "https://me:secret@", 1)
    lock = parse_lock(tomllib.loads(text))
    (sentence,) = refused(lock, manifest())
    assert "user name or password" in sentence
    assert "secret" not in sentence


def test_the_project_itself_is_left_out() -> None:
    text = (ASSETS / "uv-export.toml").read_text()
    text += '\n[[packages]]\nname = "demo"\ndirectory = { path = ".", editable = true }\n'
    found = taken(parse_lock(tomllib.loads(text)), manifest())
    assert "demo" not in {package.name for package in found.pylock.packages}


def edges(lock: Lock) -> dict[str, tuple[str, ...]]:
    return {entry.name: entry.requires for entry in lock.entries if entry.requires}


def test_edges_of_pdm() -> None:
    assert edges(taken(sample("pdm"), manifest())) == {
        "zz-made-app": ("zz-made-lib", "zz-made-win ; sys_platform == 'win32'"),
        "zz-made-plot": ("zz-made-lib",),
    }


def test_edges_as_pep_751_has_them() -> None:
    lock = edited(
        sample("uv-export"),
        "zz-made-app",
        dependencies=[{"name": "zz-made-lib", "version": "1.1"}, {"name": "zz-made-win"}],
    )
    assert edges(taken(lock, manifest())) == {"zz-made-app": ("zz-made-lib==1.1", "zz-made-win")}
    torn = without(lock, "zz-made-win")
    assert refused(torn, manifest()) == (
        "`zz-made-app` needs `zz-made-win`, which the lock does not have",
    )


def test_edges_of_an_earlier_lock() -> None:
    known = taken(sample("pdm"), manifest())
    found = taken(sample("uv-export"), manifest(), known)
    assert edges(found) == edges(known)
    # Another version may need other things, and an extra of then may not be asked for now.
    other = edited(sample("pdm"), "zz-made-plot", tool={"pdm": {"dependencies": ["zz-made-win"]}})
    known = taken(other, manifest())
    asked = manifest(dependencies=("zz-made-lib",), platforms=(parse_platform("linux-x86_64"),))
    assert edges(taken(without(sample("uv-compile"), "zz-made-app"), asked, known)) == {}
    old = replace(known, entries=tuple(replace(e, version="0.1") for e in known.entries))
    assert edges(taken(sample("uv-export"), manifest(), old)) == {}


def test_remarks() -> None:
    assert remarks(sample("pdm"), manifest()) == (
        "some packages name no index: uv downloads them anew for each environment",
    )
    assert remarks(sample("uv-export"), manifest()) == (
        "uv wrote one set of packages: every install gets the packages of all extras and groups",
    )
    assert remarks(sample("uv-export"), manifest(extras={}, groups={})) == ()


def test_names_of_groups_in_any_spelling() -> None:
    text = (
        (ASSETS / "pdm.toml")
        .read_text()
        .replace('"dev"', '"Dev_Tools"')
        .replace('\\"dev\\"', '\\"Dev_Tools\\"')
    )
    lock = parse_lock(tomllib.loads(text))
    found = taken(lock, manifest(groups={"dev-tools": ("zz-made-test",)}))
    assert found.pylock.dependency_groups == ["dev-tools"]


def test_an_empty_lock_answers_an_empty_manifest() -> None:
    empty = Lock(
        pylock=Pylock.from_dict({"lock-version": "1.0", "created-by": "x", "packages": []})
    )
    assert taken(empty, Manifest()).entries == ()
    assert refused(empty, Manifest(dependencies=("zz-made-a",))) == (
        "`zz-made-a` (project.dependencies) is not in the lock",
    )


@pytest.mark.parametrize("name", ["uv-export", "pdm"])
def test_an_adopted_lock_is_read_back_as_it_was_written(name: str) -> None:
    asked = manifest()
    found = taken(sample(name), asked)
    text = pylock.emit(lock_table(found))
    again = parse_lock(tomllib.loads(text))
    assert again == replace(found, pylock=again.pylock)
    assert [digest(p) for p in again.pylock.packages] == [e.digest for e in found.entries]
    assert (again.adopted, again.ours) == (found.made_by, True)
    assert list(check(asked, again)) == []
    assert pylock.emit(lock_table(again)) == text
    assert [p.tool for p in again.pylock.packages] == [p.tool for p in found.pylock.packages]
    # Its tool writes it anew, and keeps nothing of envctl's table.
    assert [each.code for each in check(asked, sample(name))] == ["lock-foreign"]


def test_a_lock_of_another_tool_again_is_foreign() -> None:
    found = taken(sample("uv-export"), manifest())
    assert not changed(found, created_by="pdm").ours
    assert not changed(found, created_by="envctl").ours
