"""Talk broken for a terminal: prose wraps, what a person copies does not.

Text between backticks is a command, a path or a name, and stays on one line, as does any word without a space in it:
it may stand out beyond the width, and the terminal then breaks it where nothing is added to what is copied.
"""

import re
import unicodedata
from collections.abc import Iterator

_WORD = re.compile(r"(?:`[^`]*`|[^\s`]|`)+")
_LABEL = re.compile(r"(?P<indent> *)(?P<label>(?:where|why|next|mend it with|mend it): +)?")
_SIGN = re.compile(r"(?:error|warning|note): |[-+~*!] |fail  |warn  |ok    ")
_WHOLE = ("  where: ",)
_NARROWEST = 20


def wrapped(text: str, width: int) -> str:
    """Return the text with its long lines broken for a terminal of ``width`` columns."""
    if width < _NARROWEST:
        return text
    return "\n".join(part for line in text.split("\n") for part in _broken(line, width))


def _broken(line: str, width: int) -> Iterator[str]:
    if line.startswith(_WHOLE) or cells(line) <= width:
        yield line
        return
    match = _LABEL.match(line)
    indent, label = (match["indent"], match["label"] or "") if match else ("", "")
    rest = line[len(indent) + len(label) :]
    further = len(indent) + (len(label) or (2 if _SIGN.match(rest) or not indent else 0))
    yield from hung(f"{indent}{label}", rest, width, further)


def hung(head: str, text: str, width: int, further: int | None = None) -> Iterator[str]:
    """Yield the lines of a text behind a head; those after the first begin at column ``further``, else under it."""
    now, empty = head, True
    for word in _WORD.findall(text):
        if not empty and cells(now) + 1 + cells(word) > width:
            yield now
            now, empty = " " * (len(head) if further is None else further), True
        now += word if empty else f" {word}"
        empty = False
    yield now.rstrip()


def cells(text: str) -> int:
    """Return how many columns a terminal needs for the text: letters of East Asia take two, marks on letters none."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(bool(unicodedata.combining(each)) for each in text)
