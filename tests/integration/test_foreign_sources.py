"""A name that another tool's settings take from elsewhere is never looked up on an index instead."""

import pytest

from tests.index.wheels import Wheel
from tests.integration.world import World

SETTINGS = {
    "uv, a folder": '[tool.uv.sources]\n"Zz_Made.Local" = { path = "../local" }\n',
    "uv, a repository": '[tool.uv.sources]\nzz-made-local = { git = "https://git.example/x" }\n',
    "uv, the workspace": "[tool.uv.sources]\nzz-made-local = { workspace = true }\n",
    "uv, another index": '[tool.uv.sources]\nzz-made-local = { index = "private" }\n',
    "uv, several": '[tool.uv.sources]\nzz-made-local = [{ url = "https://x.example/x.whl", marker = "1" }]\n',
    "poetry": '[tool.poetry.dependencies]\nzz-made-local = { path = "../local", develop = true }\n',
    "poetry, a group": '[tool.poetry.group.dev.dependencies]\nzz-made-local = { git = "https://git.example/x" }\n',
}


@pytest.fixture
def world(world: World) -> World:
    world.index.add(Wheel("zz-made-local", "9.0"))  # a stranger's
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-local")
    return world


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_it_is_refused(world: World, settings: str) -> None:
    world.write("pyproject.toml", world.read("pyproject.toml") + "\n" + settings)
    done = world.envctl("lock", code=3)
    assert "`zz-made-local` comes from" in done.stderr
    assert "a stranger's package" in done.stderr
    assert not (world.root / "pylock.toml").exists()
    assert not any("zz-made-local" in path for _, path in world.index.requests)


def test_who_says_where_it_is_from_may(world: World) -> None:
    text = world.read("pyproject.toml") + "\n" + SETTINGS["uv, another index"]
    own = f'[[tool.envctl.index]]\nname = "own"\nurl = "{world.index.url}"\npackages = ["zz-made-local"]\n'
    world.write("pyproject.toml", f"{text}\n{own}")
    world.envctl("lock")
    world.write("pyproject.toml", text.replace('index = "private"', 'index = "team"'))
    world.envctl("lock")


def test_settings_for_other_packages_are_no_matter(world: World) -> None:
    world.write(
        "pyproject.toml",
        world.read("pyproject.toml") + '\n[tool.uv.sources]\nzz-made-other = { path = "x" }\n',
    )
    world.envctl("lock")
