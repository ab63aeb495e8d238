"""The wheels of a hermetic image, fetched from a real index over HTTP into a project's folder."""

import hashlib
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest

from envctl.adapters.index.fetch import fetcher
from envctl.adapters.process import run
from envctl.adapters.shelves import WheelShelves
from envctl.domain.image.bundle import Bundled
from envctl.domain.indexes.fetching import Fetch
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.manifest import Index
from envctl.errors import HashMismatchError, IndexFailure, ProjectError
from tests.index import wheels as made
from tests.index.server import LocalIndex

FOLDER = ".envctl/image/cpu"
ONE = made.Wheel("zz-made-one", "1.0")
TWO = made.Wheel("zz-made-two", "2.0+local")


@pytest.fixture
def index() -> Iterator[LocalIndex]:
    with LocalIndex(mode="json") as served:
        served.add(ONE, TWO)
        yield served


def _wheels(index: LocalIndex) -> list[Bundled]:
    return [
        Bundled(
            shelf="light",
            name=wheel.filename,
            sha256=hashlib.sha256(made.build(wheel)[1]).hexdigest(),
            url=f"{index.origin}{index.files(wheel.project)[0].path}",
            size=len(made.build(wheel)[1]),
        )
        for wheel in (ONE, TWO)
    ]


def _shelves(root: Path, index: LocalIndex, mirrors: dict[str, str] | None = None) -> WheelShelves:
    canonical = Index(name="team", url="https://index.example/simple")
    transport = Transport(indexes=(canonical,), mirrors=mirrors or {})
    environ = {"HOME": str(root), "NO_PROXY": "127.0.0.1"}

    def locate(name: str) -> str:
        return f"{index.origin}{index.files(name.partition('-')[0].replace('_', '-'))[0].path}"

    return WheelShelves(root, fetcher(run, environ, lambda: transport), locate)


def _wanted(wheels: list[Bundled]) -> dict[str, str]:
    return {f"{FOLDER}/{wheel.path}": wheel.sha256 for wheel in wheels}


def test_fetched_once_checked_always(tmp_path: Path, index: LocalIndex) -> None:
    shelves, wheels = _shelves(tmp_path, index), _wheels(index)
    heard: list[Fetch] = []
    assert set(shelves.amiss(_wanted(wheels)).values()) == {"missing"}
    assert shelves.fetch(FOLDER, wheels, heard.append) == tuple(wheel.name for wheel in wheels)
    assert sorted((each.name, each.done) for each in heard) == [
        (wheel.name, done) for wheel in wheels for done in (False, True)
    ]
    assert shelves.amiss(_wanted(wheels)) == {}
    index.forget_requests()
    assert shelves.fetch(FOLDER, wheels) == ()
    assert index.requests == []
    first = tmp_path / FOLDER / wheels[0].path
    first.write_bytes(first.read_bytes() + b"x")
    assert shelves.amiss(_wanted(wheels)) == {f"{FOLDER}/{wheels[0].path}": "altered"}
    assert shelves.fetch(FOLDER, wheels) == (wheels[0].name,)
    assert shelves.amiss(_wanted(wheels)) == {}


def test_git_looks_away_before_the_first_file_comes(tmp_path: Path, index: LocalIndex) -> None:
    """Whatever ends the command then, and however."""
    shelves, wheels = _shelves(tmp_path, index), _wheels(index)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    partial = tmp_path / FOLDER / "wheels/light/.x.whl.envctl-0123456789ab"
    seen: list[str] = []

    def look(_: Fetch) -> None:
        partial.write_text("half")
        argv = ["git", "status", "--porcelain", "--untracked-files=all"]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
        seen.append(done.stdout)

    shelves.fetch(FOLDER, wheels, look)
    assert set(seen) == {f"?? {FOLDER}/wheels/.gitignore\n"}


def test_who_is_interrupted_does_not_wait_for_gigabytes(tmp_path: Path, index: LocalIndex) -> None:
    written = []

    def endless(_url: str, file: BinaryIO) -> None:
        for number in range(2000):
            file.write(b"x" * 1000)
            written.append(number)
            if number == 3:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            time.sleep(0.01)

    shelves = WheelShelves(tmp_path, endless, lambda name: name)
    with pytest.raises(KeyboardInterrupt):
        shelves.fetch(FOLDER, _wheels(index)[:1])
    assert len(written) < 2000
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".gitignore"]


def test_another_file_than_the_lock_means_is_not_kept(tmp_path: Path, index: LocalIndex) -> None:
    shelves, (one, two) = _shelves(tmp_path, index), _wheels(index)
    with pytest.raises(HashMismatchError) as caught:
        shelves.fetch(FOLDER, [replace(one, sha256="0" * 64)])
    assert one.name in caught.value.message
    with pytest.raises(IndexFailure):
        shelves.fetch(FOLDER, [replace(two, url=f"{index.origin}/files/not/there.whl")])
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".gitignore"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y.whl", "/etc/passwd"])
def test_only_http_is_fetched(tmp_path: Path, index: LocalIndex, url: str) -> None:
    with pytest.raises(IndexFailure, match="http"):
        _shelves(tmp_path, index).fetch(FOLDER, [replace(_wheels(index)[0], url=url)])


def test_a_mirror_serves_the_file(tmp_path: Path, index: LocalIndex) -> None:
    (one, _) = _wheels(index)
    away = replace(one, url=f"https://index.example/files/{one.name}")
    mirrors = {"https://index.example/simple": index.url}
    assert _shelves(tmp_path, index, mirrors).fetch(FOLDER, [away]) == (one.name,)


def test_the_installer_is_found_by_its_name(tmp_path: Path, index: LocalIndex) -> None:
    named = replace(_wheels(index)[0], url=None, shelf="uv")
    assert _shelves(tmp_path, index).fetch(FOLDER, [named]) == (named.name,)
    assert (tmp_path / FOLDER / "wheels/uv" / named.name).is_file()


@pytest.mark.parametrize(
    "step", [".envctl", ".envctl/image", f"{FOLDER}/wheels", f"{FOLDER}/wheels/light"]
)
def test_a_link_in_the_repository_leads_nowhere(
    tmp_path: Path, index: LocalIndex, step: str
) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    (outside / "mine.whl").touch()
    (root / step).parent.mkdir(parents=True)
    (root / step).symlink_to(outside)
    shelves = _shelves(root, index)
    with pytest.raises(ProjectError, match="link"):
        shelves.fetch(FOLDER, _wheels(index))
    with pytest.raises(ProjectError, match="link"):
        shelves.keep(FOLDER, ())
    assert [path.name for path in outside.iterdir()] == ["mine.whl"]


def test_a_link_in_a_wheel_s_place_is_replaced(tmp_path: Path, index: LocalIndex) -> None:
    shelves, (one, _) = _shelves(tmp_path, index), _wheels(index)
    real = tmp_path / "elsewhere.whl"
    real.write_bytes(made.build(ONE)[1])
    place = tmp_path / FOLDER / one.path
    place.parent.mkdir(parents=True)
    place.symlink_to(real)
    assert shelves.amiss(_wanted([one])) == {f"{FOLDER}/{one.path}": "altered"}
    assert shelves.fetch(FOLDER, [one]) == (one.name,)
    assert not place.is_symlink()
    assert real.read_bytes() == made.build(ONE)[1]


def test_what_no_build_reads_any_more_goes(tmp_path: Path, index: LocalIndex) -> None:
    shelves, wheels = _shelves(tmp_path, index), _wheels(index)
    shelves.fetch(FOLDER, wheels)
    shelf = tmp_path / FOLDER / "wheels/light"
    (shelf / "SHA256SUMS").touch()
    (shelf / "notes.txt").touch()
    (shelf / f".{wheels[0].name}.envctl-0123456789ab").touch()  # of a killed command
    (shelf / "folder.whl").mkdir()
    assert shelves.keep(FOLDER, {wheels[0].path}) == (wheels[1].name,)
    kept = {"SHA256SUMS", "notes.txt", "folder.whl", wheels[0].name}
    assert {entry.name for entry in shelf.iterdir()} == kept
    # Nothing is read any more: what somebody else has put there stays, and the folder with it.
    assert shelves.keep(FOLDER, ()) == (wheels[0].name,)
    assert {entry.name for entry in shelf.iterdir()} == {"notes.txt", "folder.whl"}
    (shelf / "notes.txt").unlink()
    (shelf / "folder.whl").rmdir()
    (shelf.parent / ".gitignore").touch()
    assert shelves.keep(FOLDER, ()) == ()
    assert not shelf.parent.exists()
    assert shelves.keep(FOLDER, ()) == ()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, index: LocalIndex) -> None:
    def full(_url: str, file: object) -> None:
        raise OSError(28, "No space left on device")

    shelves = WheelShelves(tmp_path, full, str)
    with pytest.raises(ProjectError, match="no space left"):
        shelves.fetch(FOLDER, _wheels(index))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".gitignore"]
