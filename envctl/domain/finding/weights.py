"""How much a team lets each code count: ``[tool.envctl.verify]``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from envctl.domain.finding import SEVERITIES, Finding
from envctl.domain.finding.codes import Code

Weight = Literal["error", "warning", "note", "off"]
WEIGHTS: tuple[Weight, ...] = ("error", "warning", "note", "off")


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """Findings as the team counts them: those left, those switched off, and the codes that count less."""

    findings: tuple[Finding, ...] = ()
    off: tuple[Finding, ...] = ()
    lowered: tuple[Code, ...] = ()

    def fails(self, *, strict: bool) -> bool:
        """Whether the answer is no; ``strict``: warnings count as errors."""
        bad = ("error", "warning") if strict else ("error",)
        return any(finding.severity in bad for finding in self.findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """The team's word: a severity by code, and whether warnings count as errors."""

    severity: Mapping[Code, Weight] = field(default_factory=dict)
    strict: bool = False

    def weigh(self, findings: Iterable[Finding]) -> Weighed:
        """Give each finding the severity that the team has for its code, if it has one."""
        kept: list[Finding] = []
        off: list[Finding] = []
        lowered: dict[Code, None] = {}
        for finding in findings:
            weight = self.severity.get(finding.code, finding.severity)
            if weight == "off":
                off.append(finding)
                continue
            if SEVERITIES.index(weight) > SEVERITIES.index(finding.severity):
                lowered[finding.code] = None
            kept.append(
                finding if weight == finding.severity else replace(finding, severity=weight)
            )
        return Weighed(findings=tuple(kept), off=tuple(off), lowered=tuple(lowered))
