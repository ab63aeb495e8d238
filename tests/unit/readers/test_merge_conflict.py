"""Pins out of merges and broken files: git makes the merges here, and nothing may be an error."""

import random
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Package, PackageWheel
from packaging.version import Version

from envctl.domain.lock import assemble
from envctl.domain.lock.table import lock_table
from envctl.domain.manifest import Manifest
from envctl.domain.resolution import Pin, Resolution
from envctl.emitters import pylock
from envctl.readers.merge_conflict import pins_of_text, salvaged_pins, sides

INDEX = "https://index.example/simple"
STYLES = ("merge", "diff3", "zdiff3")
BASE = {f"zz-made-{letter}": "1.0" for letter in "bdfh"}


def lock_text(pins: Mapping[str, str]) -> str:
    """Write a lock as envctl does."""
    packages = tuple(
        Package(
            name=name,  # type: ignore[arg-type]  # it is normalised
            version=Version(version),
            index=INDEX,
            wheels=[
                PackageWheel(
                    url=f"https://index.example/{name}/{name.replace('-', '_')}-{version}-{tag}.whl",
                    hashes={
                        "sha256": f"{random.Random(name + version + tag).getrandbits(256):064x}"
                    },
                )
                for tag in ("cp311-none-any", "py3-none-any")
            ],
        )
        for name, version in pins.items()
    )
    resolution = Resolution(
        packages=packages,
        edges=dict.fromkeys(pins.items(), ("zz-made-b",)),
        environments=(),
        requires_python=">=3.11",
        made_by="uv 0",
    )
    manifest = Manifest(name="demo", dependencies=tuple(sorted(pins)))
    return pylock.emit(lock_table(assemble(resolution, manifest, {"accelerator": "cpu"})))


def git(folder: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


class Repository:
    """A repository with one lock on several branches."""

    def __init__(self, folder: Path, style: str, newline: str = "\n") -> None:
        self.folder = folder
        self.newline = newline
        git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "config", "merge.conflictStyle", style)
        git(folder, "config", "core.autocrlf", "false")

    def commit(self, pins: Mapping[str, str], *, branch: str = "") -> None:
        if branch:
            git(self.folder, "checkout", "--quiet", "-b", branch, "main")
        text = lock_text(pins).replace("\n", self.newline)
        (self.folder / "pylock.toml").write_bytes(text.encode())
        git(self.folder, "add", "pylock.toml")
        git(self.folder, "commit", "--quiet", "--message", "lock")

    def merged(self, one: str, other: str) -> str:
        git(self.folder, "checkout", "--quiet", one)
        git(self.folder, "merge", other, code=1)
        return (self.folder / "pylock.toml").read_bytes().decode()


@pytest.fixture(params=STYLES)
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    made = Repository(tmp_path, request.param)
    text = lock_text(BASE)
    (tmp_path / "pylock.toml").write_text(text)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "base")
    return made


def versions(text: str) -> dict[str, str]:
    pins = salvaged_pins(text)
    assert all(pin.index == INDEX for pin in pins)
    assert len({pin.name for pin in pins}) == len(pins)
    return {pin.name: pin.version for pin in pins}


def test_two_branches_add_different_packages(repository: Repository) -> None:
    repository.commit(BASE | {"zz-made-c": "2.0"}, branch="ours")
    repository.commit(BASE | {"zz-made-c1": "3.0", "zz-made-i": "1.0"}, branch="theirs")
    text = repository.merged("ours", "theirs")
    assert "<<<<<<<" in text
    assert versions(text) == BASE | {"zz-made-c": "2.0", "zz-made-c1": "3.0", "zz-made-i": "1.0"}


def test_the_side_that_changed_a_version_wins(repository: Repository) -> None:
    ours = BASE | {"zz-made-b": "0.9", "zz-made-f": "1.5"}
    theirs = BASE | {"zz-made-d": "0.8", "zz-made-f": "1.10", "zz-made-h": "2.0"}
    repository.commit(ours, branch="ours")
    repository.commit(theirs, branch="theirs")
    text = repository.merged("ours", "theirs")
    found = versions(text)
    assert found["zz-made-f"] == "1.10"
    assert found["zz-made-h"] == "2.0"
    apart = sides(text)
    assert apart
    if apart.base is not None:
        assert (found["zz-made-b"], found["zz-made-d"]) == ("0.9", "0.8")
    # git says ours, theirs and base itself: what it merged on its own is on both sides
    for side, branch in ((apart.ours, ours), (apart.theirs, theirs)):
        data = tomllib.loads(side)
        told = {package["name"]: package["version"] for package in data["packages"]}
        assert all(told[name] == branch[name] for name in branch if branch[name] != BASE[name])


def test_a_whole_file_in_conflict_gives_the_sides_back(tmp_path: Path) -> None:
    for style in STYLES:
        folder = tmp_path / style
        folder.mkdir()
        repository = Repository(folder, style, newline="\r\n")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", "base")
        ours, theirs = {"zz-made-a": "1.0"}, {"zz-made-z": "1.0"}
        repository.commit(ours, branch="ours")
        repository.commit(theirs, branch="theirs")
        apart = sides(repository.merged("ours", "theirs"))
        assert apart
        assert apart.ours.replace("\r\n", "\n") == lock_text(ours)
        assert apart.theirs.replace("\r\n", "\n") == lock_text(theirs)
        assert (apart.base is None) == (style == "merge")


def test_a_merge_of_merges_has_conflicts_inside_its_base(repository: Repository) -> None:
    """Two merge bases: git merges these first, and writes that conflict into the base with longer marks."""
    for name, version in (("one", "2.0"), ("two", "3.0")):
        repository.commit(BASE | {"zz-made-f": version}, branch=name)
    for name, other, version in (("one", "two", "4.0"), ("two", "one", "5.0")):
        git(repository.folder, "checkout", "--quiet", "-b", f"{name}-merged", name)
        git(repository.folder, "merge", other, code=1)
        repository.commit(BASE | {"zz-made-f": version})
    text = repository.merged("one-merged", "two-merged")
    assert versions(text) == BASE | {"zz-made-f": "5.0"}
    apart = sides(text)
    assert apart
    assert tomllib.loads(apart.ours)["packages"][2]["version"] == "4.0"
    if apart.base is not None:
        assert "<<<<<<<<<" in text
        assert "<<<" not in apart.base
        assert ">>>" not in apart.base


def block(name: str, version: str, more: str = "") -> str:
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\nindex = "{INDEX}"\n{more}'


def test_marks_within_an_array_and_several_hunks() -> None:
    text = (
        'lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "a"\n<<<<<<< HEAD\nversion = "1"\n'
        '=======\nversion = "2"\n>>>>>>> b\nwheels = [\n<<<<<<< HEAD\n  {name = "x"},\n=======\n'
        '  {name = "y"},\n>>>>>>> b\n]\n'
    )
    assert salvaged_pins(text) == (Pin(name="a", version="2"),)
    apart = sides(text)
    assert apart
    assert tomllib.loads(apart.ours)["packages"] == [
        {"name": "a", "version": "1", "wheels": [{"name": "x"}]}
    ]
    assert tomllib.loads(apart.theirs)["packages"] == [
        {"name": "a", "version": "2", "wheels": [{"name": "y"}]}
    ]


def test_committed_marks_merged_again() -> None:
    inner = f"<<<<<<< HEAD\n{block('a', '1')}=======\n{block('b', '1')}>>>>>>> x\n"
    text = f"<<<<<<< HEAD\n{inner}=======\n{block('c', '1')}>>>>>>> y\n"
    apart = sides(text)
    assert apart
    assert apart.ours == block("a", "1")
    assert apart.theirs == block("c", "1")


@pytest.mark.parametrize(
    "text", ["", "a = 1\n", "=======\n>>>>>>> x\n", block("a", "1"), " <<<<<<< x\n"]
)
def test_no_conflict(text: str) -> None:
    assert sides(text) is None


def test_an_open_end() -> None:
    text = f"<<<<<<< HEAD\n{block('a', '1')}=======\n{block('a', '2')}"
    assert [pin.version for pin in salvaged_pins(text)] == ["2"]


def test_forks_of_one_name_stay_together() -> None:
    old, new = block("a", "1") + block("a", "2"), block("a", "1") + block("a", "3")
    text = f"<<<<<<< HEAD\n{new}||||||| base\n{old}=======\n{old}>>>>>>> x\n"
    assert [pin.version for pin in salvaged_pins(text)] == ["1", "3"]


BROKEN = f"""\
lock-version = "1.0
[[packages]] # the first
name = "Zz_made.A"  # spelled otherwise
version = '1.0'
index = "{INDEX}"
wheels = [
    {{name = "no.whl", version = "9"}},
    name = "not this",
[[packages.wheels]]
name = "nor this"
version = "8"
[packages.tool.x]
version = "7"

[[packages]]
name = "zz-made-b"
version = "2.0"
index = "https://user:secret@index.example/simple"

[[packages]]
name = "no version"

[[packages]]
name = "bad name!"
version = "1"

[[packages]]
name = "bad-version"
version = "latest"

[tool.envctl]
name = "zz-made-c"
version = "1"
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_broken_file_still_tells(newline: str) -> None:
    assert pins_of_text(BROKEN.replace("\n", newline)) == (
        Pin(name="zz-made-a", version="1.0", index=INDEX),
        Pin(name="zz-made-b", version="2.0"),
    )


def test_valid_toml_that_is_no_lock() -> None:
    assert pins_of_text(
        'packages = ["x", {name = 1, version = "1"}, {name = "a", version = "1.0"}]'
    ) == (Pin(name="a", version="1.0"),)
    assert pins_of_text("packages = 3\n") == ()
    assert pins_of_text(f'[[packages]]\nname = "a"\nversion = "{"1" * 5000}"\n') == ()
    assert pins_of_text("x = " + "[" * 100_000) == ()


def test_the_scan_reads_what_the_parser_reads() -> None:
    text = lock_text(BASE)
    assert pins_of_text(text) == pins_of_text(f"{text}\n[broken") != ()


pieces = st.one_of(
    st.sampled_from(
        [
            "<<<<<<< HEAD\n",
            "||||||| base\n",
            "=======\n",
            ">>>>>>> x\r\n",
            "<<<<<<<<< deeper\n",
            ">>>>>>>>> deeper\n",
            "[[packages]]\n",
            "[packages.sdist]\n",
            "packages = [\n",
            '"""',
            "]\n",
        ]
    ),
    st.tuples(
        st.sampled_from(["a", "b-c", "é", "\\"]), st.sampled_from(["1", "2.0a1", "x", "1!1"])
    ).map(lambda pair: block(*pair)),
    st.text(),
    st.binary().map(lambda b: b.decode("latin-1")),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(pieces).map("".join))
def test_garbage_is_never_an_error(text: str) -> None:
    for pin in (*salvaged_pins(text), *pins_of_text(text)):
        assert str(Version(pin.version)) == pin.version
        assert pin.name
    apart = sides(text)
    if apart:
        lines = {*text.split("\n"), ""}
        assert all(line in lines for side in apart if side for line in side.split("\n"))


pins = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["1", "2", "10"]))


@settings(deadline=None)
@given(pins, pins, pins)
def test_the_rule_for_every_name(
    ours: dict[str, str], theirs: dict[str, str], base: dict[str, str]
) -> None:
    def text(pins: Mapping[str, str]) -> str:
        return "".join(block(name, version) for name, version in pins.items())

    def check(merged: str, base: Mapping[str, str]) -> None:
        found = {pin.name: pin.version for pin in salvaged_pins(merged)}
        assert found.keys() == ours.keys() | theirs.keys()
        for name, version in found.items():
            mine, other = ours.get(name), theirs.get(name)
            if mine is None or other is None:
                assert version in (mine, other)
            elif base.get(name) in (mine, other):
                changed = [each for each in (mine, other) if each != base[name]]
                assert version == (changed or [mine])[0]
            else:
                assert version == max(mine, other, key=int)

    head = f"<<<<<<< HEAD\n{text(ours)}"
    tail = f"=======\n{text(theirs)}>>>>>>> x\n"
    check(f"{head}||||||| base\n{text(base)}{tail}", base)
    check(f"{head}{tail}", {})
