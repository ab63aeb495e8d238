"""uv hard-links files from its cache: an edit in one environment is an edit in all of them, and in the cache.

The index answers as the public one does: entity tags, files that are never to change. There the repairs that come to
mind first put the changed bytes back. Three projects share one cache.
"""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from zipfile import ZipFile

import pytest
from uv import find_uv_bin

from tests.index.server import LocalIndex
from tests.index.wheels import Wheel, write
from tests.integration.world import STOCK, World

LIB = Path("zz_made_lib") / "__init__.py"
ENVIRONMENT = ("--only", "environment")
DATA = bytes(range(256)) * 8192
STOCKED = (*STOCK, Wheel("zz-made-data", "1.0", files={"zz_made_data/big.bin": DATA}))


class Team:
    """Three projects beside one index and one cache of uv."""

    def __init__(self, folder: Path, index: LocalIndex) -> None:
        self.folder = folder
        self.index = index
        self.cache = folder / "uv cache"
        first = self.project("a")
        first.write("pyproject.toml", first.manifest().replace('"zz-made-app<2"', '"zz-made-data"'))
        first.edit("pyproject.toml", '"zz-made-data",', '"zz-made-data", "zz-made-app<2",')
        first.envctl("lock")
        first.envctl("sync")
        self.all = (first, self.another("b"), self.another("c"))

    def project(self, name: str) -> World:
        root = self.folder / name
        root.mkdir()
        environ = {
            "UV_CACHE_DIR": str(self.cache),
            "NO_PROXY": "127.0.0.1",
            "HOME": str(self.folder / "home"),
        }
        return World(root=root, index=self.index, environ=environ)

    def another(self, name: str, *, sync: bool = True) -> World:
        """Make one more project of the same manifest and lock."""
        made = self.project(name)
        for file in ("pyproject.toml", "pylock.toml"):
            shutil.copy(self.folder / "a" / file, made.root / file)
        if sync:
            made.envctl("sync")
        return made

    def cached(self, name: Path) -> Path:
        """Return a file in uv's cache."""
        [path] = self.cache.glob(f"archive-v0/*/{name}")
        return path


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with LocalIndex(mode="json") as index:
        index.add(*STOCKED)
        yield Team(tmp_path, index)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"# debugging\n")


def flip(path: Path) -> None:
    """Change one byte in place."""
    with path.open("r+b") as file:
        file.seek(3)
        file.write(b"#")


def test_the_files_are_shared(team: Team) -> None:
    inodes = {(each.site / LIB).stat().st_ino for each in team.all}
    assert inodes == {team.cached(LIB).stat().st_ino}


@pytest.mark.parametrize(
    "options",
    [
        ("--reinstall-package", "zz-made-lib"),
        ("--refresh-package", "zz-made-lib", "--reinstall-package", "zz-made-lib"),
        ("--link-mode", "copy", "--reinstall-package", "zz-made-lib"),
    ],
    ids=["reinstall", "refresh", "copy"],
)
def test_what_comes_to_mind_first_puts_the_changed_bytes_back(
    team: Team, options: tuple[str, ...]
) -> None:
    """If this fails, uv has learned to look: then `sync --repair` may do less."""
    first, _, third = team.all
    append(first.site / LIB)
    sync = [find_uv_bin(), "pip", "sync", "--preview-features", "pylock", "pylock.toml"]
    for project in (first, third):
        project.run([*sync, "--python", str(project.python), *options])
        assert b"debugging" in (project.site / LIB).read_bytes()


@pytest.mark.parametrize("edit", [append, flip])
@pytest.mark.parametrize("place", ["an environment", "the cache"])
def test_one_repair_mends_them_all(team: Team, place: str, edit: Callable[[Path], None]) -> None:
    first, second, third = team.all
    right, before = (first.site / LIB).read_bytes(), (third.site / LIB).stat()
    edit(first.site / LIB if place == "an environment" else team.cached(LIB))
    fixes = set()
    for each in team.all:
        [finding] = each.findings(*ENVIRONMENT)
        assert finding["code"] == "file-modified"
        assert "other environments share it" in finding["message"]
        fixes.add(finding["fix"])
    assert fixes == {"envctl sync --repair"}
    done = second.envctl(*shlex.split(fixes.pop())[1:])
    assert "put right in every environment that shares them: 1 file" in done.stderr
    for each in team.all:
        assert each.codes(*ENVIRONMENT, code=0) == []
        assert each.codes(*ENVIRONMENT, "--full", code=0) == []
        assert (each.site / LIB).read_bytes() == right
        assert "is in sync" in each.envctl("sync").stderr
    after = (third.site / LIB).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert team.cached(LIB).read_bytes() == right
    last = team.another("d")
    assert last.codes(*ENVIRONMENT, "--full", code=0) == []


def test_an_edit_that_hides_is_found_by_every_byte_and_mended(team: Team) -> None:
    big = Path("zz_made_data") / "big.bin"
    first, _, third = team.all
    before = (first.site / big).stat()
    flip(first.site / big)
    os.utime(first.site / big, ns=(before.st_atime_ns, before.st_mtime_ns))
    for each in team.all:
        assert each.codes(*ENVIRONMENT, code=0) == []
        assert each.codes(*ENVIRONMENT, "--full", code=1) == ["file-modified"]
    third.envctl("sync", "--repair")
    for each in team.all:
        assert each.codes(*ENVIRONMENT, "--full", code=0) == []
        assert (each.site / big).read_bytes() == DATA
    assert team.cached(big).read_bytes() == DATA


def test_an_editor_that_replaces_the_file_changes_one_environment(team: Team) -> None:
    first, second, third = team.all
    content = (first.site / LIB).read_bytes()
    (first.site / LIB).unlink()
    (first.site / LIB).write_bytes(content + b"# mine\n")
    inode = (second.site / LIB).stat().st_ino
    assert first.codes(*ENVIRONMENT, code=1) == ["file-modified"]
    assert second.codes(*ENVIRONMENT, code=0) == third.codes(*ENVIRONMENT, code=0) == []
    team.index.forget_requests()
    first.envctl("sync", "--repair")
    assert team.index.downloads == []  # the cache is as it should be
    assert first.codes(*ENVIRONMENT, "--full", code=0) == []
    assert (first.site / LIB).stat().st_ino == inode == (second.site / LIB).stat().st_ino


def test_a_deleted_file_changes_one_environment(team: Team) -> None:
    first, second, _ = team.all
    (first.site / LIB).unlink()
    assert first.codes(*ENVIRONMENT, code=1) == ["file-missing"]
    assert second.codes(*ENVIRONMENT, code=0) == []
    first.envctl("sync", "--repair")
    assert first.codes(*ENVIRONMENT, "--full", code=0) == []


def test_where_one_repair_cannot_reach_each_project_has_its_own(team: Team) -> None:
    """The file is no more the one that the others share, though it was when it was edited."""
    first, second, third = team.all
    append(first.site / LIB)
    content = (first.site / LIB).read_bytes()
    (first.site / LIB).unlink()
    (first.site / LIB).write_bytes(content)
    first.envctl("sync", "--repair")
    assert first.codes(*ENVIRONMENT, "--full", code=0) == []
    assert second.codes(*ENVIRONMENT, code=1) == third.codes(*ENVIRONMENT, code=1)
    third.envctl("sync", "--repair")
    for each in team.all:
        assert each.codes(*ENVIRONMENT, "--full", code=0) == []


def test_a_repair_that_is_killed_is_repeated(team: Team) -> None:
    """At moments spread over its whole life; each environment is as it was installed, or says that it is not."""
    big = Path("zz_made_data") / "big.bin"
    argv = [sys.executable, "-m", "envctl", "sync", "--repair"]
    started = time.monotonic()
    team.all[0].envctl("sync", "--repair")
    whole = 3 * (time.monotonic() - started)  # with something to repair it takes longer
    for step in range(4):
        used = team.all[step % 2]  # at least the third shares its file
        (used.site / big).write_bytes(bytes(len(DATA) + step))
        process = subprocess.Popen(
            argv,
            cwd=used.root,
            env={**os.environ, **used.environ},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(whole * (step + 1) / 4.5)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for each in team.all:
            right = (each.site / big).read_bytes() == DATA
            assert each.codes(*ENVIRONMENT) == ([] if right else ["file-modified"])
        used.envctl("sync", "--repair")
        for each in team.all:
            assert each.codes(*ENVIRONMENT, "--full", code=0) == []
            assert (each.site / big).read_bytes() == DATA
        if step % 2:
            for each in team.all:  # all share the cache's file again
                each.envctl("sync", "--recreate")


# A fresh environment from a cache that somebody wrote to


def in_place(team: Team) -> None:
    append(team.all[0].site / LIB)


def replaced(team: Team) -> None:
    path = team.cached(LIB)
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content + b"# debugging\n")


def gone(team: Team) -> None:
    team.cached(LIB).unlink()


def added(team: Team) -> None:
    team.cached(LIB).with_name("hack.py").write_text("x = 1\n")


def added_at_the_top(team: Team) -> None:
    team.cached(LIB).parents[1].joinpath("sitecustomize.py").write_text("print('debugging')\n")


@pytest.mark.parametrize("spoil", [in_place, replaced, gone, added, added_at_the_top])
def test_a_new_environment_takes_nothing_changed_from_the_cache(
    team: Team, spoil: Callable[[Team], None]
) -> None:
    last = team.another("d", sync=False)
    right = (team.all[0].site / LIB).read_bytes()
    spoil(team)
    done = last.envctl("sync")
    assert done.stderr.count("zz-made-lib were changed in uv's cache: they are fetched anew") == 1
    assert (last.site / LIB).read_bytes() == right
    assert last.codes(*ENVIRONMENT, "--full", code=0) == []
    assert not (last.site / "sitecustomize.py").exists()
    assert not (last.site / LIB).with_name("hack.py").exists()
    # Whoever edits in his own environment on purpose is left alone by a `sync` elsewhere.
    assert (team.all[0].site / LIB).read_bytes().endswith(b"# debugging\n") is (spoil is in_place)
    again = team.another("e", sync=False)
    assert "fetched anew" not in again.envctl("sync").stderr


def test_without_the_index_a_changed_cache_is_an_error_not_an_environment(team: Team) -> None:
    last = team.another("d", sync=False)
    in_place(team)
    team.index.fault = "down"
    done = last.envctl("sync", code=3, env={"UV_HTTP_RETRIES": "0"})
    assert "were changed in uv's cache" in done.stderr
    assert not (last.root / ".venv").is_symlink()
    team.index.fault = None
    last.envctl("sync")
    assert last.codes(*ENVIRONMENT, "--full", code=0) == []


# Wheels that are wrong by themselves: a RECORD with another hash, a file too many, a file too few


def odd_wheel(folder: Path) -> Path:
    """Make a wheel as some are on the public index; its own hash, in the lock, is right."""
    path = write(Wheel("zz-made-odd", "1.0", files={"zz_made_odd.py": "x = 1\n"}), folder)
    record = "zz_made_odd-1.0.dist-info/RECORD"
    with ZipFile(path) as old:
        entries = {name: old.read(name) for name in old.namelist()}
    rows = entries.pop(record).decode().replace("zz_made_odd.py,sha256=", "zz_made_odd.py,sha256=A")
    entries["zz_made_more.py"] = b"y = 1\n"
    entries[record] = f"{rows}zz_made_less.py,sha256={'A' * 43},3\n".encode()
    with ZipFile(path, "w") as new:
        for name, content in entries.items():
            new.writestr(name, content)
    return path


def test_a_wheel_that_is_wrong_by_itself_is_not_fetched_again_and_again(
    team: Team, tmp_path: Path
) -> None:
    first, second, _ = team.all
    odd_wheel(tmp_path / "odd")
    team.index.serve_folder(tmp_path / "odd")
    first.edit("pyproject.toml", '"zz-made-data",', '"zz-made-data", "zz-made-odd",')
    first.envctl("lock")
    assert "fetched anew" not in first.envctl("sync").stderr
    assert first.codes(*ENVIRONMENT, code=0) == []
    if first.codes(*ENVIRONMENT, "--full"):  # nobody can tell yet whose fault it is
        first.envctl("sync", "--repair")
    assert first.codes(*ENVIRONMENT, "--full", code=0) == []
    shutil.copy(first.root / "pyproject.toml", second.root)
    shutil.copy(first.root / "pylock.toml", second.root)
    team.index.forget_requests()
    assert "fetched anew" not in second.envctl("sync").stderr
    assert team.index.downloads == []
    assert second.codes(*ENVIRONMENT, "--full", code=0) == []
    # What is done to it later is found all the same.
    append(second.site / "zz_made_odd.py")
    assert second.codes(*ENVIRONMENT, code=1) == ["file-modified"]
    first.envctl("sync", "--repair")
    assert second.codes(*ENVIRONMENT, "--full") == []
