"""Wheels and sdists are valid, say what was asked for, and are always the same bytes."""

import base64
import csv
import hashlib
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import Metadata
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from tests.index.wheels import Wheel, build, metadata, sdist, write

FULL = Wheel(
    "Zz.Made_Full",
    "1.2.0-rc.1",
    requires=["zz-made-base>=1", 'zz-made-win ; sys_platform == "win32"'],
    requires_python=">=3.9",
    tags=["cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64"],
    files={"zz_made/__init__.py": "ONE = 1\n", "zz_made/data, with comma.bin": b"\x00\xff"},
    entry_points={"zz-made": "zz_made:main"},
    extras={"Big_Data": ["zz-made-big", 'zz-made-old ; python_version < "3.10"']},
)


def contents(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def parsed(wheel: Wheel) -> Metadata:
    return Metadata.from_email(metadata(wheel), validate=True)


def record_faults(data: bytes) -> list[str]:
    """Name the files that RECORD does not describe rightly, or not at all."""
    files = contents(data)
    record = next(name for name in files if name.endswith(".dist-info/RECORD"))
    rows = {row[0]: row[1:] for row in csv.reader(files[record].decode().splitlines())}
    assert rows.pop(record) == ["", ""]
    assert rows.keys() == files.keys() - {record}
    return [
        name
        for name, (digest, size) in rows.items()
        if digest != f"sha256={record_hash(files[name])}" or size != str(len(files[name]))
    ]


def record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def test_file_names_are_normalized() -> None:
    filename, _ = build(FULL)
    assert filename == (
        "zz_made_full-1.2.0rc1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    )
    name, version, _, tags = parse_wheel_filename(filename)
    assert (name, str(version), len(tags)) == ("zz-made-full", "1.2.0rc1", 2)
    assert parse_sdist_filename(FULL.sdist_filename) == (name, version)


def test_local_version_stays_in_the_file_name() -> None:
    wheel = Wheel("zz-made-torch", "2.14.0+cu126")
    filename, data = build(wheel)
    assert filename == "zz_made_torch-2.14.0+cu126-py3-none-any.whl"
    assert "zz_made_torch-2.14.0+cu126.dist-info/METADATA" in contents(data)
    assert str(parsed(wheel).version) == "2.14.0+cu126"


def test_metadata_says_what_was_asked_for() -> None:
    made = parsed(FULL)
    assert made.name == "Zz.Made_Full"
    assert str(made.requires_python) == ">=3.9"
    assert made.provides_extra == ["big-data"]
    assert [str(requirement) for requirement in made.requires_dist or []] == [
        "zz-made-base>=1",
        'zz-made-win; sys_platform == "win32"',
        'zz-made-big; extra == "big-data"',
        'zz-made-old; python_version < "3.10" and extra == "big-data"',
    ]


def test_alternatives_in_a_marker_stay_together_under_an_extra() -> None:
    either = 'zz-made-dep ; os_name == "nt" or os_name == "java"'
    (requirement,) = parsed(Wheel("zz-made", "1", extras={"x": [either]})).requires_dist or []
    assert requirement.marker is not None
    assert not requirement.marker.evaluate({"os_name": "nt", "extra": ""})
    assert requirement.marker.evaluate({"os_name": "nt", "extra": "x"})


def test_wheel_file_lists_the_tags() -> None:
    lines = contents(build(FULL)[1])[f"{FULL.dist_info}/WHEEL"].decode().splitlines()
    assert lines[-2:] == [f"Tag: {tag}" for tag in FULL.tags]
    assert "Root-Is-Purelib: false" in lines


def test_entry_points_are_console_scripts() -> None:
    text = contents(build(FULL)[1])[f"{FULL.dist_info}/entry_points.txt"]
    assert text == b"[console_scripts]\nzz-made = zz_made:main\n"


def test_default_package_knows_its_version(tmp_path: Path) -> None:
    path = write(Wheel("zz-made", "1.5"), tmp_path / "new")
    code = "import zz_made; zz_made.main()"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(path)!r}); {code}"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"zz-made 1.5\n"


@given(
    files=st.dictionaries(
        st.text("abc/, é", min_size=1).map(lambda name: f"zz/{name}"), st.binary(max_size=20)
    )
)
def test_record_describes_every_file(files: dict[str, bytes]) -> None:
    _, data = build(Wheel("zz-made", "1", files=files))
    assert record_faults(data) == []


def test_same_wheel_is_the_same_bytes_whatever_the_order_of_its_files() -> None:
    one = Wheel("zz-made", "1", files={"a.py": "1", "b.py": "2"})
    other = Wheel("zz-made", "1", files={"b.py": "2", "a.py": b"1"})
    assert build(one) == build(other)
    assert sdist(one) == sdist(other)


@pytest.mark.parametrize(
    "tags",
    [(), ("any",), ("cp311-cp311-linux_x86_64", "cp312-cp312-linux_x86_64")],
    ids=["none", "not a tag", "no product"],
)
def test_impossible_tags_are_refused(tags: Sequence[str]) -> None:
    with pytest.raises(ValueError, match="tag"):
        build(Wheel("zz-made", "1", tags=tags))


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
def test_sdist_builds_into_the_very_wheel_without_a_network(tmp_path: Path, static: bool) -> None:
    filename, data = sdist(FULL, static_metadata=static)
    source = tmp_path / filename
    source.write_bytes(data)
    options = ["--quiet", "--no-index", "--no-deps", "--no-cache-dir", "--isolated"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", str(tmp_path), str(source)]
    subprocess.run(command, check=True)
    name, wheel = build(FULL)
    assert (tmp_path / name).read_bytes() == wheel


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
def test_sdist_says_whether_its_dependencies_are_known(static: bool) -> None:
    _, data = sdist(FULL, static_metadata=static)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        file = archive.extractfile("zz_made_full-1.2.0rc1/PKG-INFO")
        assert file is not None
        made = Metadata.from_email(file.read(), validate=True)
    assert made.dynamic == (None if static else ["requires-dist", "provides-extra"])
    assert bool(made.requires_dist) == static
