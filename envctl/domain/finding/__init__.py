"""One disagreement that ``verify`` reports, and the six layers in which it looks."""

from dataclasses import dataclass
from typing import Literal

from envctl.domain.finding.codes import Code

Layer = Literal["lock", "environment", "variables", "machine", "fleet", "image"]
Severity = Literal["error", "warning", "note"]

LAYERS: tuple[Layer, ...] = ("lock", "environment", "variables", "machine", "fleet", "image")
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The gravest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What disagrees, with either the command that mends it or what a person must decide.

    ``code``: what it means stands in ``envctl.domain.finding.catalogue``. ``file``: the file of the project to look at.
    """

    code: Code
    layer: Layer
    severity: Severity
    subject: str
    message: str
    expected: str | None = None
    actual: str | None = None
    fix: str | None = None
    advice: str | None = None
    file: str | None = None
