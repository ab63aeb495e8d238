"""What the terminal in front of a person can show: its width, and whether colours are wanted.

Colours mark what something means (an error, a warning, the next step, what is in order); the words say it too. Who
decides, strongest first: ``--color``; ``NO_COLOR`` (no-color.org); ``FORCE_COLOR``, ``CLICOLOR_FORCE``; then there
must be a terminal, one that is not ``TERM=dumb``, and no ``CLICOLOR=0``. The order is uv's.
"""

import os
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TextIO

import click

COLOR = "envctl.color"
"""Where ``--color`` stands in Click's ``meta``."""
_WIDEST = 80
_LOOKS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "bad": {"fg": "red", "bold": True},
        "doubt": {"fg": "yellow"},
        "step": {"fg": "cyan"},
        "good": {"fg": "green"},
        "faint": {"dim": True},
    }
)
_MEANINGS = (
    (re.compile(r"^ *(error|fail)\b"), "bad"),
    (re.compile(r"^ *(warning|warn)\b|^ *(!)(?= )"), "doubt"),
    (re.compile(r"^ *(next|mend it with|mend it):"), "step"),
    # Not the `ok` of a layer: the fast path answers with the same words, and knows no colours.
    (re.compile(r"^(ok)(?![\w-])"), "good"),
)


def coloured(stream: TextIO | None) -> bool:
    """Whether what goes to the stream is to have colours."""
    context = click.get_current_context(silent=True)
    chosen = context.meta.get(COLOR, "auto") if context else "auto"
    if chosen != "auto":
        return bool(chosen == "always")
    if os.environ.get("NO_COLOR"):
        return False
    if any(
        os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")
    ):
        return True
    plain = os.environ.get("TERM") == "dumb" or os.environ.get("CLICOLOR") == "0"
    return watched(stream) and not plain


def watched(stream: TextIO | None) -> bool:
    """Whether a person sees the stream on a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def width(stream: TextIO | None) -> int | None:
    """Return the columns for which text is broken, 80 at most; ``None``: nobody sees it, so no line is broken."""
    if stream is None or not watched(stream):
        return None
    try:
        return min(os.get_terminal_size(stream.fileno()).columns or _WIDEST, _WIDEST)
    except (OSError, ValueError):
        return _WIDEST


def look(text: str, meaning: str) -> str:
    """Return the text in the colours of a meaning."""
    return click.style(text, **_LOOKS[meaning])


def painted(text: str) -> str:
    """Return a report or a message whose leading words are coloured by what they mean."""
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    for pattern, meaning in _MEANINGS:
        if match := pattern.match(line):
            start, end = match.span(match.lastindex or 0)
            return f"{line[:start]}{look(line[start:end], meaning)}{line[end:]}"
    return line


def give_up(number: int) -> None:
    """Send what is still to come on stdout (1) or stderr (2) nowhere: Python would fail once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)
