"""`add` and `remove`: manifest and lock change together, or neither does; the user's style stays."""

import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.index.wheels import Wheel
from tests.integration.trouble import (
    Said,
    call,
    environment,
    fill,
    mounted,
    project,
    put_back,
    read_only,
    refusal,
    tree,
)
from tests.integration.world import World

FILES = ("pyproject.toml", "pylock.toml")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("add")) as world:
        world.index.add(
            Wheel("zz-made-lib", "2.0", extras={"fast": ["zz-made-speed"]}),
            Wheel("zz-made-speed", "0.3+local.1"),
            Wheel("zz-made-new", "1.2.3"),
            Wheel("zz-made-newer", "4.0"),
        )
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


def manifest(world: World) -> Any:
    return tomllib.loads(world.read("pyproject.toml"))


def locked(world: World, name: str = "pylock.toml") -> dict[str, str]:
    packages = tomllib.loads(world.read(name))["packages"]
    return {package["name"]: package["version"] for package in packages}


def lines_in(world: World, before: str) -> tuple[list[str], list[str]]:
    """Return the manifest's lines that went and that came."""
    old, new = before.splitlines(), world.read("pyproject.toml").splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def fine(world: World) -> None:
    """Manifest, lock and environment agree."""
    assert world.codes("--only", "lock", "--only", "environment", code=0) == []
    assert world.json("lock")["result"]["written"] is False


# Adding


def test_a_bare_name_gets_the_version_that_is_found(world: World) -> None:
    before = world.read("pyproject.toml")
    said = world.envctl("add", "zz-made-new")
    assert lines_in(world, before) == ([], ['    "zz-made-new>=1.2.3",'])
    assert "+ zz-made-new>=1.2.3 (project.dependencies)" in said.stderr
    assert "+ zz-made-new 1.2.3" in said.stderr
    assert said.stdout == ""
    assert locked(world)["zz-made-new"] == "1.2.3"
    assert "zz_made_new-1.2.3" in world.installed()
    fine(world)


@pytest.mark.parametrize(
    ("options", "texts", "expected"),
    [
        (("--bounds", "exact"), ("zz-made-new",), ["zz-made-new==1.2.3"]),
        (("--bounds", "none"), ("Zz_Made.new",), ["Zz_Made.new"]),
        ((), ("zz-made-new<2", "zz-made-newer"), ["zz-made-new<2", "zz-made-newer>=4.0"]),
        ((), ("zz-made-speed",), ["zz-made-speed>=0.3"]),
        (
            (),
            ("zz-made-new ; python_version >= '3.9'",),
            ["zz-made-new>=1.2.3; python_version >= '3.9'"],
        ),
        ((), ("zz-made-lib[fast]>1.1",), ["zz-made-lib[fast]>1.1"]),
    ],
)
def test_bounds(
    world: World, options: Sequence[str], texts: Sequence[str], expected: list[str]
) -> None:
    world.envctl("add", "--no-sync", *options, *texts)
    assert sorted(manifest(world)["project"]["dependencies"]) == sorted(
        ["zz-made-app<2", *expected]
    )
    assert world.codes("--only", "lock", code=0) == []
    assert world.json("lock")["result"]["resolved"] is False


def test_pip_tools_as_the_resolver(world: World) -> None:
    world.edit("pyproject.toml", 'resolver = "uv"', 'resolver = "pip-tools"')
    world.envctl("add", "zz-made-new", "--no-sync")
    assert "zz-made-new>=1.2.3" in manifest(world)["project"]["dependencies"]
    assert locked(world)["zz-made-new"] == "1.2.3"
    assert world.codes("--only", "lock", code=0) == []


def test_the_same_name_is_replaced_where_it_stands(world: World) -> None:
    before = world.read("pyproject.toml")
    said = world.envctl("add", "zz-made-app>=2")
    assert lines_in(world, before) == (
        ['    "zz-made-app<2",  # the old one'],
        ['    "zz-made-app>=2",  # the old one'],
    )
    assert "~ zz-made-app<2 → zz-made-app>=2 (project.dependencies)" in said.stderr
    assert "~ zz-made-app 1.0 → 2.0" in said.stderr
    fine(world)


def test_a_bare_name_that_is_there_stays_as_it_is(world: World) -> None:
    before = tree(world.root)
    said = world.envctl("add", "ZZ-made.app")
    assert "`zz-made-app<2` is there already (project.dependencies)" in said.stderr
    assert tree(world.root) == before


def test_extras_join_those_that_are_there(world: World) -> None:
    world.envctl("add", "--no-sync", "zz-made-lib>=2")
    world.envctl("add", "--no-sync", "zz-made-lib[fast]")
    assert "zz-made-lib[fast]>=2" in manifest(world)["project"]["dependencies"]
    assert locked(world)["zz-made-speed"] == "0.3+local.1"


def test_another_marker_is_another_line(world: World) -> None:
    world.envctl("add", "--no-sync", "zz-made-app>=2; sys_platform == 'win32'")
    assert manifest(world)["project"]["dependencies"] == [
        "zz-made-app<2",
        "zz-made-app>=2; sys_platform == 'win32'",
    ]
    assert locked(world)["zz-made-app"] == "1.0"


def test_what_holds_nowhere_is_said(world: World) -> None:
    said = world.envctl("add", "--no-sync", "zz-made-new; sys_platform == 'darwin'")
    assert "holds on no declared platform" in said.stderr
    assert "zz-made-new" not in locked(world)


# Groups, extras, profiles


def test_an_extra_that_the_package_has_not(world: World) -> None:
    assert "`zz-made-lib` 1.1 has no extra `sockz`" in call(world, "add", "zz-made-lib[sockz]").err


def test_a_group_that_is_there_and_one_that_is_new(world: World) -> None:
    before = world.read("pyproject.toml")
    world.envctl("add", "--group", "Dev", "zz-made-newer")
    world.envctl("add", "--group", "docs", "zz-made-new", "--bounds", "none")
    assert manifest(world)["dependency-groups"] == {
        "dev": ["zz-made-newer>=4.0", "zz-made-test"],
        "docs": ["zz-made-new"],
    }
    assert lines_in(world, before)[0] == ['dev = ["zz-made-test"]']
    # What a requirement was put into is synced, and stays synced at the next one.
    assert {"zz_made_newer-4.0", "zz_made_new-1.2.3"} <= {*world.installed()}
    world.envctl("add", "zz-made-lib")
    assert "zz_made_new-1.2.3" in world.installed()
    assert world.codes("--only", "lock", code=0) == []


def test_an_extra(world: World) -> None:
    world.envctl("add", "--extra", "plot", "zz-made-new")
    assert manifest(world)["project"]["optional-dependencies"]["plot"] == [
        "zz-made-new>=1.2.3",
        "zz-made-plot",
    ]
    assert {"zz_made_new-1.2.3", "zz_made_plot-0.5"} <= {*world.installed()}
    (package,) = (
        p
        for p in tomllib.loads(world.read("pylock.toml"))["packages"]
        if p["name"] == "zz-made-new"
    )
    assert package["marker"] == "'plot' in extras"


def test_a_profile(world: World) -> None:
    text = (
        world.read("pyproject.toml")
        + "\n[tool.envctl.profiles.a] # first\n\n[tool.envctl.profiles.b]\n"
    )
    world.write("pyproject.toml", text)
    world.envctl("lock")
    world.envctl("add", "--no-sync", "--profile", "b", "zz-made-new")
    profiles = manifest(world)["tool"]["envctl"]["profiles"]
    assert profiles == {"a": {}, "b": {"dependencies": ["zz-made-new>=1.2.3"]}}
    assert "zz-made-new" not in locked(world, "pylock.a.toml")
    assert locked(world, "pylock.b.toml")["zz-made-new"] == "1.2.3"
    said = call(world, "add", "--no-sync", "--profile", "c", "zz-made-new")
    refusal(said, 2, "there is no profile `c`")
    assert world.codes("--only", "lock", code=0) == []


# Nothing changes unless it resolves


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("zz-no-such-package",), ("no package `zz-no-such-package`",)),
        (("zz-made-new>9",), ("zz-made-new",)),
        (("zz-made-lib>1", "zz-made-lib<1; os_name != ''"), ("zz-made-lib",)),
        (("--group", "dev", "zz-made-app>=2"), ("zz-made-app",)),
    ],
)
def test_what_does_not_resolve_changes_nothing(
    world: World, arguments: Sequence[str], words: Sequence[str]
) -> None:
    refusal(call(world, "add", *arguments), 3, *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("not a requirement",), ("is not a requirement", "PEP 508")),
        (('x"\n[tool.evil]\na="',), ("is not a requirement",)),
        (("./folder",), ("is not a requirement",)),
        (("zz-made-lib@1.1",), ("not a version", "write `zz-made-lib==1.1`")),
        (("zz-made-lib[x]@1.1 ; os_name == 'posix'",), ("write `zz-made-lib[x]==1.1; os_name",)),
        (("zz-made-lib@latest",), ("not a version", "write `zz-made-lib`")),
        (("demo",), ("`demo` is the project itself",)),
        (("--group", "a b", "zz-made-new"), ("`a b` cannot name a dependency group",)),
        (("--extra", "x]", "zz-made-new"), ("`x]` cannot name an extra",)),
        (("--extra", "x", "--group", "y", "zz-made-new"), ("`--group` and `--extra` contradict",)),
    ],
)
def test_usage(world: World, arguments: Sequence[str], words: Sequence[str]) -> None:
    refusal(call(world, "add", *arguments), 2, *words)


def test_credentials_are_refused(world: World) -> None:
    said = call(
        world, "add", "zz-made-new @ https://me:secret@index.example/zz_made_new-1-py3-none-any.whl"
    )
    refusal(said, 3, "user name or password")
    assert "secret" not in said.err


def test_a_manifest_that_has_no_place_for_it(world: World) -> None:
    text = world.read("pyproject.toml")
    world.write("pyproject.toml", text[text.index("[dependency-groups]") :])
    refusal(call(world, "add", "zz-made-new"), 3, "no [project] table", "envctl init")
    assert call(world, "add", "--no-sync", "--group", "dev", "zz-made-new").code == 0
    world.write(
        "pyproject.toml",
        text.replace("[project.opt", 'dynamic = ["optional-dependencies"]\n[tool.opt'),
    )
    refusal(call(world, "add", "--extra", "x", "zz-made-new"), 3, "left to the build backend")


def test_a_failing_sync_leaves_manifest_and_lock_as_asked(world: World) -> None:
    (world.root / ".venv").unlink()
    world.write(".venv/precious", "mine")
    said = world.envctl("add", "zz-made-new", code=3)
    assert "wrote pylock.toml" in said.stderr
    assert "sync --recreate" in said.stderr
    assert world.read(".venv/precious") == "mine"
    assert "zz-made-new>=1.2.3" in manifest(world)["project"]["dependencies"]
    assert world.codes("--only", "lock", code=0) == []
    world.envctl("sync", "--recreate")
    fine(world)


# Removing


def test_remove(world: World) -> None:
    before = world.snapshot(*FILES)
    world.envctl("add", "zz-made-new")
    said = world.envctl("remove", "zz_made_new")
    assert "- zz-made-new>=1.2.3 (project.dependencies)" in said.stderr
    assert world.snapshot(*FILES) == before
    assert "zz_made_new-1.2.3" not in world.installed()
    fine(world)


def test_what_others_need_stays_locked(world: World) -> None:
    world.envctl("add", "--no-sync", "zz-made-lib")
    said = world.envctl("remove", "--no-sync", "zz-made-lib")
    assert "`zz-made-lib` stays in pylock.toml: something else needs it" in said.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ("zz-made-ap",),
            ("there is no `zz-made-ap` in project.dependencies", "did you mean `zz-made-app`?"),
        ),
        (
            ("zz-made-test",),
            ("it is in dependency-groups.dev: `envctl remove --group dev zz-made-test`",),
        ),
        (("--group", "dev", "zz-made-plot"), ("`envctl remove --extra plot zz-made-plot`",)),
        (("--group", "dev", "qqq"), ("there is: zz-made-test",)),
        (("--group", "none", "qqq"), ("in dependency-groups.none", "there is: nothing")),
        (("zz-made-app<2",), ("is not the name of a package",)),
        (("zz-made-app", "absent"), ("there is no `absent`",)),
    ],
)
def test_what_is_not_there(world: World, arguments: Sequence[str], words: Sequence[str]) -> None:
    refusal(call(world, "remove", *arguments), 2, *words)


# Reports


def test_json(world: World) -> None:
    report = world.json("add", "zz-made-new", "--no-sync")
    assert (report["command"], report["ok"]) == ("add", True)
    result = report["result"]
    assert result["edits"] == [
        {"key": "project.dependencies", "old": None, "new": "zz-made-new>=1.2.3"}
    ]
    (lock,) = result["locks"]
    assert lock["changes"] == [{"name": "zz-made-new", "old": None, "new": "1.2.3"}]
    assert (result["written"], result["synced"]) == (True, False)
    report = world.json("remove", "zz-made-new")
    assert report["result"]["edits"] == [
        {"key": "project.dependencies", "old": "zz-made-new>=1.2.3", "new": None}
    ]
    assert report["result"]["synced"] is True
    failed = world.json("add", "zz-no-such-package", code=3)
    assert (failed["ok"], failed["error"]["code"]) == (False, "resolution")


# Style


def test_windows_line_ends_and_comments_stay(world: World) -> None:
    text = world.read("pyproject.toml").replace("\n", "\r\n")
    path = world.root / "pyproject.toml"
    path.write_bytes(text.encode())
    world.envctl("add", "--no-sync", "zz-made-new")
    new = path.read_bytes().decode()
    assert new == text.replace(
        "  # the old one\r\n", '  # the old one\r\n    "zz-made-new>=1.2.3",\r\n'
    )
    world.envctl("remove", "--no-sync", "zz-made-new")
    assert path.read_bytes().decode() == text


# Others at work


def run(world: World, *arguments: str) -> Said:
    done = subprocess.run(
        [sys.executable, "-m", "envctl", *arguments],
        cwd=world.root,
        env=environment(world),
        capture_output=True,
        text=True,
        check=False,
    )
    return Said(code=done.returncode, out=done.stdout, err=done.stderr)


def test_two_at_once_both_count(world: World) -> None:
    names = ("zz-made-new", "zz-made-newer")
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda name: run(world, "add", name), names))
    assert [each.code for each in found] == [0, 0], found
    assert {"zz-made-new>=1.2.3", "zz-made-newer>=4.0"} < {
        *manifest(world)["project"]["dependencies"]
    }
    assert {"zz_made_new-1.2.3", "zz_made_newer-4.0"} < {*world.installed()}
    fine(world)


def test_somebody_saves_the_manifest_meanwhile(world: World) -> None:
    """They do it between the resolver's answer and the write; nothing of theirs is lost."""
    text = world.read("pyproject.toml")
    script = f"""
import pathlib, sys
from envctl.usecases import lock
made = lock.made
def slow(*arguments):
    found = made(*arguments)
    path = pathlib.Path({str(world.root / "pyproject.toml")!r})
    path.write_text(path.read_text() + "# saved meanwhile\\n")
    return found
lock.made = slow
from envctl.cli import cli
cli(["add", "zz-made-new"])
"""
    lock = world.read("pylock.toml")
    done = world.run([sys.executable, "-c", script], code=3)
    assert "it was changed while envctl resolved; nothing was written" in done.stderr
    assert world.read("pyproject.toml") == text + "# saved meanwhile\n"
    assert world.read("pylock.toml") == lock


def test_a_read_only_manifest(world: World, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", size="24m") as disk:
        for name in FILES:
            (disk / name).write_bytes((world.root / name).read_bytes())
        (disk / ".envctl").mkdir()
        (disk / ".envctl" / "state.lock").touch()
        read_only(disk)
        before = tree(disk)
        said = call(world, "add", "zz-made-new", root=disk)
        assert said.code == 3
        assert "read-only file system" in said.err
        assert tree(disk) == before


def test_a_full_disk(world: World, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", size="1m") as disk:
        for name in FILES:
            (disk / name).write_bytes((world.root / name).read_bytes())
        (disk / ".envctl").mkdir()
        (disk / ".envctl" / "state.lock").touch()
        fill(disk)
        refusal(call(world, "add", "zz-made-new", root=disk), 3, "make room")


def killed_at(world: World, number: int, *arguments: str) -> int:
    """Run envctl such that it is killed (-9) right before its rename with that number."""
    script = f"""
import os, pathlib, signal
replace, seen = pathlib.Path.replace, []
def deadly(self, target):
    seen.append(target)
    if len(seen) == {number}:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
pathlib.Path.replace = deadly
from envctl.cli import cli
cli({list(arguments)!r})
"""
    done = world.run([sys.executable, "-c", script], code=None)
    return done.returncode


@pytest.mark.parametrize("number", [1, 2])
def test_killed_while_writing_every_file_is_whole(world: World, number: int) -> None:
    before = world.snapshot(*FILES)
    assert killed_at(world, number, "add", "--no-sync", "zz-made-new") == -signal.SIGKILL
    if number == 1:
        assert world.snapshot(*FILES) == before
        assert world.codes("--only", "lock") == []
    else:
        # The manifest asks already, the lock does not answer yet: said, and mended by the command that is named.
        assert "zz-made-new>=1.2.3" in manifest(world)["project"]["dependencies"]
        assert world.snapshot("pylock.toml")["pylock.toml"] == before["pylock.toml"]
        (finding,) = world.findings("--only", "lock")
        assert (finding["code"], finding["fix"]) == ("lock-stale", "envctl lock")
        assert "zz-made-new>=1.2.3" in finding["message"]
    world.envctl("add", "zz-made-new")
    fine(world)
