"""Two branches change the lock: real git, then `envctl lock`."""

import tomllib

import pytest

from tests.index.wheels import Wheel
from tests.integration.world import World


def git(world: World, *arguments: str, code: int | None = 0) -> str:
    identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org"]
    return world.run(["git", *identity, *arguments], code=code).stdout


def versions(world: World) -> dict[str, str]:
    lock = tomllib.loads(world.read("pylock.toml"))
    return {package["name"]: package["version"] for package in lock["packages"]}


@pytest.fixture
def repository(world: World) -> World:
    world.index.add(Wheel("zz-made-one", "1.0"), Wheel("zz-made-two", "1.0"))
    world.envctl("lock")
    git(world, "init", "-q", "-b", "main")
    world.write(".gitignore", ".envctl/\n.venv\n")
    git(world, "add", "-A")
    git(world, "commit", "-qm", "start")
    return world


def branch(world: World, name: str, *steps: tuple[str, str], command: tuple[str, ...] = ()) -> None:
    git(world, "checkout", "-qb", name, "main")
    for old, new in steps:
        world.edit("pyproject.toml", old, new)
    world.envctl("lock", *command)
    git(world, "commit", "-qam", name)


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_both_sides_versions_are_kept(repository: World, style: str) -> None:
    world = repository
    git(world, "config", "merge.conflictStyle", style)
    anchor = 'plot = ["zz-made-plot"]'
    branch(world, "one", (anchor, 'plot = ["zz-made-plot", "zz-made-one"]'))
    world.index.add(Wheel("zz-made-lib", "1.2"))
    branch(
        world,
        "two",
        (anchor, 'plot = ["zz-made-plot", "zz-made-two"]'),
        command=("--upgrade", "zz-made-lib"),
    )
    # Newer ones turn up afterwards: a lock from nothing would take them.
    world.index.add(
        Wheel("zz-made-one", "2.0"), Wheel("zz-made-two", "2.0"), Wheel("zz-made-lib", "1.3")
    )
    git(world, "merge", "-q", "one", code=1)
    text = world.read("pylock.toml")
    assert "<<<<<<<" in text
    manifest = world.manifest().replace(
        anchor, 'plot = ["zz-made-plot", "zz-made-one", "zz-made-two"]'
    )
    world.write("pyproject.toml", manifest)
    assert world.codes("--only", "lock") == ["lock-unreadable"]
    done = world.envctl("lock")
    assert "merge conflict" in done.stderr
    found = versions(world)
    assert found["zz-made-one"] == "1.0"
    assert found["zz-made-two"] == "1.0"
    assert found["zz-made-lib"] == "1.2"
    assert world.codes("--only", "lock", code=0) == []


def test_branches_that_add_different_packages_merge_or_say_so(repository: World) -> None:
    """Far apart, git merges them; the result is either right or found out, and `lock` mends it without surprise."""
    world = repository
    branch(world, "one", ("zz-made-app<2", "zz-made-one"))
    branch(world, "two", ('dev = ["zz-made-test"]', 'dev = ["zz-made-two"]'))
    world.index.add(Wheel("zz-made-one", "2.0"), Wheel("zz-made-two", "2.0"))
    git(world, "merge", "-q", "one", code=None)
    if "<<<<<<<" in world.read("pyproject.toml"):
        manifest = world.manifest().replace("zz-made-app<2", "zz-made-one")
        world.write("pyproject.toml", manifest.replace('["zz-made-test"]', '["zz-made-two"]'))
    world.envctl("lock")
    found = versions(world)
    assert (found["zz-made-one"], found["zz-made-two"]) == ("1.0", "1.0")
    assert world.codes("--only", "lock", code=0) == []
