"""Results as they leave: text or one versioned JSON envelope on stdout; talk on stderr."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from envctl.emitters.printable import printable
from envctl.errors import EnvctlError

ENVELOPE = 1
JSON = "envctl.json"
"""Where a command whose words may be another program's says in Click's ``meta`` that JSON was asked of itself."""


def envelope(command: str, result: Mapping[str, Any] | None, *, ok: bool, **more: Any) -> str:
    """Return the JSON envelope that every ``--json`` prints."""
    whole = {"schema": ENVELOPE, "command": command, "ok": ok, "result": result, **more}
    text = json.dumps(whole, indent=2, ensure_ascii=False, default=str)
    if text.isascii() or _is_text(text):
        return text
    return json.dumps(whole, indent=2, default=str)  # a file's name that is no UTF-8


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def show(text: str) -> None:
    """Print data to stdout, as it is: without ``color`` Click takes escape sequences out of a variable's value."""
    click.echo(text.removesuffix("\n"), color=True)


def say(text: str) -> None:
    """Print talk to stderr."""
    click.echo(text, err=True)


def delivered(delivery: str | None, name: str) -> str:
    """Return what came of an ``--output`` (see ``envctl.usecases.output``)."""
    return f"{name} is up to date" if delivery == "same" else f"{delivery} {name}"


def step(text: str) -> None:
    """Say what takes a while, to whoever watches a terminal."""
    if sys.stderr.isatty():
        say(_styled(text, dim=True))


def _styled(text: str, **style: Any) -> str:
    """Return the text in colours, but for whoever wants none (no-color.org); Click asks only for a terminal."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, **style)


def failure(error: EnvctlError, *, verbose: bool) -> str:
    """Return an error's text: what, where, what to do next."""
    lines = [f"{_styled('error', fg='red', bold=True)}: {_lines(error.message)}"]
    if error.where:
        lines.append(f"  where: {_lines(error.where)}")
    if error.hint:
        lines.append(f"  next:  {_lines(error.hint)}")
    if error.details and verbose:
        lines += ["", error.details]
    elif error.details:
        lines.append("  (--verbose shows the tool's own words)")
    return "\n".join(lines)


def _lines(text: str) -> str:
    """Return a message of several lines with whatever else steers a terminal spelled out."""
    return "\n".join(printable(line, names=True) for line in text.split("\n"))
