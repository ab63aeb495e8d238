"""Edits of one TOML array as text: lines go in and out, and nothing else moves.

The array keeps its shape: on one line or on many, its indent, its last comma or none, its comments. A comment beside
an element belongs to it; a comment above one belongs to nobody and stays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from envctl.adapters.toml.parts import string
from envctl.adapters.toml.tokens import Token, closing, tokens


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where an array stands: the indent of its key's line, the file's line end, whether in an inline table."""

    indent: str = ""
    newline: str = "\n"
    inline: bool = False


def elements(text: str) -> tuple[str, ...]:
    """Return the TOML text of each element of an array, in order."""
    return tuple(token.text for token in _cells(text) if token.kind == "element")


def replaced(text: str, position: int, element: str) -> str:
    """Return the array with another element at ``position``."""
    cells = _cells(text)
    place = _places(cells)[position]
    cells[place] = replace(cells[place], text=element)
    return _joined(cells)


def inserted(text: str, position: int, element: str, layout: Layout) -> str:
    """Return the array with an element more; what stood at ``position`` and behind comes after it."""
    cells = _cells(text)
    places = _places(cells)
    if not places:
        return _first(cells, element, layout)
    if position == 0:
        return _foremost(cells, places[0], element)
    return _behind(cells, places, position - 1, element)


def without(text: str, positions: Iterable[int]) -> str:
    """Return the array without these elements, the comments beside them and the lines that are empty then."""
    cells = _cells(text)
    for position in sorted(positions, reverse=True):
        cells = _dropped(cells, position)
    inner = cells[1:-1]
    if all(cell.kind in ("space", "newline") for cell in inner):
        return "[]"
    return _joined(cells)


def quoted(text: str, like: str = '"') -> str:
    """Quote a text as ``like`` is quoted, or so that nothing in it needs a backslash."""
    if like.startswith("'") and "'" not in text and text.isprintable():
        return f"'{text}'"
    return string(text).as_string()


def _cells(text: str) -> list[Token]:
    """Cut an array into brackets, elements, commas, comments, spaces and newlines."""
    found = tokens(text)
    cells = [replace(found[0], kind="open")]
    n = 1
    while n < len(found) - 1:
        token = found[n]
        if token.kind in ("space", "newline", "comment"):
            cells.append(token)
        elif token.text == ",":
            cells.append(replace(token, kind="comma"))
        else:
            end = _element_end(found, n)
            whole = "".join(each.text for each in found[n : end + 1])
            cells.append(Token(kind="element", text=whole, start=token.start))
            n = end
        n += 1
    return [*cells, replace(found[-1], kind="close")]


def _element_end(found: Sequence[Token], n: int) -> int:
    """Return the last token of the element at ``n``; a date with a space and ``1.5`` have several."""
    if found[n].text in ("[", "{"):
        return closing(found, n)
    end = n
    for m in range(n + 1, len(found) - 1):
        if found[m].kind in ("newline", "comment") or found[m].text == ",":
            break
        if found[m].kind != "space":
            end = m
    return end


def _joined(cells: Iterable[Token]) -> str:
    return "".join(cell.text for cell in cells)


def _made(*texts: str) -> list[Token]:
    return [Token(kind="new", text=text, start=0) for text in texts if text]


def _places(cells: Sequence[Token]) -> list[int]:
    return [n for n, cell in enumerate(cells) if cell.kind == "element"]


def _line(cells: Sequence[Token], n: int) -> range:
    """Return the cells of the line that ``n`` is on, its newline included."""
    start = next((m + 1 for m in range(n - 1, -1, -1) if cells[m].kind == "newline"), 0)
    end = next((m + 1 for m in range(n, len(cells)) if cells[m].kind == "newline"), len(cells))
    return range(start, end)


def _comma_after(cells: Sequence[Token], n: int) -> int | None:
    for m in range(n + 1, len(cells)):
        if cells[m].kind == "comma":
            return m
        if cells[m].kind == "element":
            break
    return None


def _comma_before(cells: Sequence[Token], n: int) -> int | None:
    return next((m for m in range(n - 1, -1, -1) if cells[m].kind == "comma"), None)


def _first(cells: Sequence[Token], element: str, layout: Layout) -> str:
    """Put an element into an array that has none, above its closing bracket."""
    newlines = [n for n, cell in enumerate(cells) if cell.kind == "newline"]
    if not newlines:
        if layout.inline:
            return f"[{element}]"
        inner = f"{layout.indent}    {element},"
        return f"[{layout.newline}{inner}{layout.newline}{layout.indent}]"
    last = newlines[-1] + 1
    comments = [n for n, cell in enumerate(cells) if cell.kind == "comment" and n > newlines[0]]
    indent = _indent(cells, comments[0]) if comments else f"{layout.indent}    "
    line = _made(indent, element, ",", cells[newlines[-1]].text)
    return _joined([*cells[:last], *line, *cells[last:]])


def _foremost(cells: Sequence[Token], first: int, element: str) -> str:
    """Put an element before all others, above the comments that stand above the first one."""
    line = _line(cells, first)
    if line.start == 0:  # `["a", …`: on the bracket's own line
        return _joined([*cells[:first], *_made(element, ", "), *cells[first:]])
    top = _line(cells, 0).stop
    new = _made(_indent(cells, first), element, ",", cells[top - 1].text)
    return _joined([*cells[:top], *new, *cells[top:]])


def _behind(cells: Sequence[Token], places: Sequence[int], position: int, element: str) -> str:
    """Put an element behind the one at ``position``: on a line of its own where that one ends a line."""
    place = places[position]
    line = _line(cells, place)
    comma = _comma_after(cells, place)
    shares = position + 1 < len(places) and places[position + 1] in line
    if shares or all(cell.kind != "newline" for cell in cells):
        return _beside(cells, place, comma, element)
    last = comma is None
    leading = _leads(cells, _comma_before(cells, place), place) if last else comma not in line
    head = [*cells[: place + 1], *_made("," if last and not leading else "")]
    new = f", {element}" if leading else element if last else f"{element},"
    indent = _indent(cells, place if comma is None else comma)
    if cells[line.stop - 1].kind == "newline":
        whole = _made(indent, new, cells[line.stop - 1].text)
        return _joined([*head, *cells[place + 1 : line.stop], *whole, *cells[line.stop :]])
    end = line.stop - 1  # the closing bracket
    while cells[end - 1].kind == "space":
        end -= 1
    newline = next(cell.text for cell in cells if cell.kind == "newline")
    whole = _made(newline, indent, new)
    return _joined([*head, *cells[place + 1 : end], *whole, *cells[end:]])


def _beside(cells: Sequence[Token], place: int, comma: int | None, element: str) -> str:
    """Put an element on the same line, with the gap that the array has behind its commas."""
    behind = [cells[n + 1] for n, cell in enumerate(cells) if cell.kind == "comma"]
    gap = next((cell.text for cell in behind if cell.kind == "space"), "" if behind else " ")
    if comma is None:
        return _joined([*cells[: place + 1], *_made(",", gap, element), *cells[place + 1 :]])
    return _joined([*cells[: comma + 1], *_made(gap, element, ","), *cells[comma + 1 :]])


def _indent(cells: Sequence[Token], n: int) -> str:
    """Return what the line of ``n`` begins with, or another element's line: the bracket's own tells nothing."""
    for m in (n, *_places(cells)):
        if start := _line(cells, m).start:
            return cells[start].text if cells[start].kind == "space" else ""
    return "    "


def _dropped(cells: Sequence[Token], position: int) -> list[Token]:
    """Take one element out, with its comma and what belonged to it alone."""
    place = _places(cells)[position]
    comma = _own_comma(cells, place)
    line = _line(cells, place)
    gone = {place} if comma is None else {place, comma}
    if not any(cells[n].kind == "element" for n in line if n != place):
        gone |= {n for n in line if cells[n].kind == "comment"}
    gone |= _gap(cells, place, gone)
    for row in [_line(cells, n) for n in gone]:
        if all(m in gone or cells[m].kind in ("space", "newline") for m in row):
            gone |= set(row)
    return [cell for n, cell in enumerate(cells) if n not in gone]


def _own_comma(cells: Sequence[Token], place: int) -> int | None:
    """Return the comma that goes with an element: its own, or the one before the last."""
    before, after = _comma_before(cells, place), _comma_after(cells, place)
    return before if after is None or _leads(cells, before, place) else after


def _leads(cells: Sequence[Token], comma: int | None, place: int) -> bool:
    """Whether the line of an element begins with the comma before it."""
    line = _line(cells, place)
    if comma is None or comma not in line:
        return False
    return all(cells[n].kind in ("space", "comma") for n in range(line.start, place))


def _gap(cells: Sequence[Token], place: int, gone: set[int]) -> set[int]:
    """Return the spaces on one side of what goes: behind it where more follows, else before it."""
    after = place + 1
    while after in gone or cells[after].kind == "space":
        after += 1
    if cells[after].kind in ("element", "comma"):
        return {n for n in range(place, after) if cells[n].kind == "space"}
    before = place - 1
    while before in gone or cells[before].kind == "space":
        before -= 1
    end = after if cells[after].kind == "newline" else place
    return {n for n in range(before + 1, end) if cells[n].kind == "space"}
