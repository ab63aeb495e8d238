"""Our lines in a configuration that is somebody else's, between marker lines: put in, found and taken out as text.

What is taken out again leaves the text as it was, byte by byte; the line ends are the text's own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from envctl.domain.hooks import BEGIN, END
from envctl.errors import ManifestError

_BEGIN, _END = BEGIN[:18], END[:18]  # the rest may be worded anew one day
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """Our lines in a text: from offset ``start`` to ``end``, indented by so many spaces; ``body`` without markers."""

    start: int
    end: int
    indent: int
    body: tuple[str, ...]

    @property
    def in_brackets(self) -> bool:
        """Whether they stand in a list in brackets."""
        return any(line.lstrip(" ,").startswith("{") for line in self.body[:1])

    @property
    def comma(self) -> bool:
        """Whether an item stands before them."""
        return any(line.lstrip().startswith(",") for line in self.body[:1])

    @property
    def with_key(self) -> bool:
        """Whether the key ``repos`` is ours as well."""
        return any(line.strip() == "repos:" for line in self.body[:1])


def line_end(text: str) -> str:
    """Return what ends the first line of a text."""
    found = re.search(r"\r\n|\n|\r", text)
    return found[0] if found else "\n"


def lines(text: str, at: int, written: Sequence[str], indent: int) -> str:
    """Return the text with lines of ours between markers, put in at the beginning of a line."""
    end = line_end(text)
    ours = [" " * indent + line for line in (BEGIN, *written, END)]
    if at == len(text) and text and not text.endswith(("\n", "\r")):
        return text + "".join(end + line for line in ours)
    return text[:at] + "".join(line + end for line in ours) + text[at:]


def brackets(text: str, at: int, written: str, indent: int, *, comma: bool) -> str:
    """Return the text with an item of ours between markers, put in before a closing bracket."""
    end = line_end(text) + " " * indent
    return text[:at] + end.join(["", BEGIN, (", " if comma else "") + written, END, ""]) + text[at:]


def find(text: str, name: str) -> Found | None:
    """Return our lines; raises ``ManifestError`` where the markers are torn."""
    marks = [
        (each.start(), each.end(), each[0])
        for each in _LINES.finditer(text)
        if each[0].lstrip(" ").startswith((_BEGIN, _END))
    ]
    if not marks:
        return None
    kinds = "".join("[" if line.lstrip(" ").startswith(_BEGIN) else "]" for *_, line in marks)
    if kinds != "[]":
        number = len(re.findall(r"\r\n|\n|\r", text[: marks[0][0]])) + 1
        raise ManifestError(
            "of the lines that mark what envctl wrote, one is missing or there are too many",
            where=f"{name}:{number}",
            hint=f"put back `{BEGIN}` and `{END}` once, or take out all that stands between",
        )
    (start, first, head), (last, end, _) = marks
    body = tuple(each[0].rstrip("\r\n") for each in _LINES.finditer(text[first:last]))
    found = Found(start=start, end=end, indent=len(head) - len(head.lstrip(" ")), body=body)
    return _within_brackets(text, found) if found.in_brackets else _at_the_end(text, found)


def _within_brackets(text: str, found: Found) -> Found:
    """Take the line end before and the indentation behind along: both are ours."""
    behind = text[found.end : found.end + found.indent]
    end = found.end + len(behind) - len(behind.lstrip(" "))
    return Found(
        start=_line_end_before(text, found.start), end=end, indent=found.indent, body=found.body
    )


def _at_the_end(text: str, found: Found) -> Found:
    """Take the line end before along where the text did not end in one."""
    if found.end < len(text) or text.endswith(("\n", "\r")):
        return found
    return Found(
        start=_line_end_before(text, found.start),
        end=found.end,
        indent=found.indent,
        body=found.body,
    )


def _line_end_before(text: str, at: int) -> int:
    if text[:at].endswith("\r\n"):
        return at - 2
    return at - 1 if text[:at].endswith(("\n", "\r")) else at


def without(text: str, found: Found) -> str:
    """Return the text without our lines."""
    return text[: found.start] + text[found.end :]
