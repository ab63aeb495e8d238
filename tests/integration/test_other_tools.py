"""Another tool wrote into our environment: `sync` notices, `verify` says what happened, one command mends it.

Every tool is given the local index by hand: none may ask another one for the made-up names.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uv

from tests.integration.trouble import call, project, put_back
from tests.integration.world import World

UV = uv.find_uv_bin()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("tools")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    """Give a project in order, whose `sync` has left a note of the fast path."""
    put_back(made)
    assert call(made, "sync").code == 0
    assert "is in sync" in call(made, "sync").err
    return made


def tool(world: World, *argv: str) -> None:
    done = subprocess.run(
        argv,
        cwd=world.root,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": world.environ["HOME"],
            "UV_CACHE_DIR": world.environ["UV_CACHE_DIR"],
            "UV_DEFAULT_INDEX": world.index.url,
            "UV_PYTHON_DOWNLOADS": "never",
            "PIP_INDEX_URL": world.index.url,
            "PIP_CONFIG_FILE": "/dev/null",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def uv_sync(world: World) -> None:
    """Let uv resolve the manifest itself: it takes what is newest, and leaves nothing else."""
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app")
    tool(world, UV, "sync", "--upgrade", "--no-group", "dev")
    world.edit("pyproject.toml", "zz-made-app", "zz-made-app<2")


def uv_run(world: World) -> None:
    """`uv run` syncs first, without being asked."""
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app>=2")
    tool(world, UV, "run", "python", "-c", "pass")
    world.edit("pyproject.toml", "zz-made-app>=2", "zz-made-app<2")


def uv_pip(world: World) -> None:
    tool(world, UV, "pip", "install", "--no-config", "zz-made-plot", "zz-made-lib==1.0")


def uv_uninstall(world: World) -> None:
    tool(world, UV, "pip", "uninstall", "zz-made-test")


def pip(world: World) -> None:
    tool(
        world, sys.executable, "-m", "pip", "--python", str(world.python), "install", "zz-made-plot"
    )


def uv_venv(world: World) -> None:
    """The link is followed, and what it leads to is emptied."""
    tool(world, UV, "venv", "--clear", "--python", sys.executable)
    assert (world.root / ".venv").is_symlink()


def virtualenv(world: World) -> None:
    """Have its scripts and `pyvenv.cfg` written anew; it refuses to empty what a link leads to."""
    tool(world, sys.executable, "-m", "virtualenv", "--no-seed", ".venv")


def removed_lib(world: World) -> None:
    shutil.rmtree(world.root / ".venv" / "lib")


def removed_python(world: World) -> None:
    for name in ("python", "python3"):
        (world.root / ".venv" / "bin" / name).unlink(missing_ok=True)


def removed_all(world: World) -> None:
    shutil.rmtree((world.root / ".venv").resolve())


def removed_stamp(world: World) -> None:
    (world.root / ".venv" / "envctl.json").unlink()


Write = Callable[[World], None]
CASES: dict[str, tuple[Write, dict[str, str]]] = {
    "uv sync": (
        uv_sync,
        {"zz-made-app": "`zz-made-app` is 2.0 (by uv)", "zz-made-test": "is not installed"},
    ),
    "uv run": (uv_run, {"zz-made-app": "`zz-made-app` is 2.0 (by uv), the lock has 1.0"}),
    "uv pip install": (
        uv_pip,
        {
            "zz-made-plot": "is installed (by uv), the lock has none",
            "zz-made-lib": "`zz-made-lib` is 1.0 (by uv), the lock has 1.1",
        },
    ),
    "uv pip uninstall": (uv_uninstall, {"zz-made-test": "is not installed"}),
    "pip install": (pip, {"zz-made-plot": "is installed (by pip), the lock has none"}),
    "uv venv --clear": (uv_venv, {".venv": "another tool made the environment anew (uv 0."}),
    "virtualenv": (virtualenv, {".venv": "another tool made the environment anew (virtualenv"}),
    "rm -r lib": (removed_lib, {"zz-made-lib": "is not installed"}),
    "rm python": (removed_python, {".venv": "the interpreter of the environment is gone"}),
    "rm -r all": (removed_all, {".venv": "there is no environment"}),
    "rm envctl.json": (removed_stamp, {".venv": "never finished"}),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_said_and_mended_by_one_command(world: World, name: str) -> None:
    write, words = CASES[name]
    write(world)
    said = call(world, "sync", "--check")
    assert said.code == 1, said
    found = world.findings("--only", "environment")
    messages = {
        each["subject"]: each["message"] for each in found if each["code"] != "file-missing"
    }
    for subject, text in words.items():
        assert text in messages[subject], messages
    said = call(world, "sync")
    assert said.code == 0
    assert "is in sync" not in said.err, "the note of the fast path must not answer"
    assert world.codes("--only", "environment", code=0) == []
    assert call(world, "run", "--", "python", "-c", "import zz_made_app, zz_made_test").code == 0
    assert "is in sync" in call(world, "sync").err
    home = world.root / ".envctl" / "envs"
    for path in home.iterdir():
        assert path.name == "history" or (path / "envctl.json").is_file(), path


def test_every_case_is_noticed_by_verify_without_a_fix_that_is_another(world: World) -> None:
    """What `uv pip install` left is mended by the very command that stands below the finding."""
    uv_pip(world)
    fixes = {each["fix"] for each in world.findings("--only", "environment")}
    assert "envctl sync" in fixes
    for fix in sorted(fixes):
        assert call(world, *fix.split()[1:]).code == 0
    assert world.codes("--only", "environment", code=0) == []


def test_a_process_in_an_environment_that_was_emptied_is_not_our_doing(
    world: World, tmp_path: Path
) -> None:
    """The next sync leaves the folder that another tool made its own, as long as somebody is in it."""
    uv_venv(world)
    emptied = (world.root / ".venv").resolve()
    process = subprocess.Popen(
        [emptied / "bin" / "python", "-c", "import sys; print(1, flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"1\n"
    assert call(world, "sync").code == 0
    assert (emptied / "bin" / "python").exists()
    process.communicate(b"", timeout=300)
    assert call(world, "sync", "--no-default-groups").code == 0
    assert not emptied.exists() or (emptied / "envctl.json").is_file()
