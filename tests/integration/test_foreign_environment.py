"""A `.venv` that envctl did not make: never touched unasked, and taken over without a loss."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uv

from tests.integration.trouble import call, mounted, project, put_back, refusal, tree
from tests.integration.world import World

UV = uv.find_uv_bin()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("foreign")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    """Give a project whose environment is finished, and nothing at `.venv`."""
    put_back(made)
    (made.root / ".venv").unlink()
    return made


def run(*argv: str | Path, cwd: Path) -> None:
    subprocess.run([str(each) for each in argv], cwd=cwd, check=True, capture_output=True)


def venv(path: Path, tool: str = "venv") -> None:
    command = {
        "venv": [sys.executable, "-m", "venv", "--without-pip", "--clear"],
        "uv": [UV, "venv", "--quiet", "--no-config", "--python", sys.executable],
        "virtualenv": [sys.executable, "-m", "virtualenv", "--no-seed"],
    }[tool]
    run(*command, path, cwd=path.parent)


def with_package(path: Path) -> None:
    """Put a package into an environment that the lock does not have, and an older one of those it has."""
    [site] = path.glob("lib/python3*/site-packages")
    for name, version in (("zz_made_other", "7"), ("zz_made_lib", "1.0")):
        (site / f"{name}-{version}.dist-info").mkdir()


# What it may be


def a_venv(world: World, _: Path) -> None:
    venv(world.root / ".venv")


def a_uv_venv(world: World, _: Path) -> None:
    venv(world.root / ".venv", "uv")


def a_folder(world: World, _: Path) -> None:
    world.write(".venv/precious", "mine")


def a_file(world: World, _: Path) -> None:
    world.write(".venv", "anything")


def a_redirect(world: World, tmp_path: Path) -> None:
    """Let virtualenv write its redirect file (PEP 832) beside an environment of another name."""
    venv(world.root / "env", "virtualenv")
    assert world.read(".venv") == "env\n"


def a_link(world: World, tmp_path: Path) -> None:
    venv(tmp_path / "elsewhere")
    (world.root / ".venv").symlink_to(tmp_path / "elsewhere")


def a_dangling_link(world: World, tmp_path: Path) -> None:
    (world.root / ".venv").symlink_to(tmp_path / "nowhere")


def anothers(world: World, tmp_path: Path) -> None:
    """Lead into another project's environments."""
    other = tmp_path / "other" / ".envctl" / "envs" / "abc"
    other.parent.mkdir(parents=True)
    venv(other)
    (world.root / ".venv").symlink_to(other)


KINDS: dict[str, tuple[Callable[[World, Path], None], str]] = {
    "python -m venv": (a_venv, "a virtual environment that envctl did not make (made by python -m"),
    "uv venv": (a_uv_venv, "a virtual environment that envctl did not make (made by uv 0."),
    "folder": (a_folder, "a folder that envctl did not make"),
    "file": (a_file, "a file that envctl did not make"),
    "redirect": (a_redirect, "a file that leads to "),
    "link": (a_link, "a link to "),
    "dangling link": (a_dangling_link, ", which is not there"),
    "another project's": (anothers, "other/.envctl/envs/abc"),
}


@pytest.fixture(params=KINDS)
def foreign(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> tuple[World, str]:
    make, words = KINDS[request.param]
    make(world, tmp_path)
    return world, words


def test_it_is_never_touched_unasked(foreign: tuple[World, str]) -> None:
    world, words = foreign
    for command in ("sync", "sync --repair", "sync --json"):
        said = call(world, *command.split())
        assert said.code == 3, command
        assert words in said.err
        for flag in ("--adopt", "--recreate", "managed = false"):
            assert flag in said.err
    for command in ("activate", "run -- true"):
        refusal(call(world, *command.split()), 3, words, "envctl sync --adopt")
    said = call(world, "sync", "--check")
    assert said.code == 1
    assert words in said.err
    assert "it takes `--adopt` or `--recreate`" in said.err
    assert call(world, "sync", "--check", "--adopt").code == 1
    [found] = world.findings("--only", "environment")
    assert (found["code"], found["fix"]) == ("environment-foreign", "envctl sync --adopt")
    assert words in found["message"]


@pytest.mark.parametrize("flag", ["--adopt", "--recreate"])
def test_it_is_replaced_when_that_is_asked_for(
    foreign: tuple[World, str], flag: str, tmp_path: Path
) -> None:
    world, _ = foreign
    link = world.root / ".venv"
    before = tree(world.root)
    mine = {name: content for name, content in before.items() if name.startswith(".venv")}
    beyond = tree(tmp_path)
    assert call(world, "sync", flag).code == 0
    assert world.codes("--only", "environment", code=0) == []
    assert tree(tmp_path) == beyond, "what a link leads to is not ours"
    aside = list((world.root / ".envctl" / "envs").glob("adopted-*"))
    assert [path.name[0] for path in (world.root / ".envctl" / "envs").iterdir()].count(".") == 0
    if flag == "--recreate":
        assert aside == []
        return
    assert [path.name for path in aside] == ["adopted-1"]
    # It comes back as it was, and goes aside again.
    assert call(world, "sync", "--rollback").code == 0
    after = {name: each for name, each in tree(world.root).items() if name.startswith(".venv")}
    assert after == mine
    refusal(call(world, "sync"), 3, "--adopt")
    assert call(world, "sync", "--rollback").code == 0
    assert link.is_symlink()
    assert world.codes("--only", "environment", code=0) == []
    assert call(world, "sync").code == 0


def test_adopting_says_what_differs(world: World) -> None:
    venv(world.root / ".venv")
    with_package(world.root / ".venv")
    said = call(world, "sync", "--adopt")
    assert said.code == 0
    for line in ("  - zz-made-other 7", "  ~ zz-made-lib 1.0 → 1.1", "  + zz-made-app 1.0"):
        assert line in said.err
    assert "what was at .venv is kept in .envctl/envs/adopted-1" in said.err
    assert "envctl sync --rollback" in said.err


def test_what_was_adopted_is_never_cleaned_away(world: World) -> None:
    world.write(".venv/precious", "mine")
    assert world.json("sync", "--adopt")["result"]["aside"].endswith("/adopted-1")
    for options in (("--no-default-groups",), ("--extra", "plot"), ("--recreate",), ()):
        assert call(world, "sync", *options).code == 0
    assert world.read(".envctl/envs/adopted-1/precious") == "mine"
    (world.root / ".venv").unlink()
    world.write(".venv/precious", "another")
    assert call(world, "sync", "--adopt").code == 0
    assert world.read(".envctl/envs/adopted-1/precious") == "mine"
    assert world.read(".envctl/envs/adopted-1-2/precious") == "another"


def test_flags_are_no_harm_where_nothing_is_foreign(world: World) -> None:
    assert call(world, "sync", "--adopt").code == 0
    said = call(world, "sync", "--adopt")
    assert (said.code, "is in sync" in said.err) == (0, True)


@pytest.mark.parametrize("flag", ["--adopt", "--recreate"])
@pytest.mark.parametrize("bound", [False, True], ids=["tmpfs", "bind"])
def test_a_mount_point_is_left_alone(world: World, flag: str, bound: bool, tmp_path: Path) -> None:
    with mounted(world.root / ".venv") as place:
        if bound:
            other = tmp_path / "beside"
            other.mkdir()
            (other / "precious").write_text("mine")
            done = subprocess.run(["mount", "--bind", other, place], check=False)
            assert done.returncode == 0
        try:
            words = ("something is mounted in it", "unmount it", "managed = false")
            refusal(call(world, "sync", flag), 3, *words)
            [found] = world.findings("--only", "environment")
            assert (found["code"], found["fix"]) == ("environment-foreign", None)
            assert "unmount" in found["advice"]
        finally:
            if bound:
                subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("flag", ["--adopt", "--recreate"])
def test_what_is_mounted_below_is_left_alone(world: World, flag: str) -> None:
    world.write(".venv/mine", "")
    with mounted(world.root / ".venv" / "da ta") as place:
        (place / "precious").write_text("mine")
        refusal(call(world, "sync", flag), 3, "something is mounted in it", "unmount it")
        refusal(call(world, "sync", "--check"), 3, "something is mounted in it")
        assert (place / "precious").read_text() == "mine"


@pytest.mark.parametrize("flag", ["--adopt", "--recreate"])
def test_a_folder_that_may_not_be_moved(world: World, flag: str) -> None:
    """Root may do everything, so it is marked immutable: what a lack of rights looks like to others."""
    world.write(".venv/precious", "mine")
    marked = subprocess.run(["chattr", "+i", world.root / ".venv"], check=False)
    if marked.returncode:
        pytest.skip("this file system has no immutable files")
    try:
        refusal(call(world, "sync", flag), 3, "cannot be replaced: operation not permitted")
        assert world.read(".venv/precious") == "mine"
    finally:
        subprocess.run(["chattr", "-i", world.root / ".venv"], check=True)


# Left to another tool


def unmanaged(world: World) -> None:
    world.edit("pyproject.toml", "[tool.envctl]\n", "[tool.envctl]\nmanaged = false\n")


def filled(world: World) -> None:
    """Have uv make `.venv`, from the local index and no other."""
    venv(world.root / ".venv", "uv")
    wanted = ("zz-made-app==1.0", "zz-made-lib==1.1", "zz-made-test==3.0")
    install(world, *wanted)


def install(world: World, *requirements: str) -> None:
    options = ("--no-config", "--quiet", "--default-index", world.index.url)
    run(
        *(UV, "pip", "install", *options, "--python", world.root / ".venv" / "bin" / "python"),
        *requirements,
        cwd=world.root,
    )


def test_sync_leaves_it_to_its_owner(world: World) -> None:
    unmanaged(world)
    for command in ("sync", "sync --check", "sync --adopt", "sync --recreate"):
        refusal(call(world, *command.split()), 3, "tool.envctl.managed", "another tool")
    a_venv(world, world.root)
    refusal(call(world, "sync"), 3, "tool.envctl.managed")


def test_add_does_not_sync(world: World) -> None:
    unmanaged(world)
    a_venv(world, world.root)
    before = {name: each for name, each in tree(world.root).items() if name.startswith(".venv")}
    said = call(world, "add", "zz-made-plot", "--json")
    assert said.code == 0
    assert "left to another tool" in said.err
    assert said.envelope()["result"]["synced"] is False
    assert "zz-made-plot" in world.read("pylock.toml")
    after = {name: each for name, each in tree(world.root).items() if name.startswith(".venv")}
    assert after == before


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_it_is_entered_as_it_is(world: World, kind: str, tmp_path: Path) -> None:
    unmanaged(world)
    filled(world)
    where = world.root / ".venv"
    if kind == "link":
        where = tmp_path / "moved"
        (world.root / ".venv").rename(where)
        (world.root / ".venv").symlink_to(where)
    code = "import os, sys, zz_made_app; print(sys.prefix, os.environ['PYTHONHASHSEED'])"
    for _ in range(2):
        said = call(world, "run", "--", "python", "-c", code)
        assert (said.code, said.out.split()[-1]) == (0, "0"), said.err
        assert said.out.startswith(str(where))
    python = shlex.quote(sys.executable)
    script = (
        f'eval "$({python} -m envctl activate --shell sh)"; echo "$VIRTUAL_ENV $PYTHONHASHSEED"'
    )
    done = world.run(["sh", "-c", script], env={"LC_ALL": "C"})
    assert done.stdout.endswith(" 0\n"), done.stderr


def test_one_that_is_no_environment_is_said(world: World) -> None:
    unmanaged(world)
    refusal(call(world, "run", "--", "true"), 3, "no finished environment", "the tool that keeps")
    a_folder(world, world.root)
    refusal(call(world, "run", "--", "true"), 3, "a folder that envctl did not make")
    [found] = world.findings("--only", "environment")
    assert found["code"] == "environment-missing"
    assert "managed" in found["advice"]


def test_verify_compares_what_it_can(world: World) -> None:
    unmanaged(world)
    filled(world)
    assert world.codes("--only", "environment", code=0) == []
    install(world, "zz-made-lib==1.0", "zz-made-plot")
    [site] = (world.root / ".venv").glob("lib/python3*/site-packages")
    module = site / "zz_made_test" / "__init__.py"
    text = module.read_text()
    module.unlink()
    module.write_text(text + "edited = 1\n")
    found = world.findings("--only", "environment")
    assert sorted((each["code"], each["subject"].rpartition("/")[2]) for each in found) == [
        ("file-modified", "__init__.py"),
        ("package-extra", "zz-made-plot"),
        ("package-version", "zz-made-lib"),
    ]
    assert all(each["fix"] is None and "managed = false" in each["advice"] for each in found)


def test_one_of_ours_is_ours_still(world: World) -> None:
    assert call(world, "sync").code == 0
    unmanaged(world)
    assert call(world, "run", "--", "python", "-c", "import zz_made_app").code == 0
    assert world.codes("--only", "environment", code=0) == []
    assert os.path.lexists(world.root / ".venv")
