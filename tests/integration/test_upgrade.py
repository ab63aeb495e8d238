"""Upgrades: what is kept, what is freed, what is said of it; and time, which must not matter."""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.world import MINOR, STOCK, World

TAG = f"cp{MINOR.replace('.', '')}"


def versions(world: World) -> dict[str, str]:
    lock = tomllib.loads(world.read("pylock.toml"))
    return {package["name"]: package["version"] for package in lock["packages"]}


@pytest.fixture(params=["uv", "pip-tools"])
def older(request: pytest.FixtureRequest, world: World) -> World:
    """Give a project whose lock is older than what the index has now."""
    world.write("pyproject.toml", world.manifest(request.param))
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app")
    world.envctl("lock")
    assert versions(world)["zz-made-app"] == "2.0"
    world.index.add(
        Wheel("zz-made-app", "2.1", requires=("zz-made-lib>=1",)),
        Wheel("zz-made-app", "3.0", requires=("zz-made-lib>=1",)),
        Wheel("zz-made-lib", "1.2"),
    )
    return world


def test_without_a_word_everything_is_kept(older: World) -> None:
    older.edit("pyproject.toml", 'dev = ["zz-made-test"]', 'dev = ["zz-made-test", "zz-made-win"]')
    older.envctl("lock")
    found = versions(older)
    assert (found["zz-made-app"], found["zz-made-lib"], found["zz-made-win"]) == (
        "2.0",
        "1.1",
        "1.0",
    )


def test_one_package_is_upgraded_and_no_other(older: World) -> None:
    done = older.envctl("lock", "--upgrade", "zz-made-lib")
    found = versions(older)
    assert (found["zz-made-app"], found["zz-made-lib"]) == ("2.0", "1.2")
    assert "~ zz-made-lib 1.1 → 1.2" in done.stderr


def test_a_version_can_be_asked_for_and_is_kept(older: World) -> None:
    older.envctl("lock", "--upgrade", "zz-made-app==2.1")
    assert versions(older)["zz-made-app"] == "2.1"
    older.edit("pyproject.toml", 'dev = ["zz-made-test"]', 'dev = ["zz-made-test", "zz-made-win"]')
    older.envctl("lock")
    assert versions(older)["zz-made-app"] == "2.1"


def test_everything_is_upgraded(older: World) -> None:
    report = older.json("lock", "--upgrade")
    found = versions(older)
    assert (found["zz-made-app"], found["zz-made-lib"]) == ("3.0", "1.2")
    assert report["result"]["locks"][0]["changes"] == [
        {"name": "zz-made-app", "old": "2.0", "new": "3.0"},
        {"name": "zz-made-lib", "old": "1.1", "new": "1.2"},
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["zz-made-ap"], 2, "did you mean `zz-made-app`?"),
        (["zz-made-app==9"], 3, "zz-made-app"),
        (["zz-made-app @ https://x.example/x.whl"], 2, "does not say what to upgrade"),
        (["zz made"], 2, "does not say what to upgrade"),
    ],
)
def test_what_cannot_be_upgraded_is_said_and_nothing_changes(
    older: World, words: list[str], code: int, said: str
) -> None:
    before = older.snapshot("pyproject.toml", "pylock.toml")
    done = older.envctl("lock", "--upgrade", *words, code=code)
    assert said in done.stderr
    assert older.snapshot(*before) == before


def test_the_effect_on_the_machines_is_said(world: World) -> None:
    wheel = f"{TAG}-{TAG}-manylinux_2_28_x86_64"
    world.index.add(Wheel("torch", "2.9.1+cu126", tags=(wheel,)))
    world.edit("pyproject.toml", "zz-made-app<2", "torch")
    world.envctl("lock")
    world.index.add(Wheel("torch", "2.11.0+cu130", tags=(wheel,)))
    text = world.read("pylock.toml")
    report = world.json("lock", "--upgrade")
    effects = {each["aspect"]: each for each in report["result"]["locks"][0]["effects"]}
    assert (effects["cuda"]["old"], effects["cuda"]["new"]) == ("12.6", "13.0")
    assert (effects["driver"]["old"], effects["driver"]["new"]) == ("525.60.13", "580")
    assert effects["driver"]["worse"]
    assert "7.0" in effects["kernels"]["sentence"] or "Volta" in effects["kernels"]["sentence"]
    world.write("pylock.toml", text)
    said = world.envctl("lock", "--upgrade").stderr
    for effect in effects.values():
        assert effect["sentence"] in said


def fresh(world: World) -> dict[str, str]:
    """Give uv an empty cache: it believes a page for as long as the server said (ten minutes)."""
    return {"UV_CACHE_DIR": str(world.root.parent / "another uv cache")}


def day(number: int) -> datetime:
    return datetime(2024, 3, number, 12, tzinfo=UTC)


@pytest.fixture(params=["uv", "pip-tools"])
def weekly(request: pytest.FixtureRequest, world: World) -> Iterator[World]:
    """Give a project whose index tells when files were uploaded (PEP 700)."""
    with LocalIndex(mode="json") as index:
        index.add(*STOCK)
        index.add(Wheel("zz-made-news", "1.0"), uploaded=day(1))
        made = replace(world, index=index)
        made.write("pyproject.toml", made.manifest(request.param))
        made.edit("pyproject.toml", "zz-made-app<2", "zz-made-news")
        yield made


def test_a_week_apart_the_same_day_gives_the_same_lock(weekly: World) -> None:
    weekly.envctl("lock", "--as-of", "2024-03-05")
    first = weekly.snapshot("pylock.toml")
    weekly.index.add(Wheel("zz-made-news", "2.0"), uploaded=day(8))
    (weekly.root / "pylock.toml").unlink()
    weekly.envctl("lock", "--as-of", "2024-03-05", env=fresh(weekly))
    assert weekly.snapshot("pylock.toml") == first
    # It is a lock like any other: nothing about it is stale.
    assert weekly.codes("--only", "lock", code=0) == []
    weekly.envctl("lock", "--upgrade", "--as-of", "2024-03-08", env=fresh(weekly))
    assert versions(weekly)["zz-made-news"] == "2.0"
    weekly.envctl("lock", "--upgrade", "--as-of", "2024-03-05", env=fresh(weekly))
    assert weekly.snapshot("pylock.toml") == first


def test_the_manifests_day_counts_the_same(weekly: World) -> None:
    weekly.edit("pyproject.toml", "[tool.envctl]", '[tool.envctl]\nexclude-newer = "2024-03-05"')
    weekly.envctl("lock")
    first = weekly.snapshot("pylock.toml")
    weekly.index.add(Wheel("zz-made-news", "2.0"), uploaded=day(8))
    weekly.envctl("lock", "--upgrade", env=fresh(weekly))
    assert weekly.snapshot("pylock.toml") == first
    weekly.envctl("lock", "--upgrade", "--as-of", "2024-03-09", env=fresh(weekly))
    assert versions(weekly)["zz-made-news"] == "2.0"


def test_a_day_before_everything_is_an_error(weekly: World) -> None:
    done = weekly.envctl("lock", "--as-of", "2023-01-01", code=3)
    assert "zz-made-news" in done.stderr
    assert not (weekly.root / "pylock.toml").exists()


@pytest.mark.parametrize("text", ["soon", "2024-13-40", ""])
def test_what_is_no_day_is_a_usage_error(weekly: World, text: str) -> None:
    done = weekly.envctl("lock", "--as-of", text, code=2)
    assert "--as-of" in done.stderr
    assert "2026-11-01" in done.stderr
