"""What is known of a code before it is found anywhere."""

from dataclasses import dataclass

from envctl.domain.finding import Layer, Severity
from envctl.domain.finding.codes import Code


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One code of the catalogue; the sentences are Markdown, and are the reference page's.

    ``severity`` is the usual one, ``rarely`` says when it is another. ``cause``: how it comes about. ``fix``: the
    commands of which one mends it (``NAME`` stands for a name), or ``advice``: what a person decides; some findings of
    a code have the one, some the other.
    ``yours``: why ``verify --fix`` leaves the command to a person.
    """

    code: Code
    layers: tuple[Layer, ...]
    severity: Severity
    meaning: str
    cause: str
    fix: tuple[str, ...] = ()
    advice: str | None = None
    rarely: str | None = None
    yours: str | None = None
