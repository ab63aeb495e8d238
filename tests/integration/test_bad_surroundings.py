"""What the world does to envctl: indexes, disks, networks and signals; one clear message, and every file as it was."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.index.server import Fault
from tests.index.wheels import Wheel
from tests.integration.trouble import (
    Said,
    call,
    environment,
    fill,
    mounted,
    project,
    put_back,
    read_only,
    refusal,
    tree,
)
from tests.integration.world import World

RESOLVERS = ("uv", "pip-tools")
UNREACHABLE = "check the network, the proxy and the CA bundle"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("bad")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


def cold(tmp_path: Path) -> dict[str, str]:
    return {"UV_CACHE_DIR": str(tmp_path / "cold")}


# Resolving


def ask(world: World, resolver: str, old: str, new: str) -> None:
    """Change the manifest such that something must be resolved."""
    world.edit("pyproject.toml", 'resolver = "uv"', f'resolver = "{resolver}"')
    world.edit("pyproject.toml", old, new)


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize(
    ("new", "words"),
    [
        ('"zz-no-such-package"', ("no package `zz-no-such-package` on", "correct its name")),
        ('"zz-made-app==9"', ("zz-made-app", "9", "where: pyproject.toml")),
        (
            '"zz-made-app<2", "zz-made-lib>1", "zz-made-lib<1.1"',
            ("the project asks for zz-made-lib", "<1.1", "relax or remove one"),
        ),
    ],
    ids=["no package", "no version", "no resolution"],
)
def test_no_answer(world: World, resolver: str, new: str, words: tuple[str, ...]) -> None:
    ask(world, resolver, '"zz-made-app<2"', new)
    refusal(call(world, "lock"), 3, *words)


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_no_interpreter(world: World, resolver: str) -> None:
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    ask(world, resolver, f'python = "{minor}"', 'python = "3.99"')
    words = ("Python 3.99 is not on this machine", "tool.envctl.python", "nothing here installs")
    refusal(call(world, "lock"), 3, *words, f"{minor}.{sys.version_info.micro}  /")
    if resolver == "uv":
        refusal(call(world, "sync"), 3, *words)
        refusal(call(world, "verify"), 3, *words)


FAULTS: dict[Fault, tuple[str, ...]] = {
    "down": ("127.0.0.1",),
    "500": ("500", "127.0.0.1"),
    "404": ("no package `zz-made-app` on", "correct its name"),
    "login-page": ("zz-made-app", "a login", "in a browser"),
}


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_index(world: World, resolver: str, fault: Fault, tmp_path: Path) -> None:
    ask(world, resolver, '"zz-made-app<2"', '"zz-made-app>=2"')
    world.index.fault = fault
    refusal(call(world, "lock", env=cold(tmp_path)), 3, *FAULTS[fault])


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("fault", ["truncate", "500"])
def test_broken_files_at_lock(world: World, resolver: str, fault: Fault, tmp_path: Path) -> None:
    """An index without metadata files: the wheels themselves are read."""
    ask(world, resolver, '"zz-made-app<2"', '"zz-made-app>=2"')
    world.index.fault, world.index.fault_paths = fault, "/files/"
    word = "was cut off while it was downloaded" if fault == "truncate" else "answered 500"
    refusal(call(world, "lock", env=cold(tmp_path)), 3, word)


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_no_network_at_lock(world: World, resolver: str, tmp_path: Path) -> None:
    ask(world, resolver, '"zz-made-app<2"', '"zz-made-app>=2"')
    world.edit("pyproject.toml", world.index.origin, "http://127.0.0.1:9")
    refusal(call(world, "lock", env=cold(tmp_path)), 3, "127.0.0.1:9", UNREACHABLE)


def test_offline_by_wish(world: World, tmp_path: Path) -> None:
    ask(world, "uv", '"zz-made-app<2"', '"zz-made-app>=2"')
    offline = {**cold(tmp_path), "UV_OFFLINE": "1"}
    refusal(call(world, "lock", env=offline), 3, "UV_OFFLINE", "zz-made-app")
    put_back(world)
    (world.root / ".venv").unlink()
    shutil.rmtree(world.root / ".envctl" / "envs")
    refusal(call(world, "sync", env=offline), 3, "UV_OFFLINE")


# Installing


SYNC_FAULTS: dict[Fault, tuple[str, ...]] = {
    "down": ("zz_made_", UNREACHABLE),
    "500": ("zz_made_", "500"),
    "404": ("zz_made_", "404"),
    "truncate": ("zz-made-", "was cut off while it was downloaded"),
    "login-page": ("zz-made-", "most likely a login page", "in a browser"),
    "wrong-hash": (
        "zz-made-",
        "its hash differs",
        "pylock.toml",
        "lock --upgrade-package zz-made-",
    ),
}


@pytest.mark.parametrize("fault", SYNC_FAULTS)
def test_a_broken_index_at_sync(world: World, fault: Fault, tmp_path: Path) -> None:
    """The environment of before stays in use; with the index mended the same command does it."""
    world.envctl("lock", "--upgrade")
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')
    assert call(world, "lock", env=cold(tmp_path)).code == 0
    world.index.fault = fault
    env = {"UV_CACHE_DIR": str(tmp_path / "colder")}
    refusal(call(world, "sync", env=env), 3, *SYNC_FAULTS[fault])
    assert call(world, "run", "--", "python", "-c", "import zz_made_app").code == 0
    world.index.fault = None
    assert call(world, "sync", env=env).code == 0
    assert "zz_made_app-2.0" in world.installed()


def test_a_wrong_hash_with_a_warm_cache(world: World) -> None:
    """The cache has a file of that name; the lock names another, and the index serves a third."""
    world.index.add(Wheel("zz-made-lib", "1.1", files={"zz_made_lib/__init__.py": "other = 1\n"}))
    (world.root / "pylock.toml").unlink()
    fresh = {"UV_CACHE_DIR": str(world.root.parent / "fresh")}
    assert call(world, "lock", env=fresh).code == 0
    [served] = [file for file in world.index.files("zz-made-lib") if file.version == "1.1"]
    world.index.fault, world.index.fault_paths = "wrong-hash", f"/files/{served.sha256[:16]}"
    refusal(call(world, "sync"), 3, "zz-made-lib", "its hash differs")
    world.index.fault = None
    assert call(world, "sync").code == 0
    assert "other" in (world.site / "zz_made_lib" / "__init__.py").read_text()


def test_a_wrong_hash_in_somebody_elses_lock(world: World) -> None:
    text = world.read("pylock.toml").partition("[tool.envctl]")[0]
    text = text.replace('created-by = "envctl"', 'created-by = "acme"')
    digest = world.index.files("zz-made-test")[0].sha256
    world.write("pylock.toml", text.replace(f'sha256 = "{digest}"', f'sha256 = "{"0" * 64}"'))
    (world.root / ".venv").unlink()
    shutil.rmtree(world.root / ".envctl" / "envs")
    refusal(call(world, "sync"), 3, "zz-made-test", "its hash differs", "where: pylock.toml")


def test_no_network_at_sync(world: World, tmp_path: Path) -> None:
    text = world.read("pyproject.toml").replace('"zz-made-app<2"', '"zz-made-app>=2"')
    world.write("pyproject.toml", text)
    assert call(world, "lock", env=cold(tmp_path)).code == 0
    world.index.fault = "down"
    assert call(world, "verify", "--only", "lock").code == 0
    refusal(call(world, "sync", env={"UV_CACHE_DIR": str(tmp_path / "x")}), 3, UNREACHABLE)


# Disks


@pytest.fixture
def small(world: World, tmp_path: Path) -> Iterator[World]:
    """Give the project on a file system of its own, which tests fill or close."""
    with mounted(tmp_path / "dïsk of its own", size="24m") as disk:
        root = disk / "project"
        shutil.copytree(world.root, root, symlinks=True)
        copied = World(root=root, index=world.index, environ=world.environ)
        assert call(copied, "sync").code == 0  # a copy's environment is the other folder's
        yield copied


COMMANDS = {
    "lock": "lock --upgrade",
    "sync": "sync",
    "init": "init --name here",
    "record": "record --save here",
    "dockerize": "dockerize",
}


def spoil(small: World) -> None:
    """See to it that each command has something to write."""
    small.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')
    small.edit("pyproject.toml", 'platforms = ["linux-x86_64"]\n', "")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_read_only_folder(small: World, command: str) -> None:
    spoil(small)
    if command == "sync":
        assert call(small, "lock").code == 0
    read_only(small.root.parent)
    said = call(small, *COMMANDS[command].split())
    refusal(said, 3, "read-only file system", str(small.root), "mounted read-only")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(small: World, command: str) -> None:
    spoil(small)
    if command == "sync":
        assert call(small, "lock").code == 0
    fill(small.root.parent)
    said = call(small, *COMMANDS[command].split())
    refusal(said, 3, "no space left on device", "dïsk of its own", "make room")
    (small.root.parent / "filler").unlink()
    assert call(small, *COMMANDS[command].split()).code == 0


@pytest.mark.parametrize("leave", [40_000, 90_000])
def test_a_disk_that_becomes_full_while_an_environment_is_made(small: World, leave: int) -> None:
    spoil(small)
    assert call(small, "lock").code == 0
    fill(small.root.parent, leave=leave)
    refusal(call(small, "sync"), 3, "disk", "make room")
    assert call(small, "run", "--", "python", "-c", "import zz_made_app").code == 0


def test_reading_commands_work_on_a_read_only_folder(small: World) -> None:
    read_only(small.root.parent)
    for command in ("verify --only lock,environment", "sync --check", "activate", "run -- true"):
        assert call(small, *command.split()).code == 0, command


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_little_room_for_temporary_files(world: World, resolver: str, tmp_path: Path) -> None:
    ask(world, resolver, '"zz-made-app<2"', '"zz-made-app>=2"')
    with mounted(tmp_path / "tmp", size="64k") as disk:
        fill(disk, leave=12_288)
        said = call(world, "lock", env={"TMPDIR": str(disk), **cold(tmp_path)})
        refusal(said, 3, "the disk is full: no space left on device", "make room")
        assert [path.name for path in disk.iterdir()] == ["filler"]


def test_a_stdout_that_takes_nothing(world: World) -> None:
    for command in ("verify --only lock", "verify --only lock --json", "activate", "record"):
        argv = f'"$0" -m envctl {command} > /dev/full'
        done = world.run(["sh", "-c", argv, sys.executable], code=3, env={"LC_ALL": "C"})
        assert "no space left on device" in done.stderr, command
        assert done.stderr.count("rror") == 1, done.stderr


def test_a_reader_that_goes_away(world: World) -> None:
    for command in ("verify --only lock", "activate", "record --json"):
        argv = f'{{ "$0" -m envctl {command}; echo $? >&2; }} | true'
        done = world.run(["sh", "-c", argv, sys.executable])
        assert done.stderr in ("0\n", "141\n", ""), (command, done.stderr)


# Locales and names


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "", "LANG": "C", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "", "LANG": "C", "PYTHONIOENCODING": "latin-1"},
    ],
    ids=["ascii", "ascii streams", "latin-1 streams"],
)
def test_a_terminal_that_knows_few_letters(world: World, locale: dict[str, str]) -> None:
    world.edit("pyproject.toml", "[tool.envctl.env]\n", '[tool.envctl.env]\n"Ä" = "1"\n')
    for command in ("lock", "lock --json"):
        said = call(world, *command.split(), env=locale)
        assert said.code == 3, said
        assert "is not a name for a variable" in said.err
    put_back(world)
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')
    assert call(world, "lock", env=locale).code == 0
    said = call(world, "sync", env=locale)
    if "PYTHONUTF8" in locale:  # virtualenv compares the name with the locale
        refusal(said, 3, "this locale cannot spell", "pro jekt é ü", "LC_ALL=C.UTF-8")
        return
    assert said.code == 0
    assert call(world, "verify", "--only", "lock,environment", env=locale).code == 0
    assert call(world, "run", "--", "python", "-c", "import zz_made_app", env=locale).code == 0


def test_a_folder_whose_name_is_no_text(world: World, tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/pro\xffject"))
    root.mkdir()
    strange = World(root=root, index=world.index, environ=world.environ)
    strange.write("pyproject.toml", world.read("pyproject.toml"))
    assert call(strange, "lock").code == 0
    assert call(strange, "verify", "--only", "lock", "--json").code == 0
    refusal(call(strange, "sync"), 3, "this locale cannot spell", "pro\udcffject", "rename")
    strange.edit("pyproject.toml", "resolver", "resolvr")
    assert call(strange, "lock", "--json").envelope()["error"]["code"] == "manifest"


@pytest.mark.parametrize("name", ["$HOME", 'a "b"', "it's ${x}", "=~a"])
def test_a_path_that_some_shell_would_expand(world: World, name: str, tmp_path: Path) -> None:
    """virtualenv warns of scripts that it leaves out for such a path: nobody asked for them."""
    root = tmp_path / name
    root.mkdir()
    strange = World(root=root, index=world.index, environ=world.environ)
    strange.write("pyproject.toml", world.read("pyproject.toml"))
    strange.envctl("lock")
    for command in (("sync",), ("add", "zz-made-plot")):
        assert "skipping" not in strange.envctl(*command).stderr
    assert strange.installed()
    prefix = strange.run(["sh", "-c", '. .venv/bin/activate; printf %s "$VIRTUAL_ENV"']).stdout
    assert Path(prefix).is_relative_to(root)


# A folder that is not where it was


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_project_that_was_moved(world: World, how: str, tmp_path: Path) -> None:
    """Nothing may lead into the folder of before; one sync makes the environment this folder's."""
    other = World(root=tmp_path / "elsewhere", index=world.index, environ=world.environ)
    assert call(world, "run", "--", "true").code == 0  # leaves a note of the fast path
    assert call(world, "sync").code == 0
    if how == "moved":
        shutil.move(world.root, other.root)
    else:
        shutil.copytree(world.root, other.root, symlinks=True)
    prefix = call(other, "run", "--", "python", "-c", "import sys; print(sys.prefix)").out.strip()
    assert Path(prefix).is_relative_to(other.root)
    words = ("made for another folder", "moved or copied", "run `envctl sync`")
    refusal(call(other, "activate"), 3, *words)
    refusal(call(other, "shell", "--shell", "sh"), 3, *words)
    said = call(other, "verify", "--only", "environment")
    assert said.code == 1
    assert "mend it with: envctl sync" in said.out
    assert call(other, "sync").code == 0
    assert call(other, "verify", "--only", "environment").code == 0
    shown = other.run(["sh", "-c", ". .venv/bin/activate; echo $VIRTUAL_ENV"]).stdout.strip()
    assert Path(shown).is_relative_to(other.root)
    assert call(other, "activate").code == 0


# Ctrl-C


def works_in(pid: int, root: Path) -> bool:
    """Whether a process has the project's state lock open: the interpreter's own start is behind it."""
    with suppress(OSError):
        opened = [each.readlink() for each in Path(f"/proc/{pid}/fd").iterdir()]
        return root / ".envctl" / "state.lock" in opened
    return False


def interrupted(world: World, *arguments: str, after: float, env: dict[str, str]) -> Said:
    """Start envctl, interrupt its whole process group as a terminal does, and say how it ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "envctl", *arguments],
        cwd=world.root,
        env=environment(world) | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    while not works_in(process.pid, world.root):
        time.sleep(0.005)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    started = time.monotonic()
    out, err = process.communicate(timeout=300)
    assert time.monotonic() - started < 6  # not the 8 seconds of the index
    return Said(code=process.returncode, out=out, err=err)


@pytest.mark.parametrize("resolver", RESOLVERS)
@pytest.mark.parametrize("after", [0, 0.3, 0.8])
def test_ctrl_c_while_locking(world: World, resolver: str, after: float, tmp_path: Path) -> None:
    ask(world, resolver, '"zz-made-app<2"', '"zz-made-app>=2"')
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    before = tree(world.root)
    world.index.fault, world.index.delay = "slow", 8.0
    env = {**cold(tmp_path), "TMPDIR": str(scratch)}
    said = interrupted(world, "lock", after=after, env=env)
    assert said.code == 130, said
    assert "Traceback" not in said.err
    assert said.err.splitlines()[-1:] == ["interrupted"]
    assert said.out == ""
    assert tree(world.root) == before
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("after", [0, 0.3, 0.7])
def test_ctrl_c_while_syncing(world: World, after: float, tmp_path: Path) -> None:
    assert call(world, "sync", "--no-default-groups", env=cold(tmp_path)).code == 0
    world.edit("pyproject.toml", '"zz-made-app<2"', '"zz-made-app>=2"')
    assert call(world, "lock").code == 0
    before = tree(world.root)
    world.index.fault, world.index.delay = "slow", 8.0
    env = {"UV_CACHE_DIR": str(tmp_path / "colder")}
    said = interrupted(world, "sync", "--json", after=after, env=env)
    assert said.code == 130, said
    assert "Traceback" not in said.err
    assert said.err == "interrupted\n"
    assert said.envelope()["error"]["code"] == "interrupted"
    assert tree(world.root) == before
    assert call(world, "run", "--", "python", "-c", "import zz_made_app").code == 0
