"""Every edit of a TOML file that a user keeps: only what is new is written, all else stays as it was.

New tables go to the end as text of their own, new keys right behind the last key of their table. ``tomlkit``
alone would put both behind a table's last *comment*, which is most often the next table's heading.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tomlkit
from packaging.utils import canonicalize_name
from tomlkit.container import Container
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, Comment, Table, Whitespace

from envctl.adapters.toml.parts import (
    append,
    array_of,
    extend,
    index_block,
    index_keys,
    item,
    lines,
)
from envctl.domain.imported import Additions, Entry, FoundIndex
from envctl.errors import ManifestError

_OWN = ("tool", "envctl")
_SECTIONS = {"extra": ("project", "optional-dependencies"), "group": ("dependency-groups",)}


def extend_manifest(text: str, additions: Additions) -> str:
    """Return a manifest's text with what it lacks of ``additions``; raises ``ManifestError`` if it is not TOML."""
    newline = "\r\n" if "\r\n" in text and "\n" not in text.replace("\r\n", "") else "\n"
    new = text
    if additions.header and not text.strip():
        new += "".join(f"# {line}".rstrip() + "\n" for line in additions.header) + "\n"
    if additions.project and "project" not in _data(new):
        new = with_keys(new, ("project",), {**dict(additions.project), "dependencies": []})
    new = _with_dependencies(new, additions)
    settings = {key: item(value) for key, value in additions.settings}
    if additions.constraints and "constraints" not in _at(_data(new), _OWN):
        settings["constraints"] = array_of(additions.constraints)
    if settings:
        new = with_keys(new, _OWN, settings)
    new = _with_tables(new, additions)
    if newline == "\r\n":
        new = new.replace("\r\n", "\n").replace("\n", "\r\n")
    _check(text, new, settings)
    return new


def _with_tables(text: str, additions: Additions) -> str:
    """Write what has tables of its own under ``[tool.envctl]``, and further lines of its arrays."""
    if additions.constraints and "constraints" in _at(_data(text), _OWN):
        there = _at(_data(text), _OWN)["constraints"]
        more = [each for each in additions.constraints if each.text and each.text not in there]
        text = with_entries(text, (*_OWN, "constraints"), more) if more else text
    if additions.indexes and "index" not in _at(_data(text), _OWN):
        text = _with_indexes(text, additions.indexes)
    if additions.env:
        text = with_keys(text, (*_OWN, "env"), dict(additions.env))
    if additions.image_groups:
        text = with_keys(text, (*_OWN, "image"), {"groups": item(additions.image_groups)})
    return text


def _check(old: str, new: str, settings: Mapping[str, Any]) -> None:
    """Refuse the few spellings that cannot be added to (``tool = {…}``) before anything is lost."""
    before, after = _data(old), _data(new)
    own = _at(after, _OWN)
    if not _within(before, after) or not all(key in own for key in settings):
        raise ManifestError(
            "the way in which this table is written leaves no place for `[tool.envctl]`",
            where="pyproject.toml: tool",
            hint="write it as `[tool.NAME]` tables instead of an inline or dotted one",
        )


def _within(old: Any, new: Any) -> bool:
    """Whether all that was there is still there; arrays may have grown."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return all(key in new and _within(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        pairs = zip(old, new, strict=False)
        return len(old) <= len(new) and all(_within(before, after) for before, after in pairs)
    return bool(old == new) or old != old  # noqa: PLR0124 (TOML has nan)


def with_keys(text: str, path: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """Add keys to the table at ``path``, making it where it is not; keys that are there stay as they are."""
    table = _at(_data(text), path)
    missing = {key: value for key, value in values.items() if key not in table}
    if not missing:
        return text
    pieces = _pieces(text)
    for n, document in _documents(pieces):
        if (headed := _headed(document, path)) is not None:
            _behind_last_key(headed, lines(missing))
            return "".join([*pieces[:n], document.as_string(), *pieces[n + 1 :]])
    heading = f"[{'.'.join(path)}]\n"
    if _is_toml(f"{text}\n{heading}"):  # nothing on the way is inline or dotted
        return append(text, heading + lines(missing))
    for n, document in _documents(pieces):  # `project.name = "x"`, `project = {…}`
        if found := _at(document, path):
            found.update(missing)
            return "".join([*pieces[:n], document.as_string(), *pieces[n + 1 :]])
    return text  # `tool = {…}` without `envctl`: the caller checks


def with_entries(text: str, path: tuple[str, ...], entries: Sequence[Entry]) -> str:
    """Add lines to the array at ``path``, making it where it is not; its own lines and comments stay."""
    if path[-1] not in _at(_data(text), path[:-1]):
        return with_keys(text, path[:-1], {path[-1]: array_of(entries)})
    pieces = _pieces(text)
    for n, document in _documents(pieces):
        array = _at(document, path[:-1]).get(path[-1])
        if isinstance(array, Array):
            extend(array, entries)
            return "".join([*pieces[:n], document.as_string(), *pieces[n + 1 :]])
    raise ManifestError("expected an array", where=".".join(path), hint="correct that value")


def with_first_key(text: str, key: str, value: str) -> str:
    """Set a key that belongs to no table: in place where it is, else as the first line."""
    if key not in _data(text):
        return lines({key: item(value)}) + text
    pieces = _pieces(text)
    for n, document in _documents(pieces):
        if key in document and not isinstance(document[key], (Table, AoT)):
            document[key] = value
            return "".join([*pieces[:n], document.as_string(), *pieces[n + 1 :]])
    raise ManifestError("expected a text", where=key, hint="correct that value")


def _pieces(text: str) -> list[str]:
    """Cut a document before each heading; every piece is a TOML document of its own.

    ``tomlkit`` reorders tables of one parent that do not stand together, so it is never given more than one. A
    line that looks like a heading inside a string or an array ends no piece: what is before it is not TOML.
    """
    pieces = [""]
    for line in re.split(r"(?<=\n)", text):  # not `splitlines`: U+2028 ends no line of TOML
        if line.lstrip(" \t").startswith("[") and pieces[-1] and _is_toml(pieces[-1]):
            pieces.append("")
        pieces[-1] += line
    return pieces


def _documents(pieces: Sequence[str]) -> Iterator[tuple[int, tomlkit.TOMLDocument]]:
    for n, piece in enumerate(pieces):
        try:
            yield n, tomlkit.parse(piece)
        except TOMLKitError as error:
            raise ManifestError(
                f"cannot be edited: {error}", where="pyproject.toml", hint="write it more simply"
            ) from error


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _with_dependencies(text: str, additions: Additions) -> str:
    place = (
        ("dependency-groups", additions.group) if additions.group else ("project", "dependencies")
    )
    if additions.dependencies:
        text = with_entries(text, place, additions.dependencies)
    for section in additions.sections:
        table = _SECTIONS[section.kind]
        text = with_entries(text, (*table, _spelling(text, table, section.name)), section.entries)
    return text


def _spelling(text: str, table: Sequence[str], name: str) -> str:
    """Return a key of the table as it is written there: names of groups and extras are compared normalised."""
    same = (key for key in _at(_data(text), table) if canonicalize_name(key) == name)
    return next(same, name)


def _with_indexes(text: str, indexes: Sequence[FoundIndex]) -> str:
    if _is_toml(f"{text}\n[[tool.envctl.index]]\n"):
        return append(text, "\n".join(index_block(index) for index in indexes))
    tables = tomlkit.array()
    for index in indexes:
        table = tomlkit.inline_table()
        table.update(index_keys(index))
        tables.append(table)
    return with_keys(text, _OWN, {"index": tables})


def _data(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(
            f"not TOML: {error}", where="pyproject.toml", hint="correct that line"
        ) from error


def _at(document: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Return the table at ``path``, or an empty one."""
    found: Any = document
    for key in path:
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    if not isinstance(found, Mapping):
        raise ManifestError("expected a table", where=".".join(path), hint="correct that value")
    return found


def _headed(container: Container, path: Sequence[str]) -> Table | None:
    """Return the table that ``[path]`` itself opens, wherever it stands; ``[path.more]`` only implies it."""
    for key, table in container.body:
        if key is None or key.key != path[0] or key.is_dotted() or not isinstance(table, Table):
            continue
        if len(path) > 1:
            if (found := _headed(table.value, path[1:])) is not None:
                return found
        elif not table.is_super_table():
            return table
    return None


def _behind_last_key(table: Table, block: str) -> None:
    """Put the lines behind the table's last own key, or right below its heading."""
    last: Any = table
    for key, found in table.value.body:
        if key is None and isinstance(found, (Comment, Whitespace)):
            continue
        if key is None or key.is_dotted() or isinstance(found, (Table, AoT)):
            break
        last = found
    trail = last.trivia.trail or "\n"  # the file may end without one
    last.trivia.trail = f"{trail}{block}"
