"""Several at once: syncs that wait for each other, and programs that go on in an environment that was left."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.trouble import call, environment, project, put_back
from tests.integration.world import World

BASE = ["zz_made_app-1.0", "zz_made_lib-1.1", "zz_made_test-3.0"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("once")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


def start(
    world: World,
    *argv: str,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        argv,
        cwd=world.root,
        env=environment(world),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )


def envctl(world: World, *arguments: str) -> "subprocess.Popen[str]":
    return start(world, sys.executable, "-m", "envctl", *arguments, stderr=subprocess.PIPE)


def environments(world: World) -> list[Path]:
    return [path for path in (world.root / ".envctl" / "envs").iterdir() if path.is_dir()]


# Syncs


@pytest.mark.parametrize("many", [2, 5])
def test_one_works_and_the_others_find_nothing_to_do(world: World, many: int) -> None:
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app>=2")
    assert call(world, "lock").code == 0
    before = len(environments(world))
    world.index.fault, world.index.delay = "slow", 0.3  # such that all of them have to wait
    cold = {"UV_CACHE_DIR": str(world.root.parent / f"cold {many}")}
    world.environ = {**world.environ, **cold}
    every = [envctl(world, "sync") for _ in range(many)]
    said = [process.communicate(timeout=120)[1] for process in every]
    assert [process.returncode for process in every] == [0] * many, said
    assert sum("~ zz-made-app 1.0 → 2.0" in text for text in said) == 1
    assert sum(".venv is in sync" in text for text in said) == many - 1
    assert len(environments(world)) == before + 1


def test_those_that_want_different_things_take_turns(world: World) -> None:
    wishes = [(), ("--extra", "plot"), ("--no-default-groups",), ("--recreate",), ("--check",)]
    every = [envctl(world, "sync", *wish) for wish in wishes]
    said = [process.communicate(timeout=120)[1] for process in every]
    assert [process.returncode for process in every][:4] == [0] * 4, said
    assert "Traceback" not in "".join(said)
    assert world.codes("--only", "environment", code=0) == []
    assert call(world, "sync").code == 0
    assert world.installed() == BASE


def test_the_lock_that_counts_is_read_when_it_is_ones_turn(world: World) -> None:
    """Who waited goes by what the project asks for now, not by what it asked for then."""
    world.index.fault, world.index.delay = "slow", 0.5
    world.environ = {**world.environ, "UV_CACHE_DIR": str(world.root.parent / "cold turn")}
    first = envctl(world, "sync", "--recreate")
    time.sleep(0.6)
    second = envctl(world, "sync")
    world.edit("pyproject.toml", 'dev = ["zz-made-test"]', "dev = []")
    world.index.fault = None
    locker = envctl(world, "lock")
    for process in (first, second, locker):
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert call(world, "sync").code == 0
    assert world.codes("--only", "lock,environment", code=0) == []
    assert "zz_made_test-3.0" not in world.installed()


def test_a_killed_ones_uv_goes_on_and_does_no_harm(world: World) -> None:
    """Only envctl is killed: its uv still writes, into a folder that the next sync leaves alone."""
    world.edit("pyproject.toml", "zz-made-app<2", "zz-made-app>=2")
    assert call(world, "lock").code == 0
    world.index.fault, world.index.fault_paths, world.index.delay = "slow", "/files/", 2.0
    warm = world.environ
    world.environ = {**warm, "UV_CACHE_DIR": str(world.root.parent / "cold orphan")}
    killed = envctl(world, "sync")
    for _ in range(200):
        time.sleep(0.02)
        if any((path / "pylock.slice.toml").exists() for path in environments(world)):
            break
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait(10)
    orphaned = [path for path in environments(world) if not (path / "envctl.json").exists()]
    assert len(orphaned) == 1
    world.index.fault = None
    assert call(world, "sync").code == 0
    assert world.codes("--only", "environment", code=0) == []
    killed.communicate(timeout=60)  # its stderr is uv's as well: closed when uv has ended
    assert world.codes("--only", "environment", code=0) == []
    assert call(world, "sync", "--extra", "plot").code == 0
    assert not orphaned[0].exists() or (orphaned[0] / "envctl.json").exists()


# Programs in an environment that was left

LAZY = "import sys; print('up', flush=True); sys.stdin.readline(); import zz_made_test; print('ok')"


def swapped(world: World, *, aged: bool) -> None:
    """Have several environments after each other; ``aged``: those that were left, more than a day ago."""
    for options in (("--no-default-groups",), ("--extra", "plot", "--no-default-groups")):
        for stamp in (world.root / ".envctl" / "envs").glob("*/envctl.json"):
            if aged:
                os.utime(stamp, (1, 1))
        assert call(world, "sync", *options).code == 0
    assert "zz_made_test-3.0" not in world.installed()


def lazily(world: World, *argv: str, aged: bool = False) -> str:
    process = start(world, *argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    swapped(world, aged=aged)
    return process.communicate("\n", timeout=300)[0]


def test_what_run_started_goes_on_to_its_end(world: World) -> None:
    argv = (sys.executable, "-m", "envctl", "run", "--", "python", "-c", LAZY)
    assert lazily(world, *argv, aged=True) == "ok\n"


def test_what_an_activated_shell_starts_goes_on(world: World) -> None:
    """The shell itself as well: what it starts after several syncs is from its own environment still.

    A shell says nowhere that it was activated, so what was left is kept for a day.
    """
    script = (
        f'eval "$({shlex.quote(sys.executable)} -m envctl activate --shell sh)"\n'
        "echo up; read line\n"
        "exec python -c 'import zz_made_test; print(\"ok\")'\n"
    )
    assert lazily(world, "sh", "-c", script) == "ok\n"


def test_what_names_the_environment_goes_on_however_old_it_is(world: World) -> None:
    script = f'. .venv/bin/activate; exec python -c "{LAZY}"'
    assert lazily(world, "sh", "-c", script, aged=True) == "ok\n"


def test_what_sourced_the_script_goes_on(world: World) -> None:
    script = ". .venv/bin/activate; echo up; read line; exec python -c 'import zz_made_test; print(\"ok\")'"
    assert lazily(world, "sh", "-c", script) == "ok\n"


def test_what_was_started_through_the_link_sees_the_new_environment(world: World) -> None:
    """Python keeps the path that it was started by: said in docs/explanation/how-sync-works.md."""
    process = start(
        world,
        *(str(world.python), "-c", LAZY),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    swapped(world, aged=True)
    out, err = process.communicate("\n", timeout=300)
    assert out == ""
    assert "No module named 'zz_made_test'" in err
    page = Path(__file__).parents[2] / "docs" / "explanation" / "how-sync-works.md"
    assert ".venv/bin/python" in page.read_text(encoding="utf-8")
