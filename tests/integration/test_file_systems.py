"""Where links cannot be made: copies and renames instead, and one line that says so.

The system's refusal is real: strace has the kernel answer as FAT and network shares do. Only envctl itself is refused
symbolic links: uv's cache, which is made of them, lies in a home folder that has them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.strace import NO_EXCHANGE, NO_HARD_LINKS, NO_LINKS, tampered
from tests.integration.trouble import call, environment, mounted, project, put_back, read_only
from tests.integration.world import World

BASE = ["zz_made_app-1.0", "zz_made_lib-1.1", "zz_made_test-3.0"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("systems")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    """Give a locked project without an environment."""
    put_back(made)
    (made.root / ".venv").unlink()
    shutil.rmtree(made.root / ".envctl")
    return made


def envctl(world: World, *arguments: str, under: list[str]) -> str:
    """Run envctl where the system refuses something; return what it said."""
    done = subprocess.run(
        [*under, sys.executable, "-m", "envctl", *arguments],
        cwd=world.root,
        env=environment(world),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr + done.stdout


def links(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_symlink()]


# Hard links


def test_no_hard_links(world: World) -> None:
    said = envctl(world, "sync", under=tampered(NO_HARD_LINKS, children=True))
    notes = [line for line in said.splitlines() if "note:" in line]
    where = f"{world.root}/.envctl/envs"
    assert notes == [f"note: the file system of {where} has no hard links: files are copied"]
    module = world.site / "zz_made_app" / "__init__.py"
    assert module.stat().st_nlink == 1
    assert world.codes("--only", "environment", code=0) == []
    assert "is in sync" in call(world, "sync").err


def test_a_cache_on_another_file_system(world: World, tmp_path: Path) -> None:
    with mounted(tmp_path / "other disk") as disk:
        said = call(world, "sync", env={"UV_CACHE_DIR": str(disk / "cache")})
        assert f"note: uv's cache ({disk}/cache) is on another file system than" in said.err
        assert said.err.count("note:") == 1
    assert world.codes("--only", "environment", code=0) == []


def test_who_chose_a_way_is_told_nothing(world: World) -> None:
    said = envctl_with(world, {"UV_LINK_MODE": "copy"})
    assert "note:" not in said
    assert (world.site / "zz_made_app" / "__init__.py").stat().st_nlink == 1


def envctl_with(world: World, env: dict[str, str]) -> str:
    said = call(world, "sync", env=env)
    assert said.code == 0
    return said.err


def test_with_hard_links_there_is_nothing_to_say(world: World) -> None:
    assert "note:" not in envctl_with(world, {})
    assert (world.site / "zz_made_app" / "__init__.py").stat().st_nlink > 1
    cache = Path(world.environ["UV_CACHE_DIR"])
    assert not list(cache.glob(".probe-*"))


def test_envctls_folder_on_a_disk_of_its_own(world: World, tmp_path: Path) -> None:
    """A link `.envctl` to a larger disk: the link `.venv` cannot be renamed from there."""
    with mounted(tmp_path / "large disk") as disk:
        (world.root / ".envctl").symlink_to(disk)
        for options in ((), ("--no-default-groups",), ("--rollback",), ()):
            assert call(world, "sync", *options).code == 0
            assert (world.root / ".venv").is_symlink()
            assert (world.site / "zz_made_app").is_dir()
        assert world.codes("--only", "environment", code=0) == []
        assert not list(world.root.glob(".venv.*"))
        (world.root / ".venv").unlink()
        (world.root / ".envctl").unlink()


# Symbolic links


@pytest.mark.parametrize("missing", [(NO_LINKS,), (NO_LINKS, NO_EXCHANGE)], ids=["swap", "journal"])
def test_no_symbolic_links(world: World, missing: tuple[str, ...]) -> None:
    under = tampered(*missing)
    said = envctl(world, "sync", under=under)
    assert f"note: the file system of {world.root} has no symbolic links: .venv is a folder" in said
    venv = world.root / ".venv"
    assert not venv.is_symlink()
    assert links(world.root) == []
    assert world.installed() == BASE
    assert "is in sync" in envctl(world, "sync", under=under)
    assert "environment  ok" in envctl(world, "verify", "--only", "environment", under=under)
    entered = world.run(["sh", "-c", ". .venv/bin/activate; echo $VIRTUAL_ENV; zz-test"])
    assert entered.stdout == f"{venv}\nzz-made-test 3.0\n"
    prefix = envctl(
        world, "run", "--", "python", "-c", "import sys; print(sys.prefix)", under=under
    )
    assert prefix == f"{venv}\n"
    # Another slice, back again, and forward.
    assert "note:" in envctl(world, "sync", "--extra", "plot", under=under)
    assert len(world.installed()) == 4
    envctl(world, "sync", "--rollback", under=under)
    assert world.installed() == BASE
    assert "environment  ok" in envctl(world, "verify", "--only", "environment", under=under)
    envctl(world, "sync", "--extra", "plot", under=under)
    assert len(world.installed()) == 4
    # Only the variables.
    world.edit("pyproject.toml", 'SEED = "0"', 'SEED = "1"')
    assert call(world, "lock").code == 0
    envctl(world, "sync", under=under)
    done = world.run(["sh", "-c", ". .venv/bin/activate; echo $PYTHONHASHSEED"])
    assert done.stdout == "1\n"
    assert links(world.root) == []


def test_a_foreign_folder_where_there_are_no_links(world: World) -> None:
    under = tampered(NO_LINKS, NO_EXCHANGE)
    world.write(".venv/precious", "mine")
    envctl(world, "sync", "--adopt", under=under)
    assert world.read(".envctl/envs/adopted-1/precious") == "mine"
    assert world.installed() == BASE
    envctl(world, "sync", "--rollback", under=under)
    assert world.read(".venv/precious") == "mine"
    envctl(world, "sync", "--recreate", under=under)
    assert world.installed() == BASE
    assert not list(world.root.rglob("precious"))


def test_from_a_file_system_with_links_to_one_without_and_back(world: World) -> None:
    assert call(world, "sync").code == 0
    assert (world.root / ".venv").is_symlink()
    envctl(world, "sync", "--recreate", under=tampered(NO_LINKS))
    assert not (world.root / ".venv").is_symlink()
    assert world.codes("--only", "environment", code=0) == []
    assert call(world, "sync", "--recreate").code == 0
    assert (world.root / ".venv").is_symlink()
    assert world.codes("--only", "environment", code=0) == []


def test_a_copy_that_followed_the_links(world: World, tmp_path: Path) -> None:
    """`scp -r` and some archives make folders of links: that is an environment of ours still."""
    assert call(world, "sync").code == 0
    other = World(root=tmp_path / "copy", index=world.index, environ=world.environ)
    shutil.copytree(world.root, other.root, symlinks=False)
    assert call(other, "activate").code == 3
    said = call(other, "sync")
    assert said.code == 0
    assert (other.root / ".venv").is_symlink()
    assert other.codes("--only", "environment", code=0) == []


# Read-only


def test_an_unfinished_swap_on_a_disk_that_became_read_only(world: World, tmp_path: Path) -> None:
    """What cannot be completed is said; nothing is lost."""
    with mounted(tmp_path / "disk", size="60m") as disk:
        root = disk / "project"
        shutil.copytree(world.root, root, symlinks=True)
        small = World(root=root, index=world.index, environ=world.environ)
        for options in ((), ("--extra", "plot")):
            envctl(small, "sync", *options, under=tampered(NO_LINKS))
        home = root / ".envctl" / "envs"
        [other] = [path for path in home.iterdir() if path.is_dir()]
        (home / ".swap").write_text(other.name)
        (root / ".venv").rename(home / ".swapping")  # here it was killed
        read_only(disk)
        said = call(small, "run", "--", "true")
        assert said.code == 3
        assert "there is no finished environment" in said.err
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        assert call(small, "run", "--", "true").code == 0
        assert small.installed() == BASE
        assert call(small, "sync", "--extra", "plot").code == 0
        assert len(small.installed()) == 4
        assert not os.path.lexists(home / ".swap")
