from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.emitters.findings_text import report


def finding(code: Code, severity: Severity, advice: str = "") -> Finding:
    return Finding(
        code=code,
        layer="fleet",
        severity=severity,
        subject="x",
        message=f"about {code}",
        advice=advice or None,
    )


def test_the_gravest_come_first_and_what_one_act_mends_stays_together() -> None:
    found = [
        finding("python-version", "note"),
        finding("driver-too-old", "error", "another driver"),
        finding("gpu-unused", "warning", "another build"),
        finding("driver-limited", "note", "another driver"),
        finding("no-kernel-for-gpu", "error", "another build"),
    ]
    lines = [line.split() for line in report(["fleet"], found, {}).splitlines()]
    assert [" ".join(line[:2]).rstrip(":") for line in lines] == [
        "fleet 2",
        "error driver-too-old",
        "note driver-limited",
        "another driver",
        "error no-kernel-for-gpu",
        "warning gpu-unused",
        "another build",
        "note python-version",
    ]
