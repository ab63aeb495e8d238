"""The bytes of an environment: what a look at it finds, by size and time and by every byte."""

import base64
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters.integrity import archives, inspection, mending, oddities, sealing, snapshot
from envctl.adapters.integrity.records import known, read
from envctl.disk import contents, forked, tree
from envctl.domain.environment import FileProblem, Stamp
from envctl.domain.environment.fingerprint import Recorded, fingerprint

SITE = "lib/python3.11/site-packages"
LIB = f"{SITE}/lib/__init__.py"
BIG = f"{SITE}/lib/data.bin"
RECORD = f"{SITE}/lib-1.0.dist-info/RECORD"
YEAR = 365 * 24 * 3600 * 10**9


def row(path: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(content)}"


def install(site: Path, name: str, files: dict[str, bytes], *, more: str = "") -> None:
    """Lay a package out as an installer does, unpacked long ago."""
    info = f"{name}-1.0.dist-info"
    files = {**files, f"{info}/METADATA": b"Name: x\n", f"{info}/WHEEL": b"Wheel-Version: 1.0\n"}
    for path, content in files.items():
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        os.utime(target, ns=(YEAR, YEAR))
    rows = [row(path, content) for path, content in files.items()]
    text = "\n".join([*rows, f"{info}/RECORD,,", more, ""])
    (site / info / "RECORD").write_text(text, encoding="utf-8")


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a finished environment of two packages."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    top = tmp_path / "environment"
    site = top / SITE
    content = bytes(range(256)) * 17000  # 4.3 MB: more than one process and block
    install(site, "lib", {"lib/__init__.py": b"x = 1\n", "lib/data.bin": content, "lib/empty": b""})
    install(site, "tool", {"tool.py": b"", "../../../bin/tool": b"#!/bin/sh\n"})
    (top / "bin" / "python").symlink_to("/usr/bin/python3")
    (top / "bin" / "activate").write_text("export A=1\n")
    (top / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert sealing.seal(top, None) == ()
    return top


def stamp(environment: Path, *, torn: bool = False) -> Stamp:
    seal = snapshot.sealed(environment)
    files = "sha256:torn" if torn else seal[1]
    return Stamp(
        slice_digest="", python="3.11", base="", packages={}, fingerprint=seal[0], files=files
    )


def look(environment: Path, made: Stamp, *, full: bool = False) -> dict[str, str]:
    found = inspection.inspect(environment, made, full=full)
    return {each.path: each.trouble for each in found.problems}


def put_back(path: Path, change: Callable[[Path], None]) -> None:
    """Change a file and set its time back; its size is the change's own business."""
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def flip_twice(path: Path) -> None:
    flip(path)
    flip(path)


def relink(path: Path, target: Path) -> None:
    path.unlink()
    path.symlink_to(target)


def create(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.touch()


def folder_for_file(path: Path) -> None:
    path.unlink()
    path.mkdir()


Spoil = Callable[[Path], object]
FOUND: dict[str, tuple[Spoil, dict[str, str]]] = {
    "nothing": (lambda _: None, {}),
    "grown": (lambda e: (e / LIB).write_bytes(b"x = 1\n#\n"), {LIB: "modified"}),
    "emptied": (lambda e: (e / LIB).write_bytes(b""), {LIB: "modified"}),
    "same size": (lambda e: flip(e / BIG), {BIG: "modified"}),
    "touched": (lambda e: (e / LIB).touch(), {}),
    "edited and restored": (lambda e: flip_twice(e / BIG), {}),
    "replaced by a copy": (lambda e: shutil.copy(shutil.move(e / LIB, e.parent), e / LIB), {}),
    "gone": (lambda e: (e / LIB).unlink(), {LIB: "missing"}),
    "an empty file gone": (
        lambda e: (e / SITE / "lib/empty").unlink(),
        {f"{SITE}/lib/empty": "missing"},
    ),
    "added to a package": (
        lambda e: (e / SITE / "lib" / "hack.py").touch(),
        {f"{SITE}/lib/hack.py": "added"},
    ),
    "added at the top": (
        lambda e: (e / SITE / "sitecustomize.py").touch(),
        {f"{SITE}/sitecustomize.py": "added"},
    ),
    "added beside the programs": (lambda e: (e / "bin" / "ls").touch(), {"bin/ls": "added"}),
    "added anywhere": (lambda e: (e / "notes").touch(), {"notes": "added"}),
    "a link added": (lambda e: (e / "notes").symlink_to("/"), {"notes": "added"}),
    "a pipe added": (lambda e: os.mkfifo(e / "notes"), {"notes": "added"}),
    "a script changed": (lambda e: flip(e / "bin" / "tool"), {"bin/tool": "modified"}),
    "the configuration changed": (
        lambda e: (e / "pyvenv.cfg").write_text("home = /tmp\n"),
        {"pyvenv.cfg": "modified"},
    ),
    "the configuration touched": (lambda e: (e / "pyvenv.cfg").touch(), {}),
    "another interpreter": (
        lambda e: relink(e / "bin" / "python", Path("/bin/python")),
        {"bin/python": "modified"},
    ),
    "a link for a file": (
        lambda e: relink(e / LIB, Path(shutil.copy2(e / LIB, e.parent))),
        {LIB: "modified"},
    ),
    "a folder for a file": (lambda e: folder_for_file(e / LIB), {LIB: "missing"}),
    "a RECORD rewritten": (
        lambda e: (e / RECORD).write_text((e / RECORD).read_text() + "more.py,,\n"),
        {RECORD: "record"},
    ),
    "a RECORD gone": (lambda e: (e / RECORD).unlink(), {RECORD: "missing"}),
    "another package": (
        lambda e: install(e / SITE, "stray", {"stray.py": b""}),
        {
            **{f"{SITE}/stray-1.0.dist-info/{n}": "added" for n in ("METADATA", "WHEEL", "RECORD")},
            f"{SITE}/stray.py": "added",
        },
    ),
    "another version's metadata": (
        lambda e: shutil.copytree(e / SITE / "lib-1.0.dist-info", e / SITE / "lib-0.9.dist-info"),
        {f"{SITE}/lib-0.9.dist-info/{n}": "added" for n in ("METADATA", "WHEEL", "RECORD")},
    ),
    "an empty metadata folder": (
        lambda e: (e / SITE / "lib-0.9.dist-info").mkdir(),
        {f"{SITE}/lib-0.9.dist-info": "added"},
    ),
    "an egg": (
        lambda e: create(e / SITE / "x.egg-info" / "PKG-INFO"),
        {f"{SITE}/x.egg-info/PKG-INFO": "added"},
    ),
    "byte-compiled": (
        lambda e: create(e / SITE / "lib" / "__pycache__" / "x.pyc"),
        {},
    ),
    "an empty folder": (lambda e: (e / SITE / "lib" / "x").mkdir(), {}),
    "the variables": (lambda e: (e / "bin" / "activate").write_text("export A=2\n"), {}),
    "the variables injected": (lambda e: (e / SITE / "_envctl.pth").touch(), {}),
    "what uv leaves": (lambda e: (e / ".lock").touch(), {}),
}


@pytest.mark.parametrize("full", [False, True], ids=["by stat", "by every byte"])
@pytest.mark.parametrize("name", FOUND)
def test_what_is_found(environment: Path, name: str, full: bool) -> None:
    made = stamp(environment)
    spoil, expected = FOUND[name]
    spoil(environment)
    assert look(environment, made, full=full) == expected


# Only what a RECORD speaks of, and strays below site-packages, can be told without a snapshot.
_UNKNOWN = {
    "added beside the programs",
    "added anywhere",
    "a link added",
    "a pipe added",
    "the configuration changed",
    "another interpreter",
    "a link for a file",
    "a RECORD rewritten",
    "a RECORD gone",
    "another package",  # its own RECORD knows it: the packages themselves are compared elsewhere
    "another version's metadata",
}


@pytest.mark.parametrize("name", [name for name in FOUND if name not in _UNKNOWN])
def test_without_a_snapshot_every_byte_is_compared(environment: Path, name: str) -> None:
    spoil, expected = FOUND[name]
    (environment / tree.SNAPSHOT).unlink()
    spoil(environment)
    old = Stamp(slice_digest="", python="3.11", base="", packages={})
    assert look(environment, old) == expected


@pytest.mark.parametrize("torn", ["gone", "another", "garbage"])
def test_a_damaged_snapshot_is_no_snapshot(environment: Path, torn: str) -> None:
    made = stamp(environment)
    path = environment / tree.SNAPSHOT
    if torn == "gone":
        path.unlink()
    elif torn == "another":
        made = stamp(environment, torn=True)
    else:
        path.write_bytes(b"\xff\0{")
    assert look(environment, made) == {}
    put_back(environment / BIG, flip)
    assert look(environment, made) == {BIG: "modified"}


def test_with_size_and_time_put_back_only_the_bytes_tell(environment: Path) -> None:
    made = stamp(environment)
    put_back(environment / BIG, flip)
    assert look(environment, made) == {}
    assert look(environment, made, full=True) == {BIG: "modified"}


def hidden(environment: Path) -> None:
    """Edit a file and make its RECORD say so."""
    old, new = b"x = 1\n", b"x = 2\n"
    (environment / LIB).write_bytes(new)
    text = (environment / RECORD).read_text()
    path = "lib/__init__.py"
    assert row(path, old) in text
    (environment / RECORD).write_text(text.replace(row(path, old), row(path, new)))


def test_a_rewritten_record_hides_nothing(environment: Path) -> None:
    made = stamp(environment)
    hidden(environment)
    assert look(environment, made) == {RECORD: "record", LIB: "modified"}
    assert look(environment, made, full=True) == {RECORD: "record", LIB: "modified"}
    (environment / tree.SNAPSHOT).unlink()
    assert look(environment, made) == {f"{SITE}/*.dist-info/RECORD": "record"}


def test_a_rewritten_record_with_its_time_put_back(environment: Path) -> None:
    made = stamp(environment)
    times = {path: (environment / path).stat().st_mtime_ns for path in (LIB, RECORD)}
    hidden(environment)
    for path, time in times.items():
        os.utime(environment / path, ns=(time, time))
    assert look(environment, made) == {}
    assert look(environment, made, full=True) == {RECORD: "record"}


def test_a_file_is_shared_where_it_is_the_installed_one_and_has_other_names(
    environment: Path,
) -> None:
    def edited() -> FileProblem:
        [problem] = inspection.inspect(environment, made, full=False).problems
        return problem

    made = stamp(environment)
    flip(environment / BIG)
    assert not edited().shared
    os.link(environment / BIG, environment.parent / "other")
    assert edited().shared
    assert edited().package == "lib"
    # An editor that replaces the file: the other name has what was installed.
    (environment / BIG).unlink()
    shutil.copy(environment.parent / "other", environment / BIG)
    os.link(environment / BIG, environment.parent / "mine")
    assert not edited().shared


def test_names_that_are_no_text(environment: Path) -> None:
    name = os.fsdecode(b"lib/caf\xe9\n\x1b.txt")
    (environment / SITE / name).write_bytes(b"1")
    (environment / "bin" / os.fsdecode(b"\xfe")).symlink_to(os.fsdecode(b"\xff"))
    assert sealing.seal(environment, None) == ()
    made = stamp(environment)
    for full in (False, True):
        assert look(environment, made, full=full) == {}
    (environment / SITE / name).write_bytes(b"12")
    assert look(environment, made) == {f"{SITE}/{name}": "modified"}


def test_a_record_that_leads_out_of_the_environment_is_not_followed(environment: Path) -> None:
    outside = environment.parent / "outside"
    outside.write_bytes(b"mine")
    more = [f"../../../../outside,sha256={'A' * 43},4", f"{outside},sha256={'A' * 43},4"]
    install(environment / SITE, "evil", {"evil.py": b""}, more="\n".join(more))
    paths = known(environment, read(environment))
    assert not [path for path in paths if "outside" in path]
    assert paths["bin/tool"][0] == "tool"


@pytest.mark.parametrize(
    "text",
    ["", ",,\n", "\0", '"', '"a,b.py",,\n', "a\n", "a,b\n", "\xff,sha256=x,1\n", "a,md5=x,1\n" * 3],
)
def test_a_record_that_is_none_is_no_bug(environment: Path, text: str) -> None:
    (environment / RECORD).write_text(text, encoding="latin-1")
    sealing.seal(environment, None)
    look(environment, stamp(environment), full=True)


@pytest.mark.parametrize("last", [b"1", b"2"])
def test_of_two_packages_with_one_path_either_has_the_file(environment: Path, last: bytes) -> None:
    site = environment / SITE
    for name, content in (("one", b"1"), ("two", b"2")):
        install(site, name, {"tests/__init__.py": content})
    (site / "tests" / "__init__.py").write_bytes(last)
    os.link(site / "tests" / "__init__.py", environment.parent / "cached")
    assert sealing.seal(environment, None) == ()
    made = stamp(environment)
    assert look(environment, made, full=True) == {}
    (site / "tests" / "__init__.py").write_bytes(b"3")
    assert look(environment, made) == {f"{SITE}/tests/__init__.py": "modified"}


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_other_hashes_count_as_well(environment: Path, algorithm: str) -> None:
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, b"1").digest()).rstrip(b"=").decode()
    install(environment / SITE, "x", {}, more=f"x.py,{algorithm}={digest},1")
    (environment / SITE / "x.py").write_bytes(b"1")
    assert sealing.seal(environment, None) == ()
    made = stamp(environment)
    assert look(environment, made, full=True) == {}
    (environment / SITE / "x.py").write_bytes(b"2")
    assert look(environment, made) == {f"{SITE}/x.py": "modified"}


def test_quoted_rows_are_read(environment: Path) -> None:
    content = b"1"
    (environment / SITE / "a,b.py").write_bytes(content)
    with (environment / RECORD).open("a") as file:
        file.write(row('"a,b.py"', content) + "\n")
    assert f"{SITE}/a,b.py" in known(environment, read(environment))
    assert f"{SITE}/lib/__init__.py" in known(environment, read(environment))


# The fingerprint

ROWS = {"b.py": "sha256=b", "a.py": "sha256=a", "a/__pycache__/a.pyc": "sha256=c", "RECORD": ""}


def recorded(**more: str) -> Recorded:
    return Recorded(name="a", version="1.0", folder="a-1.0.dist-info", rows={**ROWS, **more})


def test_the_fingerprint_is_what_its_docstring_says() -> None:
    text = "a 1.0\na.py sha256=a\nb.py sha256=b\nz 2.0\n"
    empty = Recorded(name="z", version="2.0", folder="z-2.0.dist-info", rows={})
    expected = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    assert fingerprint([empty, recorded()]) == expected


def test_how_a_package_came_is_not_in_the_fingerprint() -> None:
    notes = {
        "a-1.0.dist-info/INSTALLER": "sha256=i",
        "a-1.0.dist-info/REQUESTED": "sha256=r",
        "a-1.0.dist-info/direct_url.json": "sha256=d",
    }
    assert fingerprint([recorded(**notes)]) == fingerprint([recorded()])
    for changed in (
        recorded(new="sha256=n"),
        replace(recorded(), version="1.1"),
        recorded(**{"a.py": "sha256=b"}),
    ):
        assert fingerprint([changed]) != fingerprint([recorded()])


@given(st.permutations(list(ROWS.items())))
def test_the_order_of_rows_does_not_count(rows: list[tuple[str, str]]) -> None:
    assert fingerprint([replace(recorded(), rows=dict(rows))]) == fingerprint([recorded()])


def test_the_project_itself_is_not_in_the_fingerprint(environment: Path) -> None:
    found = read(environment)
    without = snapshot.fingerprint_of(found, "tool")
    (environment / SITE / "tool-1.0.dist-info" / "RECORD").write_text("elsewhere.pth,sha256=x,1\n")
    assert snapshot.fingerprint_of(read(environment), "tool") == without
    assert snapshot.fingerprint_of(read(environment), None) != without


# uv's cache


def unpacked(environment: Path) -> Path:
    """Make the environment's packages hard links of an unpacked wheel in uv's cache; return that."""
    archive = environment.parent / "uv" / "archive-v0" / "some"
    site = environment / SITE
    for path in [*site.glob("lib/*"), *site.glob("lib-1.0.dist-info/*")]:
        if path.name != "RECORD":
            target = archive / path.relative_to(site)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    return archive


def test_a_file_that_was_written_to_in_the_cache_is_seen_while_installing(
    environment: Path,
) -> None:
    archive = unpacked(environment)
    flip(archive / "lib" / "data.bin")
    assert sealing.seal(environment, None) == ("lib",)
    flip(archive / "lib" / "data.bin")
    assert sealing.seal(environment, None) == ()


def test_with_its_time_put_back_it_is_seen_where_the_package_is_distrusted(
    environment: Path,
) -> None:
    archive = unpacked(environment)
    put_back(archive / "lib" / "data.bin", flip)
    assert sealing.seal(environment, None) == ()
    assert sealing.seal(environment, None, distrusted=("lib",)) == ("lib",)


def test_a_file_that_is_gone_from_the_cache_is_missed(environment: Path) -> None:
    (environment / LIB).unlink()
    assert sealing.seal(environment, None) == ("lib",)


@pytest.mark.parametrize("name", ["lib/hack.py", "sitecustomize.py", "hack.pth"])
def test_a_file_that_was_added_in_the_cache_is_seen(environment: Path, name: str) -> None:
    archive = unpacked(environment)
    (archive / name).write_text("import os\n")
    os.link(archive / name, environment / SITE / name)
    assert archives.owner(name, environment / SITE / name) == "lib"
    assert sealing.seal(environment, None) == ("lib",)


def test_an_older_file_copied_over_it_in_the_cache_is_seen(environment: Path) -> None:
    archive = unpacked(environment)
    old = environment.parent / "old.py"
    old.write_text("x = 2  # longer")
    os.utime(old, ns=(1, 1))
    shutil.copy2(old, archive / "lib" / "__init__.py")
    assert (environment / LIB).stat().st_mtime_ns == 1
    assert sealing.seal(environment, None) == ("lib",)


def test_an_old_file_that_was_added_in_the_cache_is_seen(environment: Path) -> None:
    archive = unpacked(environment)
    (archive / "lib" / "hack.py").write_text("import os\n")
    os.link(archive / "lib" / "hack.py", environment / SITE / "lib" / "hack.py")
    os.utime(archive / "lib" / "hack.py", ns=(1, 1))
    assert sealing.seal(environment, None) == ("lib",)


@pytest.mark.parametrize("content", [b"y = 1\n", b"y = 2\n"])
def test_of_a_path_that_two_packages_have_both_are_suspected(
    environment: Path, content: bytes
) -> None:
    install(environment / SITE, "other", {"lib/__init__.py": content})
    unpacked(environment)
    assert sealing.seal(environment, None) == ()
    flip(environment / LIB)
    assert sealing.seal(environment, None) == ("lib", "other")


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("kept", [False, True], ids=["new time", "time put back"])
def test_a_pipe_is_no_empty_file(environment: Path, full: bool, kept: bool) -> None:
    made, path = stamp(environment), environment / SITE / "lib" / "empty"
    before = path.stat()
    path.unlink()
    os.mkfifo(path)
    if kept:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert look(environment, made, full=full) == {f"{SITE}/lib/empty": "modified"}


def test_a_pipe_for_a_record_is_not_waited_for(environment: Path) -> None:
    made = stamp(environment)
    (environment / RECORD).unlink()
    os.mkfifo(environment / RECORD)
    for full in (False, True):
        assert look(environment, made, full=full)[RECORD] in ("record", "modified")


@pytest.mark.parametrize("algorithm", ["shake_128", "none", "sha3_512", "md5"])
def test_a_hash_of_another_kind_is_no_bug(environment: Path, algorithm: str) -> None:
    text = (environment / RECORD).read_text()
    lines = [
        f"lib/__init__.py,{algorithm}=abc,6" if line.startswith("lib/__init__") else line
        for line in text.split("\n")
    ]
    (environment / RECORD).write_text("\n".join(lines))
    assert sealing.seal(environment, None, distrusted=("lib",)) == ("lib",)
    assert sealing.seal(environment, None) == ()
    assert look(environment, stamp(environment), full=True) == {LIB: "modified"}


def test_of_copies_nothing_is_said(environment: Path) -> None:
    flip(environment / BIG)
    (environment / SITE / "lib" / "own.py").touch()
    assert sealing.seal(environment, None) == ()


def test_a_wheel_that_is_wrong_by_itself_is_learned_once(environment: Path) -> None:
    """Fetched because of it and still so, it is its own: the next environment is no reason to fetch it again."""
    archive = unpacked(environment)
    flip(archive / "lib" / "data.bin")
    (environment / LIB).unlink()
    assert sealing.seal(environment, None) == ("lib",)
    assert sealing.seal(environment, None, fetched=("tool",)) == ("lib",)
    assert oddities.known() == frozenset()
    assert sealing.seal(environment, None, fetched=("lib",)) == ()
    assert len(oddities.known()) == 2
    made = stamp(environment)
    assert look(environment, made, full=True) == {}
    (environment / BIG).touch()
    assert look(environment, made) == look(environment, made, full=True) == {}
    assert sealing.seal(environment, None) == ()
    (archive / "lib" / "data.bin").write_bytes(b"else")
    assert sealing.seal(environment, None) == ("lib",)


# Mending


def shared(environment: Path) -> tuple[Path, Stamp]:
    """Give a second environment with the right bytes; a file of the first gets another name."""
    fresh = environment.with_name("fresh")
    shutil.copytree(environment, fresh, symlinks=True)
    os.link(environment / BIG, environment.parent / "other")
    return fresh, stamp(environment)


EDITS: dict[str, Callable[[Path], object]] = {
    "one byte": flip,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "shorter": lambda path: path.write_bytes(path.read_bytes()[:1000]),
    "empty": lambda path: path.write_bytes(b""),
    "another": lambda path: path.write_bytes(bytes(5 << 20)),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("mode", [0o644, 0o444])
def test_a_shared_file_is_put_right_under_all_its_names(
    environment: Path, name: str, mode: int
) -> None:
    fresh, made = shared(environment)
    other = environment.parent / "other"
    right, before = other.read_bytes(), other.stat()
    EDITS[name](environment / BIG)
    other.chmod(mode)
    problems = inspection.inspect(environment, made, full=False).problems
    assert [each.shared for each in problems] == [True]
    assert mending.mend(environment, made, fresh, problems) == ()
    after = other.stat()
    assert other.read_bytes() == right
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert after.st_mode & 0o777 == mode
    assert look(environment, made, full=True) == {}


def test_a_record_that_was_edited_with_the_file_stops_no_mending(environment: Path) -> None:
    fresh, made = shared(environment)
    os.link(environment / LIB, environment.parent / "theirs")
    hidden(environment)
    problems = inspection.inspect(environment, made, full=False).problems
    assert {each.path: each.shared for each in problems} == {RECORD: False, LIB: True}
    assert mending.mend(environment, made, fresh, problems) == ()
    assert (environment.parent / "theirs").read_bytes() == b"x = 1\n"


def test_only_from_the_right_bytes(environment: Path) -> None:
    fresh, made = shared(environment)
    flip(environment / BIG)
    spoilt = (environment / BIG).read_bytes()
    (fresh / BIG).write_bytes(b"of another version")
    problems = inspection.inspect(environment, made, full=False).problems
    assert mending.mend(environment, made, fresh, problems) == problems
    assert (environment / BIG).read_bytes() == spoilt
    (fresh / BIG).unlink()
    assert mending.mend(environment, made, fresh, problems) == problems


def test_a_file_of_the_users_is_never_written_to(environment: Path) -> None:
    """It lies in the place of the installed one, by a hard link or a symbolic one."""
    fresh, made = shared(environment)
    flip(environment / BIG)
    problems = inspection.inspect(environment, made, full=False).problems
    mine = environment.parent / "mine"
    mine.write_bytes(b"my work")
    for lay in (os.link, os.symlink):
        (environment / BIG).unlink()
        lay(mine, environment / BIG)
        assert mending.mend(environment, made, fresh, problems) == problems
        assert mine.read_bytes() == b"my work"
        found = inspection.inspect(environment, made, full=False).problems
        assert [each.shared for each in found] == [False]


def test_a_running_program_is_left_and_named(environment: Path) -> None:
    """As for another user's file, the system refuses to open it for writing."""
    content = Path(shutil.which("sleep") or "").read_bytes()
    install(environment / SITE, "prog", {"prog/sleep": content})
    (environment / SITE / "prog/sleep").chmod(0o755)
    assert sealing.seal(environment, None) == ()
    fresh, made = shared(environment)
    program = environment / SITE / "prog" / "sleep"
    os.link(program, environment.parent / "its other name")
    with program.open("ab") as file:
        file.write(b"more")
    problems = inspection.inspect(environment, made, full=False).problems
    with subprocess.Popen([program, "60"]) as process:
        try:
            assert mending.mend(environment, made, fresh, problems) == problems
        finally:
            process.kill()
    assert mending.mend(environment, made, fresh, problems) == ()
    assert program.read_bytes() == content


# The walk


def test_odd_trees_are_walked_all_the_same(tmp_path: Path) -> None:
    """Folders without end, a time beyond what most file systems can keep, a name as long as can be."""
    deep = os.open(tmp_path, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=deep)
        below = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(os.open("file", os.O_CREAT, dir_fd=deep))
    os.close(deep)
    (tmp_path / ("x" * 255)).touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    os.utime(tmp_path / ("x" * 255), (2**33, 2**33))
    found = tree.walk(str(tmp_path))
    assert sorted(found.paths) == ["loop", "x" * 255]
    assert tree.digest(found) == tree.digest(tree.Walking(str(tmp_path)).end())
    assert len(contents.hashed(str(tmp_path), found)) == 2
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_in_several_processes_the_same_is_found(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        (environment / SITE / f"p{number}").mkdir()
        (environment / SITE / f"p{number}" / "x.py").write_bytes(b"x" * number * 30000)
    alone = tree.walk(str(environment))
    whole = contents.hashed(str(environment), alone)
    by_path: dict[str, bytes] = {}
    for count in (1, 2, 3, 7):
        monkeypatch.setattr(forked, "MOST", count)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, count=count: set(range(count)))
        found = tree.Walking(str(environment)).end()
        assert sorted(found.paths) == sorted(alone.paths)
        by_path = dict(zip(found.paths, contents.hashed(str(environment), found), strict=True))
        assert by_path == dict(zip(alone.paths, whole, strict=True))
    path = environment / SITE / "p39" / "x.py"
    assert by_path[f"{SITE}/p39/x.py"] == hashlib.sha256(path.read_bytes()).digest()


def test_a_process_that_dies_loses_nothing(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tree.walk(str(environment))
    whole = contents.hashed(str(environment), found)
    parent, hash_ = os.getpid(), contents._hash

    def dying(*arguments: object) -> bytes:
        if os.getpid() != parent:
            raise MemoryError
        return hash_(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(contents, "_hash", dying)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 2, 3})
    assert contents.hashed(str(environment), found) == whole
