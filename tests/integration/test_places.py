"""Where a project may lie: odd names, long ones, moved, copied, reached by two paths."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.trouble import call, environment, project, put_back, refusal
from tests.integration.world import World

CODE = "import sys, zz_made_app; print(sys.prefix)"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("places")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


def at(world: World, root: Path) -> World:
    """Give the same project, locked, in a new folder."""
    root.mkdir(parents=True)
    for name in ("pyproject.toml", "pylock.toml"):
        shutil.copy(world.root / name, root / name)
    return World(root=root, index=world.index, environ=world.environ)


def works(world: World) -> None:
    """Sync, switch, go back, verify; enter by each way."""
    for options in ((), ("--no-default-groups",), ("--rollback",), ("--recreate",), ()):
        assert call(world, "sync", *options).code == 0, options
    assert world.codes("--only", "environment", code=0) == []
    real = (world.root / ".venv").resolve()
    said = call(world, "run", "--", "python", "-c", CODE)
    assert said.out == f"{real}\n"
    assert call(world, "run", "--", "zz-test").out == "zz-made-test 3.0\n"
    for script in (
        ". .venv/bin/activate",
        f'eval "$({shlex.quote(sys.executable)} -m envctl activate --shell sh)"',
    ):
        done = subprocess.run(
            ["sh", "-c", f'{script} && zz-test && printf %s "$VIRTUAL_ENV"'],
            cwd=world.root,
            env=environment(world),
            capture_output=True,
            check=False,
        )
        assert done.stdout == b"zz-made-test 3.0\n" + os.fsencode(real), done.stderr
    direct = world.run([str(world.root / ".venv" / "bin" / "zz-test")])
    assert direct.stdout == "zz-made-test 3.0\n"


NAMES = {
    "spaces": "a  b ",
    "quotes": 'it\'s "so"',
    "dollar": "$HOME ${x} $(id)",
    "backtick": "`id`",
    "letters": "проект é 日本",
    "colon": "a;b&c|d<e>f",
    "percent": "100% %s {0}",
    "star": "* ? [a]",
    "hash": "#one !two",
    "backslash": "a\\b",
    "dash": "-rf",
    "comma": "a,b=c",
    "long": "x" * 200,
    "deep": "/".join(["y" * 60] * 5),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_any_name(world: World, name: str, tmp_path: Path) -> None:
    works(at(world, tmp_path / NAMES[name]))


def test_a_name_of_two_lines(world: World, tmp_path: Path) -> None:
    works(at(world, tmp_path / "two\nlines"))


def test_a_search_path_cannot_name_a_colon(world: World, tmp_path: Path) -> None:
    """POSIX has no way to write it in PATH: said before anything is made."""
    strange = at(world, tmp_path / "a:b")
    refusal(call(strange, "sync"), 3, "with `:` in its path: PATH could not name it", "rename")


# The same project by two paths


def test_a_home_behind_a_link(world: World, tmp_path: Path) -> None:
    real = at(world, tmp_path / "disk" / "me" / "project")
    (tmp_path / "home").symlink_to(tmp_path / "disk" / "me")
    behind = World(root=tmp_path / "home" / "project", index=world.index, environ=world.environ)
    for one, other in ((real, behind), (behind, real)):
        assert call(one, "sync", "--recreate").code == 0
        said = call(other, "sync")
        assert (said.code, "is in sync" in said.err) == (0, True)
        assert other.codes("--only", "environment", code=0) == []
        for each in (one, other):
            done = each.run(["sh", "-c", ". .venv/bin/activate && zz-test"])
            assert done.stdout == "zz-made-test 3.0\n"
            assert call(each, "activate").code == 0
    assert call(behind, "sync", "--rollback").code == 1


def test_what_runs_by_one_path_is_seen_by_the_other(world: World, tmp_path: Path) -> None:
    real = at(world, tmp_path / "disk" / "project")
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert call(real, "sync").code == 0
    old = (real.root / ".venv").resolve()
    through = tmp_path / "link" / old.relative_to(tmp_path / "disk") / "bin" / "python"
    process = subprocess.Popen([through, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        for options in (("--no-default-groups",), ("--extra", "plot"), ("--no-default-groups",)):
            for stamp in (real.root / ".envctl" / "envs").glob("*/envctl.json"):
                os.utime(stamp, (1, 1))
            assert call(real, "sync", *options).code == 0
        assert old.is_dir()
    finally:
        process.communicate(b"\n", timeout=300)


# Moved and copied


@pytest.mark.parametrize("how", ["mv", "cp -a", "cp -rL"])
def test_it_is_mended_by_one_sync(world: World, how: str, tmp_path: Path) -> None:
    other = World(root=tmp_path / "elsewhere", index=world.index, environ=world.environ)
    assert call(world, "sync").code == 0  # leaves the fast path's note
    subprocess.run([*how.split(), world.root, other.root], check=True)
    refusal(call(other, "activate"), 3, "made for another folder", "envctl sync")
    assert call(other, "sync", "--check").code == 1
    said = call(other, "run", "--", "python", "-c", CODE)
    assert Path(said.out.strip()).is_relative_to(other.root)
    assert call(other, "sync").code == 0
    assert other.codes("--only", "environment", code=0) == []
    done = other.run(["sh", "-c", '. .venv/bin/activate && printf %s "$VIRTUAL_ENV"'])
    assert Path(done.stdout).is_relative_to(other.root)
    if how != "mv":
        assert world.codes("--only", "environment", code=0) == []


def test_what_runs_in_a_moved_project_goes_on(world: World, tmp_path: Path) -> None:
    code = "import sys; print('up', flush=True); input(); print('end')"
    process = subprocess.Popen(
        [sys.executable, "-m", "envctl", "run", "--", "python", "-c", code],
        cwd=world.root,
        env=environment(world),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    other = World(root=tmp_path / "moved", index=world.index, environ=world.environ)
    shutil.move(world.root, other.root)
    assert call(other, "sync").code == 0
    assert process.communicate("\n", timeout=300)[0] == "end\n"


def test_a_git_worktree_has_an_environment_of_its_own(world: World, tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        world.run(["git", *arguments])

    git("init", "--quiet")
    git("add", "pyproject.toml", "pylock.toml")
    git("commit", "--quiet", "-m", "one")
    git("worktree", "add", "--quiet", str(tmp_path / "tree"))
    tree = World(root=tmp_path / "tree", index=world.index, environ=world.environ)
    refusal(call(tree, "run", "--", "true"), 3, "no finished environment")
    works(tree)
    assert world.codes("--only", "environment", code=0) == []
    assert tree.run(["git", "status", "--short"]).stdout in ("", "?? .venv\n")
