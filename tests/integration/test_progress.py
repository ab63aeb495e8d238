"""What a person at a terminal sees of the downloads, through a real pseudo-terminal."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.index.wheels import Wheel
from tests.integration.trouble import call, environment, project, put_back
from tests.integration.world import World

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def big(name: str) -> Wheel:
    module = name.replace("-", "_")
    return Wheel(name, "1.0", files={f"{module}/data.py": f"x = '{os.urandom(2_000_000).hex()}'\n"})


_BIG = (big("zz-made-big"), big("zz-made-late"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("progress")) as world:
        yield world


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """Give a project that has two large packages to fetch, one of them slowly."""
    put_back(made)
    made.index.add(*_BIG)
    wanted = '"zz-made-app>=2", "zz-made-big", "zz-made-late"'
    made.edit("pyproject.toml", '"zz-made-app<2"', wanted)
    cold = {"UV_CACHE_DIR": str(tmp_path / "cache")}
    assert call(made, "lock", env={"UV_CACHE_DIR": str(tmp_path / "for the lock")}).code == 0
    [late] = made.index.files("zz-made-late")
    made.index.fault, made.index.fault_paths = "slow", f"/files/{late.sha256[:16]}"
    made.index.delay = 1.5
    return World(root=made.root, index=made.index, environ={**made.environ, **cold})


def watched(world: World, *arguments: str, **env: str) -> str:
    """Run envctl with stderr on a terminal of 100 columns; return what came over it."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "cols", "100"], stdin=theirs, check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "envctl", *arguments],
        cwd=world.root,
        env={**environment(world), "TERM": "xterm", **env},
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([ours], [], [], 0.2)
        try:
            chunk = os.read(ours, 65536) if ready else b"-"
        except OSError:  # EIO: the other side is closed
            break
        seen += chunk if ready else b""
        if not ready and process.poll() is not None:
            break
    os.close(ours)
    assert process.wait(30) == 0, seen
    return seen.decode()


def test_one_line_that_is_gone_at_the_end(world: World) -> None:
    seen = watched(world, "sync")
    lines = re.findall(r"\r\x1b\[2K(fetching[^\r]*)", seen)
    assert len(lines) >= 3, seen
    for line in lines:
        counted = (
            r"[012] of (1 package|2 packages), \d of [48] MiB, \d+ s( \(zz-made-(big|late)\))?"
        )
        assert re.fullmatch(f"fetching: {counted}", line), line
    assert any("1 of 1 package, 4 of 4 MiB" in line for line in lines)
    screen = shown(seen)
    assert not any("fetching" in line for line in screen), screen
    assert any(
        re.fullmatch(r"synced \.venv: 5 packages \(.*\) in \d+\.\d s", each) for each in screen
    )


def shown(seen: str) -> list[str]:
    """Return the lines as they stand on the screen at the end."""
    lines = []
    for line in seen.split("\n"):
        text = line.rstrip("\r").rpartition("\r\x1b[2K")[2]
        lines.append(_ESCAPES.sub("", text))
    return lines


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_terminal_that_cannot_erase_has_no_such_line(world: World, env: dict[str, str]) -> None:
    seen = watched(world, "sync", **env)
    assert "fetching" not in seen
    assert "\x1b[2K" not in seen


def test_without_colour_there_is_the_line_all_the_same(world: World) -> None:
    seen = watched(world, "sync", NO_COLOR="1")
    assert "fetching: " in seen
    assert not re.search(r"\x1b\[[0-9;]*m", seen), seen


def test_no_terminal_no_line_and_no_seconds(world: World) -> None:
    said = call(world, "sync")
    assert said.code == 0
    assert "fetching" not in said.err
    assert "\x1b" not in said.err
    assert said.err.splitlines()[-1] == "synced .venv: 5 packages (2 added, 1 changed)"


def test_a_failure_shows_no_chatter_of_uvs(world: World) -> None:
    """The line is cleared, and what uv told of its downloads is no part of the error."""
    world.index.fault = "wrong-hash"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "envctl", "--verbose", "sync"],
        cwd=world.root,
        env={**environment(world), "TERM": "xterm"},
        stderr=theirs,
        stdin=theirs,
    )
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 65536)
        except OSError:
            break
    os.close(ours)
    assert process.wait(30) == 3
    text = "\n".join(shown(seen.decode()))
    assert "its hash differs" in " ".join(text.split())
    for word in ("Downloading", "Prepared", "Resolved", "Traceback"):
        assert word not in text
