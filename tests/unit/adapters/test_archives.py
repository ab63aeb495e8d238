"""An sdist is a stranger's file: nothing of it lands outside, and a hostile one is an error, not a crash."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envctl.adapters import archives
from envctl.errors import IndexFailure, ProjectError
from tests.index.wheels import Wheel, sdist

Spec = tuple[str, bytes | None, Callable[[tarfile.TarInfo], None]]


def plain(_info: tarfile.TarInfo) -> None:
    """Change nothing."""


def link(kind: bytes, target: str) -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname = kind, target

    return change


def of_type(kind: bytes) -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        info.type = kind

    return change


def tar(path: Path, *specs: Spec) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for name, content, change in specs:
            info = tarfile.TarInfo(name)
            info.size = len(content or b"")
            change(info)
            archive.addfile(info, io.BytesIO(content) if content is not None else None)
    return path


def listing(path: Path) -> list[str]:
    with archives.members(path) as found:
        return [str(member.path) for member in found]


def test_an_ordinary_sdist_is_listed_and_unpacked(tmp_path: Path) -> None:
    name, content = sdist(Wheel("zz-made-lib", "1.0"))
    (tmp_path / name).write_bytes(content)
    names = listing(tmp_path / name)
    assert "pyproject.toml" in names
    out = tmp_path / "out"
    out.mkdir()
    archives.unpack(tmp_path / name, out)
    assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) == sorted(
        names
    )
    assert "build-backend" in (out / "pyproject.toml").read_text()


def test_a_zip_is_taken_too(tmp_path: Path) -> None:
    path = tmp_path / "zz-1.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("zz-1/", "")
        archive.writestr("zz-1/setup.py", "x = 1\n")
    out = tmp_path / "out"
    out.mkdir()
    archives.unpack(path, out)
    assert (out / "setup.py").read_text() == "x = 1\n"


def test_only_the_executable_bit_of_a_mode_is_kept(tmp_path: Path) -> None:
    def mode(value: int) -> Callable[[tarfile.TarInfo], None]:
        def change(info: tarfile.TarInfo) -> None:
            info.mode = value

        return change

    path = tar(tmp_path / "a.tar.gz", ("a/run", b"x", mode(0o4777)), ("a/text", b"x", mode(0o000)))
    out = tmp_path / "out"
    out.mkdir()
    archives.unpack(path, out)
    assert oct((out / "run").stat().st_mode & 0o7777) == "0o755"
    assert oct((out / "text").stat().st_mode & 0o7777) == "0o644"


def test_a_link_inside_becomes_a_copy(tmp_path: Path) -> None:
    path = tar(
        tmp_path / "a.tar.gz",
        ("a/LICENSE", b"free\n", plain),
        ("a/pkg/LICENSE", None, link(tarfile.SYMTYPE, "../LICENSE")),
        ("a/hard", None, link(tarfile.LNKTYPE, "a/LICENSE")),
    )
    out = tmp_path / "out"
    out.mkdir()
    archives.unpack(path, out)
    for name in ("pkg/LICENSE", "hard"):
        assert (out / name).read_text() == "free\n"
        assert not (out / name).is_symlink()


HOSTILE: dict[str, list[Spec]] = {
    "absolute": [("/tmp/zz-evil", b"x", plain)],
    "upwards": [("a/../../evil", b"x", plain)],
    "upwards at once": [("../evil", b"x", plain)],
    "backslashes": [("a/..\\..\\evil", b"x", plain)],
    "drive": [("a/b", b"x", plain), ("C:/evil", b"x", plain)],
    "link out": [("a/l", None, link(tarfile.SYMTYPE, "/etc/passwd"))],
    "link up": [("a/l", None, link(tarfile.SYMTYPE, "../../../etc/passwd"))],
    "hard link out": [("a/l", None, link(tarfile.LNKTYPE, "/etc/passwd"))],
    "link to itself": [("a/l", None, link(tarfile.SYMTYPE, "l"))],
    "through a link": [
        ("a/d", None, link(tarfile.SYMTYPE, "/tmp")),
        ("a/d/evil", b"x", plain),
    ],
    "device": [("a/null", None, of_type(tarfile.CHRTYPE))],
    "fifo": [("a/pipe", None, of_type(tarfile.FIFOTYPE))],
    "two tops": [("a/x", b"x", plain), ("b/x", b"x", plain)],
    "no top": [("setup.py", b"x", plain)],
    "twice": [("a/x", b"1", plain), ("a/x", b"2", plain)],
    "file and folder": [("a/x", b"1", plain), ("a/x/y", b"2", plain)],
    "long name": [("a/" + "x" * 300, b"1", plain)],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_and_writes_nothing_outside(tmp_path: Path, case: str) -> None:
    path = tar(tmp_path / "hostile.tar.gz", *HOSTILE[case])
    out = tmp_path / "in" / "out"
    out.mkdir(parents=True)
    with pytest.raises(IndexFailure, match="hostile"):
        archives.unpack(path, out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hostile.tar.gz", "in"]
    assert [p.name for p in (tmp_path / "in").iterdir()] == ["out"]
    assert not Path("/tmp/zz-evil").exists()
    assert not any(p.is_symlink() for p in out.rglob("*"))


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("a/l")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(IndexFailure, match="is a link"):
        listing(path)


def test_what_unpacks_too_large_is_refused_before_it_is_written(tmp_path: Path) -> None:
    """A header promises 8 GiB; the archive itself is small."""
    info = tarfile.TarInfo("a/big")
    info.size = 8 << 30
    (tmp_path / "hostile.tar.gz").write_bytes(gzip.compress(info.tobuf() + b"\0" * 10240))
    with pytest.raises(IndexFailure, match="too large"):
        listing(tmp_path / "hostile.tar.gz")


def test_links_cannot_multiply_a_file_beyond_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_LARGEST", 1 << 20)
    links = [(f"a/{n}", None, link(tarfile.SYMTYPE, "x")) for n in range(9)]
    path = tar(tmp_path / "hostile.tar.gz", ("a/x", bytes(200_000), plain), *links)
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(IndexFailure, match="too large"):
        archives.unpack(path, out)
    assert sum(p.stat().st_size for p in out.rglob("*") if p.is_file()) <= 1 << 20


def test_a_header_of_gigabytes_is_not_read_into_memory(tmp_path: Path) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 7 << 30
    (tmp_path / "hostile.tar.gz").write_bytes(gzip.compress(info.tobuf() + b"\0" * 10240))
    with pytest.raises(IndexFailure, match="header"):
        listing(tmp_path / "hostile.tar.gz")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_archive_is_an_error_and_no_crash(tmp_path: Path, data: st.DataObject) -> None:
    """Flip, cut or insert bytes, in the packed file and in the tar within."""
    _, content = sdist(Wheel("zz-made-lib", "1.0"))
    inside = data.draw(st.booleans())
    raw = bytearray(gzip.decompress(content) if inside else content)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, min(len(raw) - 1, 4096)))
        raw[position : position + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    raw = raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw
    path = tmp_path / "damaged.tar.gz"
    path.write_bytes(gzip.compress(raw, 1) if inside else bytes(raw))
    names = []
    with suppress(IndexFailure):  # any other exception is the crash that this test looks for
        names = listing(path)
    assert all(".." not in name.split("/") and not name.startswith("/") for name in names)


def test_a_full_disk_is_not_the_archive_s_fault() -> None:
    with pytest.raises(ProjectError):
        archives._append(Path("/dev/full"), b"x")
