"""Findings as annotations of GitHub Actions.

Source: "Workflow commands for GitHub Actions" (``::error file=…,line=…,title=…::message``) and the escapes of
``@actions/core``, ``command.ts``. A step may have ten annotations of each kind; GitHub drops the others silently.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from envctl.domain.finding import Finding, Severity
from envctl.emitters.printable import printable

# A note asks for nothing: in the log it is at hand, beside the lines of a change it would be in the way.
_SHOWN: tuple[Severity, ...] = ("error", "warning")
_MOST = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A file, from the top of the repository, and perhaps a line of it."""

    file: str
    line: int | None = None


def annotations(findings: Sequence[Finding], place: Callable[[Finding], Place | None]) -> str:
    """Return one line for each error and warning; more than GitHub shows become one that says so."""
    lines: list[str] = []
    for severity in _SHOWN:
        own = [finding for finding in findings if finding.severity == severity]
        shown = own if len(own) <= _MOST else own[: _MOST - 1]
        lines += [_line(finding, place(finding)) for finding in shown]
        if more := len(own) - len(shown):
            lines.append(f"::{severity} title=envctl::{_data(_more(more, severity))}")
    return "".join(f"{line}\n" for line in lines)


def _more(count: int, severity: Severity) -> str:
    return f"{count} more {severity}s are in the log of this step"


def _line(finding: Finding, place: Place | None) -> str:
    title = f"envctl: {finding.code}"
    words = [*_where(place), ("title", title)]
    properties = ",".join(f"{name}={_property(value)}" for name, value in words)
    way = f"mend it with: {finding.fix}" if finding.fix else finding.advice
    message = "\n".join(printable(text, names=True) for text in (finding.message, way) if text)
    return f"::{finding.severity} {properties}::{_data(message)}"


def _where(place: Place | None) -> Iterator[tuple[str, str]]:
    if place is not None:
        yield "file", place.file
        if place.line is not None:
            yield "line", str(place.line)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text, names=True)).replace(":", "%3A").replace(",", "%2C")
