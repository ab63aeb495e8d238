"""Mistakes of a first day: each is made for real, and mended by what its message says next, and nothing else."""

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import machines
from tests.index.wheels import Wheel
from tests.integration.trouble import Said, call, project, put_back
from tests.integration.world import MINOR, World

Edit = Callable[[World], None]
TAG = f"cp{MINOR.replace('.', '')}"
LINUX = (f"{TAG}-{TAG}-manylinux_2_28_x86_64",)
NOBODY = "http://127.0.0.1:9/simple"
OLD, NEW = "nvidia-cuda-runtime-cu12", "nvidia-cuda-runtime"


def swap(old: str, new: str) -> Edit:
    return lambda world: world.edit("pyproject.toml", old, new)


def asks(*requirements: str) -> Edit:
    listed = ", ".join(f'"{each}"' for each in requirements)
    return swap('"zz-made-app<2"', listed)


def nothing(_world: World) -> None:
    """Spoil nothing: the words are the mistake."""


def no_lock(world: World) -> None:
    (world.root / "pylock.toml").unlink()
    shutil.rmtree(world.root / ".envctl" / "cache")


def merged(world: World) -> None:
    """Leave a merge of the lock as git does, unfinished."""
    first, *rest = world.read("pylock.toml").splitlines(keepends=True)
    ours, theirs = "a = 1\n", "a = 2\n"
    marks = ["<<<<<<< HEAD\n", ours, "=======\n", theirs, ">>>>>>> main\n"]
    world.write("pylock.toml", "".join([first, *marks, *rest]))


def unreachable(world: World) -> None:
    """Name an index behind a port at which nobody listens: as without the company's VPN."""
    world.edit("pyproject.toml", f'url = "{world.index.url}"', f'url = "{NOBODY}"')


def reachable(world: World) -> None:
    world.edit("pyproject.toml", NOBODY, world.index.url)


def too_new(world: World) -> None:
    """Upgrade torch past the driver of a machine that the team recorded."""
    old, new = Wheel(OLD, "12.8.90"), Wheel(NEW, "13.0.48")
    world.index.add(old, new, Wheel("torch", "2.10.0", requires=(OLD,), tags=LINUX))
    asks("torch")(world)
    text = re.sub(
        r"(?<=\[python\]\n)version = \".*\"", f'version = "{MINOR}.2"', machines.text("hpc-a100")
    )
    world.write(".envctl/machines/hpc-a100.toml", text)
    assert call(world, "lock").code == 0
    world.index.add(Wheel("torch", "2.11.0", requires=(NEW,), tags=LINUX))
    assert call(world, "lock", "--upgrade").code == 0


@dataclass(frozen=True)
class Mistake:
    """A mistake: what is spoilt, what is called, all that is said; what a person does then, and what is to work.

    Without ``mend`` it is the command between the backticks of ``next:`` that mends it; ``again``: what is called then
    with success, if it is not the same as before.
    """

    spoil: Edit
    words: str
    code: int
    said: str
    mend: Edit | None = None
    again: str | None = None


MISTAKES = {
    "a command's name": Mistake(
        nothing,
        "snyc --check",
        2,
        """\
error: there is no command `snyc`
  where: envctl
  next:  did you mean `envctl sync`?
""",
        again="sync --check",
    ),
    "another tool's command": Mistake(
        nothing,
        "install",
        2,
        """\
error: there is no command `install`
  where: envctl
  next:  did you mean `envctl sync`?
""",
        again="sync",
    ),
    "an option behind the wrong word": Mistake(
        nothing,
        "sync -C .",
        2,
        """\
error: `sync` has no option `-C`
  where: envctl sync
  next:  write it before the command: `envctl -C DIR sync …`
""",
        mend=nothing,
        again="-C . sync",
    ),
    "sync before lock": Mistake(
        no_lock,
        "sync",
        3,
        """\
error: there is no pylock.toml
  where: pylock.toml
  next:  run `envctl lock`
""",
    ),
    "requirements that contradict each other": Mistake(
        asks("zz-made-app<2", "zz-made-lib<1.1", "zz-made-lib>1"),
        "lock",
        3,
        """\
error: no version of `zz-made-lib` suits all who ask for it
  where: pyproject.toml
  why:   the project asks for zz-made-lib<1.1
         the project asks for zz-made-lib>1
  next:  relax or remove one of the requirements named above
  (`--verbose` shows what was said underneath)
""",
        mend=swap('"zz-made-lib<1.1", ', ""),
    ),
    "a package's name": Mistake(
        asks("zz-made-ap<2"),
        "lock",
        3,
        """\
error: there is no package `zz-made-ap` on the index
  where: pyproject.toml
  next:  correct its name, or add the index that has `zz-made-ap`
  (`--verbose` shows what was said underneath)
""",
        mend=swap("zz-made-ap<2", "zz-made-app<2"),
    ),
    "a Python that is not here": Mistake(
        swap(f'python = "{MINOR}"', 'python = "3.99"'),
        "lock",
        3,
        """\
error: Python 3.99 is not on this machine
  where: pyproject.toml: tool.envctl.python
  next:  nothing here installs that version: correct `tool.envctl.python`
         let `tool.envctl.python` take one of these:
           PYTHONS
""",
        mend=swap('python = "3.99"', f'python = "{MINOR}"'),
    ),
    "an edit without a lock": Mistake(
        asks("zz-made-app>=2"),
        "verify --only lock",
        1,
        """\
lock         2 errors
  error   lock-stale: the lock has `requires zz-made-app<2`, pyproject.toml no longer
  error   lock-stale: pyproject.toml has `requires zz-made-app>=2`, the lock does not
    mend it with: envctl lock
""",
    ),
    "a program's name": Mistake(
        nothing,
        "run -- zz-tset",
        4,
        """\
error: `zz-tset` was not found
  where: PATH
  next:  did you mean `zz-test`?
""",
        mend=nothing,
        again="run -- zz-test",
    ),
    "a merge that is not finished": Mistake(
        merged,
        "sync",
        3,
        """\
error: merge conflict at line 2
  where: pylock.toml:2
  next:  run `envctl lock`: it writes the file anew
""",
    ),
    "a bracket": Mistake(
        swap('groups = ["dev"]', 'groups = ["dev"'),
        "lock",
        3,
        """\
error: not TOML: unclosed array
  where: pyproject.toml:21:1
  next:  correct that line, or the one before it
""",
        mend=swap('groups = ["dev"', 'groups = ["dev"]'),
    ),
    "a key": Mistake(
        swap("platforms =", "platform ="),
        "lock",
        3,
        """\
error: unknown key `platform`
  where: pyproject.toml: tool.envctl.platform
  next:  did you mean `platforms`?
""",
        mend=swap("platform =", "platforms ="),
    ),
    "no network": Mistake(
        unreachable,
        "lock",
        3,
        """\
error: cannot read from the index at 127.0.0.1:9: connection refused
  where: http://127.0.0.1:9/simple/zz-made-app/
  next:  check the network, the proxy and the CA bundle (SSL_CERT_FILE), then run it again
  (`--verbose` shows what was said underneath)
""",
        mend=reachable,
    ),
    "a profile where there are none": Mistake(
        nothing,
        "sync --profile gpu",
        2,
        """\
error: this project has no profiles
  where: --profile
  next:  run it without `--profile`
""",
        mend=nothing,
        again="sync",
    ),
    "a group": Mistake(
        nothing,
        "sync --group devel",
        2,
        """\
error: there is no group `devel`
  where: --group
  next:  did you mean `dev`?
""",
        mend=nothing,
        again="sync --group dev",
    ),
    "a CUDA too new for a machine of the team": Mistake(
        too_new,
        "verify --only fleet",
        1,
        """\
fleet        1 error
  torch 2.11 needs driver ≥ 580: fails on hpc-a100 (driver 550); FITS
  error   driver-too-old: hpc-a100: CUDA 13.0 needs driver 580 or newer, this is 550.90.07
    mend it with: envctl lock --fleet
""",
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("ten")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    put_back(made)
    return made


def plain(world: World, said: Said) -> str:
    """Return what was said, without what is only true of this machine."""
    text = f"{said.out}{said.err}".replace(world.index.url, "INDEX")
    text = re.sub(r"newest that runs on all: .*", "FITS", text)
    return re.sub(r"(?m)^( {11})\d+\.\d+\.\d+  /.*\n(?:\1.*\n)*", r"\1PYTHONS\n", text)


def told(text: str) -> str:
    """Return the command that a message names as the next step, without `envctl`."""
    found = re.search(r"next: .*?`envctl ([^`]+)`|mend it with: envctl (.+)", text)
    assert found, text
    return found[1] or found[2]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_mended_by_reading_its_message(world: World, name: str) -> None:
    mistake = MISTAKES[name]
    mistake.spoil(world)
    said = call(world, *shlex.split(mistake.words))
    assert said.code == mistake.code
    assert plain(world, said) == mistake.said
    if mistake.mend:
        mistake.mend(world)
    else:
        done = call(world, *shlex.split(told(said.err + said.out)))
        assert done.code == 0, done
    again = call(world, *shlex.split(mistake.again or mistake.words))
    assert again.code == 0, again


def test_a_folder_that_is_no_project(world: World, tmp_path: Path) -> None:
    said = call(world, "lock", root=tmp_path)
    assert said.code == 3
    assert (
        said.err.replace(str(tmp_path), "FOLDER")
        == """\
error: this folder is not a project: no pyproject.toml or requirements.txt here or above
  where: FOLDER
  next:  run `envctl init` in the project's folder, or name it with `-C DIR`
"""
    )
    assert call(world, "-C", str(world.root), "lock", root=tmp_path).code == 0
    assert call(world, "init", root=tmp_path).code == 0
    assert call(world, "lock", root=tmp_path).code == 0


def test_no_container_engine(world: World) -> None:
    nowhere = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    said = call(world, "image", "build", env=nowhere)
    assert said.err.endswith("next:  run `envctl dockerize`\n")
    assert call(world, "dockerize").code == 0
    said = call(world, "image", "build", env=nowhere)
    assert said.code == 4
    assert (
        said.err
        == """\
error: no container engine answers
  where: unix:///nowhere/docker.sock
  next:  start it (`sudo systemctl start docker`), or set DOCKER_HOST or `docker context use` to where one listens
  (`--verbose` shows what was said underneath)
"""
    )
    verbose = call(world, "image", "build", "--verbose", env=nowhere).err
    assert "No such file or directory" in verbose.partition("next:")[2]
