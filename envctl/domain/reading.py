"""A small vocabulary to read parsed TOML into records, with errors that know their path.

Modelled on the private readers of ``packaging.pylock``: each takes a table, a key and the path of the table,
and raises ``ManifestError`` with the full key (``tool.envctl.gpu.count``) when the value is not what it must be.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from envctl.domain.nearest import meant
from envctl.domain.variables import looks_secret
from envctl.errors import ManifestError

Table = Mapping[str, Any]


def only(table: Table, known: Iterable[str], where: str) -> None:
    """Refuse unknown keys, naming the nearest known one."""
    names = sorted(known)
    for key in table:
        if key not in names:
            hint = meant(key, names, otherwise=f"known keys: {', '.join(names)}")
            raise ManifestError(f"unknown key `{key}`", where=join(where, key), hint=hint)


def join(where: str, key: str) -> str:
    """Extend a dotted path by one key."""
    return f"{where}.{key}" if where else key


def wrong(expected: str, value: object, where: str) -> ManifestError:
    """Say what was expected at ``where`` and what stood there."""
    return ManifestError(
        f"expected {expected}, found {kind(value)}", where=where, hint="correct that value"
    )


def kind(value: object) -> str:  # noqa: PLR0911  # one return per TOML type
    """TOML's word for the type of a parsed value."""
    match value:
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a float"
        case str():
            return "a string"
        case Mapping():
            return "a table"
        case Sequence():
            return "an array"
        case _:
            return f"a {type(value).__name__}"


def table(parent: Table, key: str, where: str) -> Table:
    """Return the sub-table ``key``, or an empty one when it is absent."""
    value = parent.get(key, {})
    if not isinstance(value, Mapping):
        raise wrong("a table", value, join(where, key))
    return value


def tables(parent: Table, key: str, where: str) -> tuple[Table, ...]:
    """Return the array of tables ``key``."""
    value = parent.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        raise wrong("an array of tables", value, join(where, key))
    return tuple(value)


def text(parent: Table, key: str, where: str, *, choices: Sequence[str] = ()) -> str | None:
    """Return the string ``key``; with ``choices``, one of them."""
    value = parent.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong("a string", value, join(where, key))
    if choices and value not in choices:
        hint = meant(value, choices, otherwise=f"one of: {', '.join(choices)}")
        raise ManifestError(f"`{value}` is not known", where=join(where, key), hint=hint)
    return value


def required_text(parent: Table, key: str, where: str) -> str:
    """Return the string ``key``, which must be there."""
    value = text(parent, key, where)
    if not value:
        raise ManifestError("missing", where=join(where, key), hint="add it")
    return value


def texts(parent: Table, key: str, where: str) -> tuple[str, ...]:
    """Return the array of strings ``key``."""
    value = parent.get(key, [])
    if not isinstance(value, list):
        raise wrong("an array of strings", value, join(where, key))
    for position, item in enumerate(value):
        if not isinstance(item, str):
            raise wrong("a string", item, f"{join(where, key)}[{position}]")
    return tuple(value)


def flag(parent: Table, key: str, where: str, *, default: bool) -> bool:
    """Return the boolean ``key``."""
    value = parent.get(key, default)
    if not isinstance(value, bool):
        raise wrong("true or false", value, join(where, key))
    return value


def count(parent: Table, key: str, where: str) -> int | None:
    """Return the positive integer ``key``."""
    value = parent.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ManifestError(
            f"expected an integer of at least 1, found {value!r}",
            where=join(where, key),
            hint="correct that value",
        )
    return value


def variables(parent: Table, key: str, where: str) -> dict[str, str]:
    """Return a table of environment variables: names that a shell can hold, values that are strings.

    POSIX.1-2017, 8.1: a name is ``[A-Za-z_][A-Za-z0-9_]*``; a NUL byte can stand in no value.
    """
    found: dict[str, str] = {}
    path = join(where, key)
    for name, value in table(parent, key, where).items():
        here = join(path, name)
        if not (name.isascii() and name.isidentifier()):
            raise ManifestError(
                f"`{name}` is not a name for a variable",
                where=here,
                hint="use letters, digits and underscores; not a digit first",
            )
        if not isinstance(value, str):
            raise ManifestError(
                f"expected a string, found {kind(value)}",
                where=here,
                hint="write it in quotes"
                if looks_secret(name) or isinstance(value, dict | list)
                else f'write it as "{value}"',
            )
        if "\0" in value:
            raise ManifestError(
                "a variable's value cannot hold a NUL byte", where=here, hint="take it out"
            )
        found[name] = value
    return found
