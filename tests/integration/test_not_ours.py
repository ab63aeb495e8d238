"""What `sync` must not touch, whoever put it there and whenever: a hostile repository, a colleague, another tool."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.index.wheels import Wheel
from tests.integration.strace import tampered
from tests.integration.trouble import call, environment, project, put_back, refusal, tree
from tests.integration.world import World

ENVIRONMENT = ("--only", "environment")
OLD = (1, 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("not ours")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


def envs(world: World) -> Path:
    return world.root / ".envctl" / "envs"


def replaced_by_link(path: Path, target: Path) -> None:
    subprocess.run(["rm", "-rf", path], check=True)
    path.symlink_to(target)


def test_what_a_link_in_the_place_of_the_environments_leads_to(
    world: World, tmp_path: Path
) -> None:
    for name in ("thesis", "0123456789ab"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        (tmp_path / "mine" / name / "chapter").write_text("years of work")
    replaced_by_link(envs(world), tmp_path / "mine")
    before = tree(tmp_path)
    for command in ("sync", "sync --recreate", "sync --repair", "sync --adopt"):
        refusal(call(world, *command.split()), 3, ".envctl/envs is a link", "remove that link")
    assert call(world, "sync", "--rollback").code == 1
    assert tree(tmp_path) == before


def test_a_folder_of_another_name_beside_the_environments(world: World) -> None:
    (envs(world) / "notes").mkdir()
    (envs(world) / "notes" / "todo").write_text("mine")
    assert call(world, "sync", "--no-default-groups").code == 0
    assert (envs(world) / "notes" / "todo").read_text() == "mine"


@pytest.mark.parametrize("name", [".envctl/envs/history", ".envctl/cache/sync"])
def test_the_target_of_a_link_in_the_place_of_our_own_file(
    world: World, name: str, tmp_path: Path
) -> None:
    (tmp_path / "bashrc").write_text("alias ll='ls -l'\n")
    path = world.root / name
    path.unlink()
    path.symlink_to(tmp_path / "bashrc")
    for options in (("--no-default-groups",), ()):
        assert call(world, "sync", *options).code == 0
    assert (tmp_path / "bashrc").read_text() == "alias ll='ls -l'\n"


def test_a_folder_with_somebodys_file_of_the_stamps_name(world: World) -> None:
    (world.root / ".venv").unlink()
    world.write(".venv/precious", "mine")
    world.write(".venv/envctl.json", "{}")
    refusal(call(world, "sync"), 3, "a folder that envctl did not make", "--adopt")


def test_what_appears_at_the_name_while_it_builds(world: World, tmp_path: Path) -> None:
    (world.root / ".venv").unlink()
    subprocess.run(["rm", "-rf", envs(world)], check=True)
    environ = {"UV_CACHE_DIR": str(tmp_path / "cache")}
    world.index.fault, world.index.delay = "slow", 0.5
    try:
        argv = [sys.executable, "-m", "envctl", "sync", "--repair"]
        with subprocess.Popen(
            argv,
            cwd=world.root,
            env={**environment(world), **environ},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            deadline = time.monotonic() + 60
            while not list(envs(world).glob("*/pyvenv.cfg")) and time.monotonic() < deadline:
                time.sleep(0.01)
            world.write(".venv/precious", "mine")
            _, said = process.communicate(timeout=120)
    finally:
        world.index.fault = None
    assert process.returncode == 3, said
    assert ".venv is a folder that envctl did not make" in said
    assert world.read(".venv/precious") == "mine"
    assert [path.name for path in envs(world).iterdir() if path.is_dir()] == []


def test_an_interpreter_that_only_another_machine_has(world: World) -> None:
    """One folder, a host and a container: what the one has just used is not the other's to remove."""
    link = world.root / ".venv" / "bin" / "python"
    used = (world.root / ".venv").resolve()
    link.unlink()
    link.symlink_to("/host/only/python3.11")
    assert call(world, "sync").code == 0
    assert (world.root / ".venv").resolve() != used
    assert (used / "envctl.json").is_file()
    os.utime(used / "envctl.json", OLD)
    for options in (("--no-default-groups",), ("--extra", "plot")):
        assert call(world, "sync", *options).code == 0
    assert not used.exists()


def test_a_copy_whose_state_is_the_same_folder(world: World, tmp_path: Path) -> None:
    (world.root / ".envctl").rename(tmp_path / "state")
    (world.root / ".envctl").symlink_to(tmp_path / "state")
    copy = World(root=tmp_path / "copy", index=world.index, environ=world.environ)
    subprocess.run(["cp", "-a", world.root, copy.root], check=True)
    used = (world.root / ".venv").resolve()
    for options in (("--extra", "plot"), ("--no-default-groups",), ("--extra", "plot")):
        for stamp in (tmp_path / "state" / "envs").glob("*/envctl.json"):
            os.utime(stamp, OLD)
        assert call(copy, "sync", *options).code == 0
    assert (used / "envctl.json").is_file()


def test_a_process_in_an_environment_of_a_state_behind_a_link(world: World, tmp_path: Path) -> None:
    (world.root / ".envctl").rename(tmp_path / "st ate\n")
    (world.root / ".envctl").symlink_to(tmp_path / "st ate\n")
    used = (world.root / ".venv").resolve()
    process = subprocess.Popen([used / "bin" / "python", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        for options in (("--extra", "plot"), ("--no-default-groups",), ("--extra", "plot")):
            for stamp in (tmp_path / "st ate\n" / "envs").glob("*/envctl.json"):
                os.utime(stamp, OLD)
            assert call(world, "sync", *options).code == 0
        assert used.is_dir()
    finally:
        process.communicate(b"\n", timeout=300)


# The way back


def test_interrupted_just_after_the_swap_it_can_still_go_back(world: World) -> None:
    (world.root / ".venv").unlink()
    world.write(".venv/precious", "mine")
    argv = [*tampered("renameat2:signal=INT:when=1"), sys.executable, "-m", "envctl"]
    subprocess.run([*argv, "sync", "--adopt"], cwd=world.root, env=environment(world), check=False)
    assert (world.root / ".venv").is_symlink()
    assert call(world, "sync").code == 0
    assert call(world, "sync", "--rollback").code == 0
    assert world.read(".venv/precious") == "mine"


def test_what_another_tool_manages_is_not_rolled_back(world: World) -> None:
    assert call(world, "sync", "--no-default-groups").code == 0
    world.edit("pyproject.toml", "[tool.envctl]\n", "[tool.envctl]\nmanaged = false\n")
    refusal(call(world, "sync", "--rollback"), 3, "leaves .venv to another tool")
    world.write("pyproject.toml", "[project\n")
    assert call(world, "sync", "--rollback").code == 0


def test_what_went_aside_on_the_way_back_is_named(world: World) -> None:
    (world.root / ".venv").unlink()
    world.write(".venv/a", "")
    for options in (("--adopt",), ("--rollback",)):
        assert call(world, "sync", *options).code == 0
    subprocess.run(["rm", "-r", world.root / ".venv"], check=True)
    world.write(".venv/b", "")
    said = call(world, "sync", "--rollback")
    assert said.code == 0
    assert "what was at .venv is kept in .envctl/envs/adopted-1" in said.err
    assert (envs(world) / "adopted-1" / "b").is_file()


def test_the_lock_is_ahead_only_where_it_asks_for_something_else(world: World) -> None:
    assert call(world, "sync", "--extra", "plot").code == 0
    assert call(world, "sync").code == 0
    assert "the lock is ahead" not in call(world, "sync", "--rollback").err


# Damage


STAMPS: dict[str, str | dict[str, object]] = {
    "nested": "[" * 200_000,
    "no table": "[]",
    "python": {"python": None},
    "base": {"base": 5},
    "a zero byte": {"base": "/usr/bin/python3\0"},
    "half a character": {"base": "/usr/\udc80"},
    "project": {"project": {"name": ["x"], "version": "1", "digest": ""}},
    "packages": {"packages": {"zz-made-app": None}},
    "groups": {"groups": 3},
    "scripts": {"scripts": {"activate": 1}},
}


@pytest.mark.parametrize("name", STAMPS)
def test_a_damaged_stamp_is_mended_by_sync(world: World, name: str) -> None:
    spoilt, path = STAMPS[name], world.root / ".venv" / "envctl.json"
    if isinstance(spoilt, dict):
        spoilt = json.dumps({**json.loads(path.read_text()), **spoilt})
    path.write_text(spoilt)
    assert world.codes(*ENVIRONMENT) == ["environment-unfinished"]
    assert call(world, "sync", "--check").code == 1
    assert "or its stamp is lost" in call(world, "sync").err
    assert world.codes(*ENVIRONMENT, code=0) == []


@pytest.mark.parametrize("name", [".venv/envctl.json", ".envctl/envs/history"])
def test_a_pipe_in_the_place_of_our_own_file_is_not_waited_for(world: World, name: str) -> None:
    (world.root / name).unlink()
    os.mkfifo(world.root / name)
    assert call(world, "sync").code == 0
    assert call(world, "verify", *ENVIRONMENT).code == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text(f"echo pwned\n{path.read_text()}"),
        lambda path: path.write_text(f"{path.read_text()}\necho pwned\n"),
        lambda path: path.unlink(),
        lambda path: path.write_text(""),
    ],
    ids=["above", "below", "gone", "empty"],
)
@pytest.mark.parametrize("script", ["activate", "activate.fish"])
def test_an_activation_script_that_was_edited(world: World, script: str, spoil: object) -> None:
    assert callable(spoil)
    path = world.root / ".venv" / "bin" / script
    right = path.read_text()
    spoil(path)
    [found] = world.findings(*ENVIRONMENT)
    assert found["code"] == "activation-stale"
    assert f"bin/{script}" in found["message"]
    assert call(world, *str(found["fix"]).split()[1:]).code == 0
    assert world.codes(*ENVIRONMENT, code=0) == []
    mended = world.root / ".venv" / "bin" / script
    assert mended.read_text().replace(str(mended.resolve().parents[1]), "") == right.replace(
        str(path.resolve().parents[1]), ""
    ) or ("pwned" not in mended.read_text() and len(mended.read_text()) > 1000)


def test_a_repair_says_what_else_changes(world: World) -> None:
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')
    assert call(world, "lock").code == 0
    (world.site / "zz_made_lib" / "__init__.py").unlink()
    found = call(world, "sync", "--repair", "--json").envelope()["result"]
    assert found["change"] == {"zz-made-app": ["1.0", "2.0"]}
    assert found["reasons"] == ["deleted: files of zz-made-lib"]


# uv's cache


def test_symbolic_links_into_the_cache_are_not_made(world: World, tmp_path: Path) -> None:
    env = {"UV_LINK_MODE": "symlink", "UV_CACHE_DIR": str(tmp_path / "cache")}
    said = call(world, "sync", "--recreate", env=env)
    assert said.code == 0
    assert "UV_LINK_MODE=symlink is not honoured" in said.err
    assert not any(path.is_symlink() for path in world.site.rglob("*"))


def test_a_relative_cache_is_one_cache(world: World) -> None:
    assert call(world, "sync", "--recreate", env={"UV_CACHE_DIR": "rel cache"}).code == 0
    assert (world.root / "rel cache" / "archive-v0").is_dir()
    assert not list(world.root.glob(".envctl/envs/*/rel cache"))
    assert world.codes(*ENVIRONMENT, "--full", code=0) == []


@pytest.mark.parametrize("mode", ["copy", "hardlink"])
def test_a_repair_never_takes_the_changed_bytes_from_the_cache(
    world: World, mode: str, tmp_path: Path
) -> None:
    env = {"UV_LINK_MODE": mode, "UV_CACHE_DIR": str(tmp_path / "cache")}
    assert call(world, "sync", "--recreate", env=env).code == 0
    [cached] = (tmp_path / "cache").glob("archive-v0/*/zz_made_lib/__init__.py")
    right = cached.read_bytes()
    cached.write_bytes(right + b"# debugging\n")
    (cached.parent / "hack.py").write_text("x = 1\n")
    call(world, "sync", "--recreate", env=env)
    for _ in range(2):
        call(world, "sync", "--repair", env=env)
        assert world.codes(*ENVIRONMENT, "--full", code=0) == []
        assert (world.site / "zz_made_lib" / "__init__.py").read_bytes() == right
    assert call(world, "sync", "--recreate", env=env).code == 0
    assert world.codes(*ENVIRONMENT, "--full", code=0) == []


def test_without_a_stamp_a_repair_believes_no_file_of_the_cache(world: World) -> None:
    path = world.site / "zz_made_lib" / "__init__.py"
    right, before = path.read_bytes(), path.stat()
    with path.open("r+b") as file:
        file.write(b"#")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (world.root / ".venv" / "envctl.json").unlink()
    assert call(world, "sync", "--repair").code == 0
    assert world.codes(*ENVIRONMENT, "--full", code=0) == []
    assert (world.site / "zz_made_lib" / "__init__.py").read_bytes() == right


def test_without_a_snapshot_a_repair_says_that_others_may_have_it(world: World) -> None:
    path = world.site / "zz_made_lib" / "__init__.py"
    with path.open("ab") as file:
        file.write(b"# debugging\n")
    (world.root / ".venv" / "envctl.files").unlink()
    said = call(world, "sync", "--repair")
    assert said.code == 0
    assert "run `envctl sync --repair` in their projects too" in said.err
    assert world.codes(*ENVIRONMENT, "--full", code=0) == []


def test_a_running_uv_does_not_stop_a_repair(world: World) -> None:
    path = world.site / "zz_made_lib" / "__init__.py"
    with path.open("ab") as file:
        file.write(b"# debugging\n")
    argv = [find_uv_bin(), "run", "--no-project", "--no-config", "--python", sys.executable]
    running = subprocess.Popen(
        [*argv, "python", "-c", "print(1, flush=True); input()"],
        env=environment(world),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == b"1\n"
        assert call(world, "sync", "--repair").code == 0
    finally:
        running.communicate(b"\n", timeout=300)
    assert world.codes(*ENVIRONMENT, "--full", code=0) == []


def test_two_packages_with_one_path_are_both_mended(world: World) -> None:
    same = {"zz_made_space/__init__.py": "x = 1\n"}
    world.index.add(
        Wheel("zz-made-one", "1.0", files=same), Wheel("zz-made-two", "1.0", files=same)
    )
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app<2", "zz-made-one", "zz-made-two"')
    assert call(world, "lock").code == 0
    assert call(world, "sync").code == 0
    path = Path("zz_made_space") / "__init__.py"
    for _ in range(3):
        (world.site / path).write_bytes(b"x = 2\n")
        assert world.codes(*ENVIRONMENT) == ["file-modified"]
        assert call(world, "sync", "--repair").code == 0
        assert world.codes(*ENVIRONMENT, "--full", code=0) == []
        assert (world.site / path).read_bytes() == b"x = 1\n"
