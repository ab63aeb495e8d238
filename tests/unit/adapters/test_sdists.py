"""Sdists by hash: fetched once, checked each time."""

import hashlib
from pathlib import Path
from typing import BinaryIO

import pytest
from packaging.pylock import PackageSdist

from envctl.adapters.sdists import SdistFolder
from envctl.errors import HashMismatchError, IndexFailure, LockError
from tests.index.wheels import Wheel, sdist

NAME, CONTENT = sdist(Wheel("zz-made-lib", "1.0"))
SHA256 = hashlib.sha256(CONTENT).hexdigest()
URL = f"https://index.example/{NAME}"


class Server:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[str] = []

    def __call__(self, url: str, file: BinaryIO) -> None:
        self.asked.append(url)
        file.write(self.content)


def entry(url: str = URL, **hashes: str) -> PackageSdist:
    return PackageSdist(name=NAME, url=url, hashes=hashes or {"sha256": SHA256})


def test_it_is_fetched_once_and_read_without_being_run(tmp_path: Path) -> None:
    server = Server(CONTENT)
    for _ in range(2):
        tree = SdistFolder(tmp_path / "cache", server).tree(entry())
        assert "in_tree/backend.py" in tree.members
        assert tree.build_system("x").backend_path == ("in_tree",)
    assert server.asked == [URL]


def test_a_damaged_copy_is_fetched_anew(tmp_path: Path) -> None:
    server = Server(CONTENT)
    folder = SdistFolder(tmp_path, server)
    folder.file(entry()).write_bytes(b"damaged")
    assert folder.file(entry()).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_another_file_than_the_locked_one_is_refused_and_not_kept(tmp_path: Path) -> None:
    folder = SdistFolder(tmp_path, Server(CONTENT + b"!"))
    with pytest.raises(HashMismatchError, match="zz_made_lib"):
        folder.file(entry())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_fetch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails(_url: str, file: BinaryIO) -> None:
        file.write(b"half")
        raise IndexFailure("down", where=URL, hint="later")

    with pytest.raises(IndexFailure):
        SdistFolder(tmp_path, fails).file(entry())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_file_address_is_read_from_disk(tmp_path: Path) -> None:
    source = tmp_path / "a folder" / NAME
    source.parent.mkdir()
    source.write_bytes(CONTENT)
    server = Server(b"")
    found = SdistFolder(tmp_path / "cache", server).file(entry(source.as_uri()))
    assert found.read_bytes() == CONTENT
    assert server.asked == []


def test_another_hash_does_too(tmp_path: Path) -> None:
    sha512 = hashlib.sha512(CONTENT).hexdigest()
    found = SdistFolder(tmp_path, Server(CONTENT)).file(entry(sha512=sha512))
    assert found.read_bytes() == CONTENT


@pytest.mark.parametrize("hashes", [{"md5": "0" * 32}, {"sha256": "../../etc"}, {"sha256": ""}])
def test_without_a_hash_to_check_nothing_is_fetched(tmp_path: Path, hashes: dict[str, str]) -> None:
    server = Server(CONTENT)
    with pytest.raises(LockError):
        SdistFolder(tmp_path, server).file(entry(**hashes))
    assert server.asked == []


@pytest.mark.parametrize("name", ["../../evil.tar.gz", "/evil.tar.gz", "..", "a" * 400 + ".tar.gz"])
def test_a_hostile_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    hostile = PackageSdist(name=name, url=URL, hashes={"sha256": SHA256})
    found = SdistFolder(tmp_path / "cache", Server(CONTENT)).file(hostile)
    assert found.parent == tmp_path / "cache" / SHA256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache"]
