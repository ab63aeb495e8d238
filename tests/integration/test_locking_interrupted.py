"""`envctl lock` killed, and run twice at once: the old locks or the new ones, each whole."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from tests.index.wheels import Wheel
from tests.integration.world import World

PROFILES = """\
[tool.envctl.profiles.a]
dependencies = ["zz-made-plot"]
[tool.envctl.profiles.b]
[tool.envctl.profiles.c]

[tool.envctl.env]"""
MOMENTS = 12


def start(world: World, *arguments: str, cache: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "envctl", *arguments],
        cwd=world.root,
        env={**os.environ, **world.environ, "UV_CACHE_DIR": str(cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def locks(world: World) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in world.root.glob("pylock*.toml")}


@pytest.fixture
def team(world: World) -> World:
    """Give a project with three profiles, locked, and then asked for something newer."""
    world.edit("pyproject.toml", "[tool.envctl.env]", PROFILES)
    world.envctl("lock")
    world.index.add(
        Wheel("zz-made-lib", "1.2"), Wheel("zz-made-app", "1.5", requires=("zz-made-lib",))
    )
    return world


def test_killed_at_any_moment_each_lock_is_the_old_or_the_new_one(
    team: World, tmp_path: Path
) -> None:
    old = locks(team)
    began = time.monotonic()
    assert start(team, "lock", "--upgrade", cache=tmp_path / "first").wait(120) == 0
    whole = time.monotonic() - began
    new = locks(team)
    assert old.keys() == new.keys() == {f"pylock.{name}.toml" for name in "abc"}
    assert all(old[name] != new[name] for name in old)
    ended = 0
    for moment in range(MOMENTS):
        for name, content in old.items():
            (team.root / name).write_bytes(content)
        process = start(team, "lock", "--upgrade", cache=tmp_path / str(moment))
        # The last moments are those of the writing.
        time.sleep(whole * (moment + 1) / MOMENTS)
        ended += process.poll() is not None
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
        found = locks(team)
        assert found.keys() == old.keys()
        assert all(found[name] in (old[name], new[name]) for name in found), moment
        team.envctl("lock", "--upgrade", env={"UV_CACHE_DIR": str(tmp_path / str(moment))})
        assert locks(team) == new
    assert ended < MOMENTS


def test_two_at_once_write_the_same(team: World, tmp_path: Path) -> None:
    processes = [start(team, "lock", "--upgrade", cache=tmp_path / "one") for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    after = locks(team)
    assert all(tomllib.loads(text.decode())["created-by"] == "envctl" for text in after.values())
    assert team.codes("--only", "lock", code=0) == []
    team.envctl("lock")
    assert locks(team) == after


def test_one_locks_while_another_adds(team: World, tmp_path: Path) -> None:
    team.index.add(Wheel("zz-made-more", "1.0"))
    one = start(team, "add", "zz-made-more", "--no-sync", cache=tmp_path / "one")
    other = start(team, "lock", "--upgrade", cache=tmp_path / "one")
    assert (one.wait(120), other.wait(120)) == (0, 0)
    assert "zz-made-more" in team.read("pyproject.toml")
    assert team.codes("--only", "lock", code=0) == []
    assert all(b"zz-made-more" in text for text in locks(team).values())
