"""Layers put together: whiteouts, opaque folders, files that replace folders, links."""

import shutil
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from envctl.domain.image.contents import Entry, Layer, merge, resolve

FILE, FOLDER = Entry(kind="file", digest="1"), Entry(kind="folder")


def link(target: str) -> Entry:
    return Entry(kind="link", target=target)


def layer(
    entries: dict[str, Entry], removed: tuple[str, ...] = (), emptied: tuple[str, ...] = ()
) -> Layer:
    return Layer(digest="", entries=entries, removed=frozenset(removed), emptied=frozenset(emptied))


def test_a_whiteout_takes_a_file_or_a_whole_folder_away() -> None:
    below = layer({"a": FOLDER, "a/b": FILE, "ab": FILE, "a/c": FOLDER, "a/c/d": FILE})
    assert merge([below, layer({}, removed=("a/c",))]).keys() == {"a", "a/b", "ab"}
    assert merge([below, layer({}, removed=("a",))]).keys() == {"ab"}
    assert merge([below, layer({"a/c/d": FILE}, removed=("a/c",))])["a/c/d"] == FILE


def test_an_opaque_folder_hides_what_is_below_it_only() -> None:
    below = layer({"a": FOLDER, "a/b": FILE, "c": FILE})
    found = merge([below, layer({"a/new": FILE}, emptied=("a",))])
    assert found.keys() == {"a", "a/new", "c"}
    assert merge([below, layer({"a/b": FILE}, emptied=("a",))]).keys() == {"a", "a/b", "c"}


def test_a_file_or_link_in_place_of_a_folder_takes_its_files_away() -> None:
    below = layer({"a": FOLDER, "a/b": FILE})
    assert merge([below, layer({"a": FILE})]) == {"a": FILE}
    assert merge([below, layer({"a": link("/etc")})]) == {"a": link("/etc")}
    # A folder that a layer brings is never looked for behind a link of a lower one.
    assert merge([layer({"a": link("/etc")}), layer({"a/b": FILE})]).keys() == {"a", "a/b"}
    assert merge([layer({"a": link("/etc")}), layer({"a/b": FILE})])["a"].kind == "folder"


def test_links_are_followed_within_the_image() -> None:
    files = {
        "a": FOLDER,
        "a/b": FILE,
        "up": link("a/../a/b"),
        "root": link("/a"),
        "out": link("../../../a/b"),
        "round": link("round"),
        "first": link("second"),
        "second": link("first/x"),
    }
    assert resolve(files, "up") == "a/b"
    assert resolve(files, "root/b") == "a/b"
    assert resolve(files, "out") == "a/b"  # `..` of the root is the root
    assert resolve(files, "round") is None
    assert resolve(files, "first") is None
    assert resolve(files, "a/none") is None


_NAMES = st.sampled_from(["a", "b", "c"])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_CHANGES = st.lists(
    st.tuples(st.sampled_from(["file", "folder", "remove", "empty"]), _PATHS), max_size=6
)


@settings(max_examples=80, deadline=None)
@given(st.lists(_CHANGES, min_size=1, max_size=3))
def test_the_result_is_what_applying_the_layers_to_a_folder_gives(
    layers: list[list[tuple[str, str]]],
) -> None:
    """A folder on this disk, changed step by step as an engine's snapshotter does, is the reference."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        made = []
        for number, changes in enumerate(layers):
            entries: dict[str, Entry] = {}
            removed, emptied = set(), set()
            for what, path in changes:
                if what == "remove":
                    removed.add(path)
                elif what == "empty":
                    emptied.add(path)
                elif not _conflicts(entries, path, what):
                    entries[path] = Entry(kind="file" if what == "file" else "folder", layer=number)
            made.append(layer(entries, tuple(removed), tuple(emptied)))
            _apply(root, entries, removed, emptied)
        there = {p.relative_to(root).as_posix(): p.is_dir() for p in root.rglob("*")}
        assert {path: each.kind == "folder" for path, each in merge(made).items()} == there


def _conflicts(entries: dict[str, Entry], path: str, what: str) -> bool:
    """One layer holds no file that is a folder as well: no tar of an engine's does."""
    for other, entry in entries.items():
        if path.startswith(f"{other}/") and entry.kind == "file":
            return True
        if other.startswith(f"{path}/") and what == "file":
            return True
        if other == path and entry.kind != what:
            return True
    return False


def _apply(  # noqa: C901  # as an engine does it, step by step
    root: Path, entries: dict[str, Entry], removed: set[str], emptied: set[str]
) -> None:
    for path in emptied:
        if (root / path).is_dir():
            shutil.rmtree(root / path)
            (root / path).mkdir()
    for path in removed:
        target = root / path
        try:
            shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        except NotADirectoryError:
            continue
    for path, entry in entries.items():
        target = root / path
        for parent in reversed(target.relative_to(root).parents[:-1]):
            if (root / parent).is_file():
                (root / parent).unlink()
            (root / parent).mkdir(exist_ok=True)
        if entry.kind == "folder":
            if target.is_file():
                target.unlink()
            target.mkdir(parents=True, exist_ok=True)
        else:
            if target.is_dir():
                shutil.rmtree(target)
            target.write_text("")
