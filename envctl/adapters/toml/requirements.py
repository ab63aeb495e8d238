"""Requirements into and out of the arrays of a manifest: whatever else the user wrote there stays, byte for byte."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.adapters.toml import array as tomlarray
from envctl.adapters.toml.edit import with_entries
from envctl.adapters.toml.tokens import array_span
from envctl.domain.imported import Entry
from envctl.errors import ManifestError

Path = tuple[str, ...]
_NAMED: tuple[Path, ...] = (("project", "optional-dependencies"), ("dependency-groups",))
"""The tables whose keys are names: any spelling that normalises to the same is the same key (PEP 685, PEP 735)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """One element of an array: its TOML text, its value, and the requirement that it is, if it is one."""

    text: str
    value: Any
    requirement: Requirement | None

    @property
    def name(self) -> str | None:
        return canonicalize_name(self.requirement.name) if self.requirement else None

    @property
    def marker(self) -> Marker | None:
        return self.requirement.marker if self.requirement else None


def with_requirement(text: str, path: Path, requirement: str) -> str:
    """Return a manifest's text with a PEP 508 requirement in the array at ``path``, which is made where it is not.

    A line of the same name under the same marker is replaced where it stands, with its comment; one under another
    marker is another line. A new line goes to its place if the array was sorted, else to the end, before groups that
    are included there. A group's or extra's name is found in any spelling. Raises ``ManifestError`` for a text that is
    not TOML or a table that cannot be edited, ``InvalidRequirement``.
    """
    wanted = Requirement(requirement)
    path = _spelled(_data(text), path)
    span = array_span(text, path)
    if span is None:
        return _made(text, path, requirement)
    start, end, inline = span
    array = text[start:end]
    lines = _lines(array)
    same = [
        n
        for n, line in enumerate(lines)
        if line.name == canonicalize_name(wanted.name) and line.marker == wanted.marker
    ]
    if same:
        element = tomlarray.quoted(requirement, lines[same[0]].text)
        new = tomlarray.without(tomlarray.replaced(array, same[0], element), same[1:])
    else:
        like = next((line.text for line in lines if line.requirement), '"')
        layout = tomlarray.Layout(
            indent=_indent(text, start), newline=_newline(text), inline=inline
        )
        element = tomlarray.quoted(requirement, like)
        new = tomlarray.inserted(array, _position(lines, requirement), element, layout)
    return text[:start] + new + text[end:]


def without_requirement(text: str, path: Path, name: str) -> str | None:
    """Return a manifest's text without each line of that name in the array at ``path``; ``None``: there is none.

    A comment beside such a line goes with it, comments above it stay. Raises ``ManifestError`` for a text that is not
    TOML.
    """
    span = array_span(text, _spelled(_data(text), path))
    if span is None:
        return None
    start, end, _ = span
    lines = _lines(text[start:end])
    gone = [n for n, line in enumerate(lines) if line.name == canonicalize_name(name)]
    if not gone:
        return None
    return text[:start] + tomlarray.without(text[start:end], gone) + text[end:]


def _made(text: str, path: Path, requirement: str) -> str:
    """Make the array, in its table if there is one; refuse the few spellings that leave no place for it."""
    new = with_entries(text, path, (Entry(text=requirement),))
    if _newline(text) == "\r\n":
        new = new.replace("\r\n", "\n").replace("\n", "\r\n")
    found: Any = _data(new)
    for key in path:
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    if found != [requirement]:
        raise ManifestError(
            f"the way in which this table is written leaves no place for `{path[-1]}`",
            where=f"pyproject.toml: {'.'.join(path[:-1])}",
            hint="write it as a `[table]` instead of an inline or dotted one",
        )
    return new


def _data(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(
            f"not TOML: {error}", where="pyproject.toml", hint="correct that line"
        ) from error


def _spelled(data: Mapping[str, Any], path: Path) -> Path:
    """Return the path with its last key as the file spells it; raises ``ManifestError`` if no array can be there."""
    table: Any = data
    for n, key in enumerate(path[:-1]):
        table = table.get(key, {})
        if not isinstance(table, Mapping):
            raise _not("a table", path[: n + 1])
    key = path[-1]
    if key not in table and path[:-1] in _NAMED:
        wanted = canonicalize_name(key)
        key = next((each for each in table if canonicalize_name(each) == wanted), key)
    if not isinstance(table.get(key, []), list):
        raise _not("an array", path)
    return (*path[:-1], key)


def _not(expected: str, path: Path) -> ManifestError:
    return ManifestError(
        f"expected {expected}", where=f"pyproject.toml: {'.'.join(path)}", hint="correct that value"
    )


def _lines(array: str) -> list[_Line]:
    texts = tomlarray.elements(array)
    values = tomllib.loads(f"x = {array}")["x"]
    return [
        _Line(text=text, value=value, requirement=_requirement(value))
        for text, value in zip(texts, values, strict=True)
    ]


def _requirement(value: Any) -> Requirement | None:
    try:
        return Requirement(value) if isinstance(value, str) else None
    except InvalidRequirement:
        return None


def _position(lines: Sequence[_Line], requirement: str) -> int:
    """Return where a new line belongs: in its order, if the strings of the array have one; uv does the same."""
    strings = [(n, line.value) for n, line in enumerate(lines) if isinstance(line.value, str)]
    if not strings:
        return 0
    for key in _ORDERS:
        keys = [key(value) for _, value in strings]
        if keys == sorted(keys):
            return next(
                (n for n, value in strings if key(value) > key(requirement)), strings[-1][0] + 1
            )
    return strings[-1][0] + 1


def _by_name(text: str) -> str:
    found = _requirement(text)
    return canonicalize_name(found.name) if found else text.lower()


_ORDERS: tuple[Callable[[str], str], ...] = (_by_name, str.lower, str)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text and "\n" not in text.replace("\r\n", "") else "\n"


def _indent(text: str, start: int) -> str:
    """Return the white space before the key of an array."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    return line[: len(line) - len(line.lstrip(" \t"))]
