"""The lines of a requirements file as pip cuts them, with the comments that pip throws away.

After ``pip/_internal/req/req_file.py``: continuation lines are joined before comments are cut off, a ``#``
counts only at a line's start or after white space, and the options begin at the first word with a dash.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from optparse import OptionParser, Values
from typing import NoReturn

_COMMENT = re.compile(r"(?:^|\s+)#(?P<said>.*)$")
_OPTIONS = re.compile(r"(?:^|\s)(?=-)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One logical line: the number of its first physical line, what it says, and its comment (``None``: none)."""

    number: int
    text: str
    comment: str | None
    indented: bool


class OptionError(Exception):
    """A line's options are not ones that pip takes."""


def logical_lines(text: str) -> Iterator[Line]:
    """Yield every line, the empty ones and the comments too, with continuation lines joined."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), start=1):
        first = first if parts else number
        remark = _COMMENT.match(line) is not None
        if line.endswith("\\") and not remark:
            parts.append(line.strip("\\"))
            continue
        # The blank makes sure that a remark after a continuation is still read as one.
        yield _line(first, "".join([*parts, f" {line}" if remark and parts else line]))
        parts = []
    if parts:
        yield _line(first, "".join(parts))


def _line(number: int, text: str) -> Line:
    found = _COMMENT.search(text)
    return Line(
        number=number,
        text=(text[: found.start()] if found else text).strip(),
        comment=_said(found["said"]) if found else None,
        indented=text[:1].isspace(),
    )


def _said(comment: str) -> str:
    """Return a comment without what TOML's comments cannot hold (TOML 1.0.0, "Comment")."""
    return "".join(c for c in comment if c == "\t" or c.isprintable()).strip()


def split(text: str) -> tuple[str, Values, list[str]]:
    """Return the requirement, its options and stray words; raises ``OptionError``."""
    found = _OPTIONS.search(text)
    if found is None:
        return text, _PARSER.get_default_values(), []
    try:
        options, stray = _PARSER.parse_args(shlex.split(text[found.end() :]))
    except ValueError as error:
        raise OptionError(f"pip cannot read that line: {str(error).lower()}") from error
    return text[: found.start()].strip(), options, stray


class _Parser(OptionParser):
    """The parser that pip itself uses, abbreviations and attached values included."""

    def error(self, msg: str) -> NoReturn:
        raise OptionError(f"pip does not take that line: {msg}")


def _parser() -> _Parser:
    parser = _Parser(add_help_option=False, prog="")
    for flags in (
        ("-r", "--requirement"),
        ("-c", "--constraint"),
        ("-e", "--editable"),
        ("-i", "--index-url", "--pypi-url"),
        ("--extra-index-url",),
        ("-f", "--find-links"),
        ("--no-binary",),
        ("--only-binary",),
        ("--trusted-host",),
        ("--use-feature",),
        ("--all-releases",),
        ("--only-final",),
        ("--hash",),
        ("--global-option",),
        ("-C", "--config-settings"),
    ):
        parser.add_option(*flags, action="append")
    for flag in (
        "--no-index",
        "--pre",
        "--prefer-binary",
        "--require-hashes",
        "--no-require-hashes",
    ):
        parser.add_option(flag, action="store_true")
    return parser


_PARSER = _parser()
