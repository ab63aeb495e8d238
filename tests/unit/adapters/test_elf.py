"""What a shared object needs, as the compiler of this machine wrote it; and whatever else a file may hold."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envctl.adapters import elf
from envctl.domain.image.contents import Needs
from tests.shared_object import shared_object


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return shared_object(
        tmp_path_factory.mktemp("elf"),
        "x.so",
        needs=("libGL.so.1", "libodd name.so"),
        runpath="$ORIGIN/../x.libs:/opt/lib",
        soname="libx.so.3",
    )


def test_what_the_linker_wrote_is_read(made: bytes) -> None:
    found = elf.needs(io.BytesIO(made))
    assert found is not None
    assert (found.needed, found.name) == (("libGL.so.1", "libodd name.so"), "libx.so.3")
    assert found.paths == ("$ORIGIN/../x.libs", "/opt/lib")


def test_it_says_what_binutils_say() -> None:
    readelf = shutil.which("readelf")
    library = next(Path("/usr/lib").glob("*-linux-gnu/libstdc++.so.6"), None)
    assert readelf, "binutils come with the compiler"
    assert library
    printed = subprocess.run(
        [readelf, "--dynamic", str(library)], capture_output=True, text=True, check=True
    ).stdout
    needed = [line.split("[")[1][:-1] for line in printed.splitlines() if "(NEEDED)" in line]
    with library.open("rb") as file:
        found = elf.needs(file)
    assert found is not None
    assert [*found.needed] == needed
    assert found.name == "libstdc++.so.6"


def test_what_is_no_shared_object_is_nothing() -> None:
    for content in (b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF" + b"\xff" * 200, b"PK\3\4" * 40):
        assert elf.needs(io.BytesIO(content)) is None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=12),
    st.integers(0, 4000),
)
def test_a_damaged_one_does_no_harm(made: bytes, changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(made)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    found = elf.needs(io.BytesIO(bytes(damaged)[: len(damaged) - cut]))
    assert found is None or isinstance(found, Needs)
