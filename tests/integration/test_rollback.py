"""`sync --rollback`, `--check` and `--dry-run`: back at once, and what would be done."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.trouble import call, project, put_back, refusal
from tests.integration.world import World

APP = {"old": ["zz_made_app-1.0"], "new": ["zz_made_app-2.0"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("back")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


@pytest.fixture
def two(world: World) -> World:
    """Give a project whose environment was made anew from a newer lock."""
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app>=2")
    assert call(world, "lock").code == 0
    assert call(world, "sync").code == 0
    return world


def app(world: World) -> list[str]:
    return [each for each in world.installed() if "app" in each]


def before(world: World) -> Path:
    """Return the environment that is there and not in use."""
    now = (world.root / ".venv").resolve()
    homes = [path for path in now.parent.iterdir() if path.is_dir() and path != now]
    assert len(homes) == 1
    return homes[0]


def test_back_and_forth(two: World) -> None:
    two.index.forget_requests()
    said = call(two, "sync", "--rollback")
    assert (said.code, app(two)) == (0, APP["old"])
    assert "~ zz-made-app 2.0 → 1.0" in said.err
    assert "the lock is ahead of it now" in said.err
    assert "package-version" in two.codes("--only", "environment")
    assert call(two, "run", "--", "python", "-c", "import zz_made_app").code == 0
    said = call(two, "sync", "--rollback")
    assert (said.code, app(two)) == (0, APP["new"])
    assert "ahead" not in said.err
    assert call(two, "sync", "--rollback").code == 0
    said = call(two, "sync")
    assert (said.code, app(two)) == (0, APP["new"])
    assert two.codes("--only", "environment", code=0) == []
    assert two.index.requests == []


def test_it_needs_no_lock_and_no_network(two: World) -> None:
    two.index.fault = "down"
    (two.root / "pylock.toml").unlink()
    report = two.json("sync", "--rollback")
    assert report["ok"] is True
    assert report["result"]["lock"] == "unknown"
    assert report["result"]["change"] == {"zz-made-app": ["2.0", "1.0"]}
    two.write("pyproject.toml", "[broken")
    assert call(two, "sync", "--rollback").code == 0
    assert app(two) == APP["new"]


def test_json(two: World) -> None:
    assert two.json("sync", "--rollback")["result"]["lock"] == "ahead"
    assert two.json("sync", "--rollback")["result"]["lock"] == "same"


def test_nothing_to_go_back_to(world: World) -> None:
    said = call(world, "sync", "--rollback")
    assert (said.code, said.err) == (1, "there is no environment to go back to\n")
    assert world.json("sync", "--rollback", code=1)["result"]["returned"] is False
    shutil.rmtree(world.root / ".envctl")
    (world.root / ".venv").unlink()
    assert call(world, "sync", "--rollback").code == 1


def test_the_one_before_outlives_cleaning(two: World) -> None:
    """However old it is: what is neither in use nor the one before it goes."""
    for stamp in (two.root / ".envctl" / "envs").glob("*/envctl.json"):
        os.utime(stamp, (1, 1))
    two.edit("pyproject.toml", 'SEED = "0"', 'SEED = "1"')
    assert call(two, "lock").code == 0
    for _ in range(3):
        assert call(two, "sync").code == 0
    assert call(two, "sync", "--rollback").code == 0
    assert app(two) == APP["old"]


def test_after_a_recreate_the_one_before_that_comes_back(two: World) -> None:
    assert call(two, "sync", "--recreate").code == 0
    assert call(two, "sync", "--rollback").code == 0
    assert app(two) == APP["old"]


def test_one_whose_files_were_edited_is_refused(two: World) -> None:
    module = next(before(two).glob("lib/*/site-packages/zz_made_app/__init__.py"))
    text = module.read_text()
    module.unlink()
    module.write_text(f"{text}edited = 1\n")
    refusal(call(two, "sync", "--rollback"), 3, "files of zz-made-app were changed in it")
    assert app(two) == APP["new"]


def test_one_that_another_tool_changed_is_refused(two: World) -> None:
    [site] = before(two).glob("lib/*/site-packages")
    (site / "zz_made_stray-1.dist-info").mkdir()
    refusal(call(two, "sync", "--rollback"), 3, "another tool has installed or removed packages")


def test_one_whose_interpreter_is_gone_is_refused(two: World) -> None:
    python = before(two) / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/bin/python3")
    refusal(call(two, "sync", "--rollback"), 3, "the interpreter of the environment is gone")
    assert app(two) == APP["new"]


def test_one_that_is_gone_is_no_place_to_go_back_to(two: World) -> None:
    shutil.rmtree(before(two))
    assert call(two, "sync", "--rollback").code == 1


def test_a_moved_project_is_refused(two: World, tmp_path: Path) -> None:
    other = World(root=tmp_path / "moved", index=two.index, environ=two.environ)
    shutil.copytree(two.root, other.root, symlinks=True)
    refusal(call(other, "sync", "--rollback"), 3, "made for another folder")


@pytest.mark.parametrize(
    "history",
    ["../../../x\n", "\0\n", "/etc\n", "nothing\n", ".hidden\n", "\udcff\n", "", "history\n"],
)
def test_a_history_that_somebody_wrote(world: World, history: str) -> None:
    path = world.root / ".envctl" / "envs" / "history"
    path.write_bytes(history.encode("utf-8", "surrogateescape"))
    assert call(world, "sync", "--rollback").code == 1
    assert call(world, "sync", "--recreate").code == 0


@pytest.mark.parametrize(
    "command",
    [
        "--rollback --check",
        "--rollback --group dev",
        "--rollback --profile x",
        "--rollback --recreate",
        "--check --dry-run",
        "--rollback --repair",
        "--adopt --recreate",
    ],
)
def test_what_contradicts_itself(world: World, command: str) -> None:
    refusal(call(world, "sync", *command.split()), 2, "cannot be given together")


# --check and --dry-run


def test_the_plan(world: World) -> None:
    for option, code in (("--check", 0), ("--dry-run", 0)):
        said = call(world, "sync", option)
        assert (said.code, said.err) == (code, ".venv is in sync: 3 packages\n")
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app>=2")
    world.edit("pyproject.toml", 'dev = ["zz-made-test"]', 'dev = ["zz-made-plot"]')
    assert call(world, "lock").code == 0
    plan = [
        "  + zz-made-plot 0.5",
        "  - zz-made-test 3.0",
        "  ~ zz-made-app 1.0 → 2.0",
        "would sync .venv: 3 packages (1 added, 1 removed, 1 changed)",
    ]
    link = (world.root / ".venv").readlink()
    for option, code in (("--check", 1), ("--dry-run", 0)):
        said = call(world, "sync", option)
        assert (said.code, said.err.splitlines()) == (code, plan)
        report = world.json("sync", option, code=code)
        assert report["ok"] is False
        assert report["result"] == {
            "packages": 3,
            "add": {"zz-made-plot": "0.5"},
            "remove": {"zz-made-test": "3.0"},
            "change": {"zz-made-app": ["1.0", "2.0"]},
            "reasons": [],
            "builds": [],
            "changed": False,
        }
    assert (world.root / ".venv").readlink() == link
    said = call(world, "sync")
    assert said.err.splitlines() == [
        *plan[:3],
        "synced .venv: 3 packages (1 added, 1 removed, 1 changed)",
    ]
