"""The pieces of TOML that envctl writes into a user's file: keys, arrays with comments, indexes."""

from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit.items import Array, String

from envctl.domain.imported import Entry, FoundIndex


def lines(values: Mapping[str, Any]) -> str:
    """Return ``key = value`` lines."""
    document = tomlkit.document()
    for key, each in values.items():
        document.add(key, each)
    return document.as_string()


def index_block(index: FoundIndex) -> str:
    """Return a ``[[tool.envctl.index]]`` table with its comments."""
    comments = "".join(f"# {line}".rstrip() + "\n" for line in index.above)
    return f"{comments}[[tool.envctl.index]]\n{lines(index_keys(index))}"


def index_keys(index: FoundIndex) -> dict[str, Any]:
    """Return an index as the keys of its table."""
    keys: dict[str, Any] = {"name": index.name or "default", "url": index.url}
    return keys | {"packages": item(index.packages)} if index.packages else keys


def item(value: str | tuple[str, ...]) -> Any:
    """Return a string, or an array of strings on one line."""
    if isinstance(value, str):
        return string(value)
    array = tomlkit.array()
    array.extend([string(each) for each in value])
    return array


def string(text: str) -> String:
    """Quote a text: literally where that spares the backslashes of a marker's own quotes."""
    literal = '"' in text and "'" not in text and text.isprintable()
    return tomlkit.string(text, literal=literal)


def array_of(entries: Sequence[Entry]) -> Array:
    """Return an array with one line per entry."""
    array = tomlkit.array()
    extend(array, entries)
    return array


def extend(array: Array, entries: Sequence[Entry]) -> None:
    """Add one line per entry, its comments above and beside it."""
    for entry in entries:
        indent = "    "
        for said in entry.above:
            if said:
                array.add_line(comment=said, add_comma=False, indent=indent)
            indent = "    " if said else "\n    "
        if entry.text is not None:
            array.add_line(string(entry.text), comment=entry.comment or None, indent=indent)
    closed = array.as_string()[:-1].rstrip(" \t").endswith("\n")
    if not closed and entries and entries[-1].text is not None:
        array.add_line(indent="", add_comma=False)


def append(text: str, block: str) -> str:
    """Put a block at the end of a text, a blank line between them."""
    if not text:
        return block
    gap = "" if text.endswith(("\n\n", "\n\r\n")) else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}{block}"
