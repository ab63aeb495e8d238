"""TOML text as tokens, and where in it an array stands.

An edit that provably leaves every other byte alone needs positions. ``tomlkit`` (0.15.2) tells none, and though it
edits ordinary arrays well, an insertion where lines begin with their comma gives ``,, "x"``, which is no TOML. What is
read here must be valid TOML already: these functions find places, they check nothing.
"""

import re
import tomllib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_Found = tuple[tuple[str, ...], int, int, bool]

_STRING = r'"""(?:\\.|[^\\])*?"""+|' + r"'''.*?'''+" + r'|"(?:\\.|[^"\\])*"|' + r"'[^']*'"
_TOKEN = re.compile(
    rf"(?P<newline>\r?\n)|(?P<space>[ \t]+)|(?P<comment>\#[^\r\n]*)|(?P<string>{_STRING})"
    r"|(?P<mark>[\[\]{},=.])|(?P<bare>[^\s\[\]{},=.\#\"']+)|(?P<other>.)",
    re.DOTALL,
)
_BLANK = ("newline", "space", "comment")


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A piece of TOML text; ``start`` and ``end`` are offsets in characters. Dots cut bare words."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset behind the token."""
        return self.start + len(self.text)


def tokens(text: str) -> list[Token]:
    """Cut a text into tokens; put together they are the text."""
    return [
        Token(kind=match.lastgroup or "other", text=match[0], start=match.start())
        for match in _TOKEN.finditer(text)
    ]


def array_span(text: str, path: Sequence[str]) -> tuple[int, int, bool] | None:
    """Return where the array at ``path`` begins and ends, brackets included, and whether an inline table holds it."""
    wanted = tuple(path)
    return next(
        ((start, end, inline) for found, start, end, inline in _arrays(text) if found == wanted),
        None,
    )


def _arrays(text: str) -> Iterator[_Found]:
    """Yield each array that is a key's value; a table of an array of tables has no path of its own."""
    found = tokens(text)
    table: tuple[str, ...] = ()
    n = _solid(found, 0)
    while n < len(found):
        if found[n].text == "[":
            end = closing(found, n)
            inner = text[found[n].end : found[end].start].removeprefix("[").removesuffix("]")
            table = keys(inner)
        else:
            end = yield from _pair(text, found, n, table, inline=False)
        n = _solid(found, end + 1)


def _pair(
    text: str, found: Sequence[Token], n: int, table: tuple[str, ...], *, inline: bool
) -> Generator[_Found, None, int]:
    """Read ``key = value`` at ``n``, yield its arrays and return the value's last token."""
    equals = next(m for m in range(n, len(found)) if found[m].text == "=")
    path = (*table, *keys(text[found[n].start : found[equals].start]))
    value = _solid(found, equals + 1)
    if found[value].text == "[":
        end = closing(found, value)
        yield path, found[value].start, found[end].end, inline
        return end
    if found[value].text == "{":
        end = closing(found, value)
        m = _solid(found, value + 1)
        while m < end:
            last = yield from _pair(text, found, m, path, inline=True)
            m = _solid(found, last + 1)
            if found[m].text == ",":
                m = _solid(found, m + 1)
        return end
    return _plain(found, value)


def _plain(found: Sequence[Token], n: int) -> int:
    """Return the last token of a value without brackets: ``1.5`` has three, a date with a space as well."""
    stops = (",", "}", "]")
    while n + 1 < len(found):
        following = found[n + 1]
        if following.kind in ("newline", "comment") or following.text in stops:
            break
        n += 1
    return n


def closing(found: Sequence[Token], n: int) -> int:
    """Return the token that closes the bracket at ``n``."""
    depth = 0
    for m in range(n, len(found)):
        if found[m].kind == "mark":
            depth += (found[m].text in "[{") - (found[m].text in "]}")
        if depth == 0:
            return m
    raise ValueError("a bracket is not closed")


def keys(text: str) -> tuple[str, ...]:
    """Read a dotted key: ``tool."a b".c``."""
    found = []
    table: Any = tomllib.loads(f"{text.strip()} = 0")
    while isinstance(table, dict):
        ((key, table),) = table.items()
        found.append(key)
    return tuple(found)


def _solid(found: Sequence[Token], n: int) -> int:
    """Return the first token from ``n`` on that is no white space and no comment."""
    while n < len(found) and found[n].kind in _BLANK:
        n += 1
    return n
