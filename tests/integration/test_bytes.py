"""`envctl verify` and the bytes of an environment; what is found in which case stands in `test_integrity`."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel
from tests.integration.trouble import project, put_back
from tests.integration.world import STOCK, World

ENVIRONMENT = ("--only", "environment")
LIB = Path("zz_made_lib") / "__init__.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("bytes")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


def stamp(world: World) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(world.read(".venv/envctl.json"))
    return found


def another(world: World, folder: Path) -> World:
    """Return a project of the same files elsewhere, with a cache of its own."""
    folder.mkdir()
    environ = {**world.environ, "UV_CACHE_DIR": str(folder / "cache")}
    made = World(root=folder, index=world.index, environ=environ)
    for name in ("pyproject.toml", "pylock.toml"):
        made.write(name, world.read(name))
    return made


def test_one_slice_has_one_fingerprint(world: World, tmp_path: Path) -> None:
    other = another(world, tmp_path / "an other")
    other.envctl("sync")
    here, there = stamp(world), stamp(other)
    assert here["fingerprint"].startswith("sha256:")
    assert here["fingerprint"] == there["fingerprint"]
    assert here["files"] != there["files"]
    other.envctl("sync", "--no-default-groups")
    assert stamp(other)["fingerprint"] != here["fingerprint"]
    other.envctl("sync")
    assert stamp(other) == there


def test_another_file_of_the_same_version_is_another_fingerprint(tmp_path: Path) -> None:
    found = set()
    for number in range(2):
        root = tmp_path / str(number)
        root.mkdir()
        environ = {"UV_CACHE_DIR": str(tmp_path / f"cache{number}"), "NO_PROXY": "127.0.0.1"}
        with LocalIndex() as index:
            files = {"zz_made_lib/__init__.py": f"x = {number}\n"}
            index.add(*STOCK, Wheel("zz-made-lib", "1.1", files=files))
            world = World(root=root, index=index, environ=environ)
            world.write("pyproject.toml", world.manifest())
            world.envctl("lock")
            world.envctl("sync")
        found.add(stamp(world)["fingerprint"])
    assert len(found) == 2


def test_a_copy_of_the_files_is_not_a_change(world: World) -> None:
    """`put_back` has copied them with their times; a copy without is hashed and found to be the same."""
    assert world.codes(*ENVIRONMENT, code=0) == []
    for path in world.site.rglob("*.py"):
        path.touch()
    assert world.codes(*ENVIRONMENT, code=0) == []
    assert world.codes(*ENVIRONMENT, "--full", code=0) == []


def test_what_only_every_byte_tells(world: World) -> None:
    path = world.site / LIB
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert world.codes(*ENVIRONMENT, code=0) == []
    assert world.codes("--full", *ENVIRONMENT, code=1) == ["file-modified"]
    assert world.codes("--full", "--only", "lock", code=0) == []
    world.envctl("sync", "--repair")
    assert world.codes("--full", *ENVIRONMENT, code=0) == []


def test_strays_anywhere_are_found_and_cleared_away(world: World) -> None:
    for name in ("bin/zz-stray", "share/zz-stray", "zz-stray"):
        path = world.root / ".venv" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n")
    assert world.codes(*ENVIRONMENT, code=1) == ["file-added"] * 3
    world.envctl("sync", "--repair")
    assert world.codes(*ENVIRONMENT, code=0) == []


def test_running_the_programs_is_no_change(world: World) -> None:
    env = {"PYTHONDONTWRITEBYTECODE": ""}
    world.run([str(world.python), "-c", "import zz_made_app, zz_made_lib"], env=env)
    assert list(world.site.glob("zz_made_lib/__pycache__/*.pyc"))
    world.envctl("run", "--", "zz-test", env=env)
    assert world.codes(*ENVIRONMENT, code=0) == []
    assert world.codes(*ENVIRONMENT, "--full", code=0) == []


def test_other_variables_are_no_change_of_files(world: World) -> None:
    world.edit("pyproject.toml", 'PYTHONHASHSEED = "0"', 'PYTHONHASHSEED = "7"')
    world.envctl("lock")
    world.envctl("sync")
    assert world.codes(*ENVIRONMENT, code=0) == []
    assert world.codes(*ENVIRONMENT, "--full", code=0) == []


def test_an_environment_of_before_there_were_snapshots(world: World) -> None:
    """Its stamp knows of none, and there is none: every byte is compared, and one command makes it anew."""
    old = stamp(world)
    for key in ("fingerprint", "files"):
        del old[key]
    world.write(".venv/envctl.json", json.dumps(old))
    (world.root / ".venv" / "envctl.files").unlink()
    assert world.codes(*ENVIRONMENT, code=0) == []
    path = world.site / LIB
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert world.codes(*ENVIRONMENT, code=1) == ["file-modified"]
    world.envctl("sync", "--repair")
    assert world.codes(*ENVIRONMENT, "--full", code=0) == []
    assert stamp(world)["files"]


def edited(world: World) -> bytes:
    path = world.site / LIB
    right = path.read_bytes()
    path.write_bytes(right + b"# mine\n")
    return right


def test_a_switch_back_leads_to_nothing_that_was_changed(world: World) -> None:
    first = (world.root / ".venv").readlink()
    right = edited(world)
    world.envctl("sync", "--no-default-groups")
    assert world.codes(*ENVIRONMENT, code=0) == []
    world.envctl("sync")
    assert world.codes(*ENVIRONMENT, code=0) == []
    assert (world.site / LIB).read_bytes() == right
    assert (world.root / ".venv").readlink() != first


def test_what_is_edited_in_the_environment_in_use_stays_until_its_repair(world: World) -> None:
    first = (world.root / ".venv").readlink()
    edited(world)
    world.edit("pyproject.toml", 'PYTHONHASHSEED = "0"', 'PYTHONHASHSEED = "7"')
    world.envctl("lock")
    world.envctl("sync")
    assert (world.root / ".venv").readlink() == first
    assert world.codes(*ENVIRONMENT, code=1) == ["file-modified"]


def test_verify_changes_nothing_in_the_environment(world: World) -> None:
    def everything() -> dict[str, tuple[int, int]]:
        found = {}
        for path in (world.root / ".venv").resolve().rglob("*"):
            seen = path.lstat()
            found[str(path)] = (seen.st_size, seen.st_mtime_ns)
        return found

    (world.site / LIB).write_text("x = 1\n")
    before = everything()
    for options in ((), ("--full",)):
        world.envctl("verify", *ENVIRONMENT, *options, code=1)
    assert everything() == before
