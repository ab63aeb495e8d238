"""Results as they leave: text or one versioned JSON envelope on stdout; talk on stderr."""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

import click

from envctl.cli import terminal
from envctl.emitters.printable import printable
from envctl.emitters.wrapped import wrapped
from envctl.errors import EnvctlError

ENVELOPE = 1
VERBOSE = "envctl.verbose"
"""Where ``--verbose`` stands in Click's ``meta``."""
JSON = "envctl.json"
"""Where a command whose words may be another program's says in Click's ``meta`` that JSON was asked of itself."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\r(?=\n|$)")


def is_verbose() -> bool:
    """Whether the command that runs was called with ``--verbose``."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(VERBOSE))


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


def report(text: str) -> None:
    """Print a report for people to stdout; what comes of files must be ``printable`` in it already."""
    columns = terminal.width(sys.stdout)
    fitted = wrapped(text, columns) if columns else text
    show(terminal.painted(fitted) if terminal.coloured(sys.stdout) else fitted)


def say(text: str, *, faint: bool = False, whole: bool = False) -> None:
    """Print talk to stderr: broken for a terminal, and nothing in it steers one.

    ``whole``: these are another program's lines, or a file's, which are not broken and whose colours are left out.
    Talk that nobody can hear any more stops no work.
    """
    plain = _plain(_ESCAPES.sub("", text) if whole else text)
    columns = None if whole else terminal.width(sys.stderr)
    fitted = wrapped(plain, columns) if columns else plain
    if terminal.coloured(sys.stderr):
        fitted = terminal.look(fitted, "faint") if faint else terminal.painted(fitted)
    _tell(fitted)


def _plain(text: str) -> str:
    return "\n".join(printable(line.expandtabs(), names=True) for line in text.split("\n"))


def _tell(text: str) -> None:
    try:
        click.echo(text, err=True, color=True)
    except OSError:  # a full disk, a pipe whose reader has gone
        terminal.give_up(2)


def delivered(delivery: str | None, name: str) -> str:
    """Return what came of an ``--output`` (see ``envctl.usecases.output``)."""
    return f"{name} is up to date" if delivery == "same" else f"{delivery} {name}"


def step(text: str) -> None:
    """Say what takes a while, to whoever watches a terminal."""
    if terminal.watched(sys.stderr):
        say(text, faint=True)


def fail(error: EnvctlError, *, verbose: bool) -> None:
    """Say what is wrong, where, why and what to do next; ``verbose``: and what the tool underneath said of it."""
    say(failure(error))
    if error.details and verbose:
        # As it was said, for a report: no line is broken, and none of them steers the terminal.
        _tell(f"\n{_plain(_ESCAPES.sub('', error.details))}")
    elif error.details:
        say("  (`--verbose` shows what was said underneath)", faint=True)


def failure(error: EnvctlError) -> str:
    """Return an error's text in the one form that all have: what, where, why, next."""
    told = (
        ("error: ", error.message),
        ("  where: ", error.where),
        ("  why:   ", "\n".join(error.why)),
        ("  next:  ", error.hint),
    )
    return "\n".join(_labelled(label, said) for label, said in told if said)


def _labelled(label: str, said: str) -> str:
    """Return what is said under a label; further lines stand under the first."""
    return label + said.replace("\n", "\n" + " " * len(label))
