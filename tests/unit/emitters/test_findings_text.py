from dataclasses import replace

from envctl.domain.finding import Finding, Layer, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.finding.weights import Weights
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


def test_what_is_said_of_several_files_is_said_once() -> None:
    two = [replace(finding("base-unpinned", "warning"), file=f"Dockerfile.{n}") for n in "ab"]
    text = report(["fleet"], [*two, finding("base-gone", "error")], {})
    assert text.count("about base-unpinned") == 1
    assert "about base-unpinned (Dockerfile.a, Dockerfile.b)\n" in text
    assert "about base-gone\n" in text


def test_what_the_team_switched_off_stands_below() -> None:
    off = Weights(severity={"file-added": "off", "file-modified": "note"})
    weighed = off.weigh([finding("file-added", "error")] * 2 + [finding("file-modified", "error")])
    assert report(["fleet"], weighed.findings, {}, weighed=weighed).splitlines()[-2:] == [
        "2 findings are switched off by [tool.envctl.verify]: file-added",
        "this counts less by [tool.envctl.verify]: file-modified",
    ]


def test_what_was_found_is_shown_though_a_part_was_not_looked_at() -> None:
    why: dict[Layer, str] = {"fleet": "there is no pylock.b.toml to compare with"}
    assert report(["fleet"], [], why) == f"fleet        skipped: {why['fleet']}\n"
    assert report(["fleet"], [finding("base-gone", "error")], why).splitlines() == [
        "fleet        1 error",
        f"  in part skipped: {why['fleet']}",
        "  error   base-gone: about base-gone",
    ]


def test_who_lets_warnings_count_is_said_where_they_alone_decide() -> None:
    warning, error = finding("gpu-unused", "warning"), finding("base-gone", "error")
    said = "warnings count as errors here: --strict\n"
    assert report(["fleet"], [warning], {}, strict="--strict").endswith(f"\n{said}")
    assert said not in report(["fleet"], [warning], {})
    assert said not in report(["fleet"], [warning, error], {}, strict="--strict")
    assert said not in report(["fleet"], [finding("base-moved", "note")], {}, strict="--strict")


def test_digests_are_for_those_who_ask() -> None:
    old, new = (f"sha256:{digit * 64}" for digit in "01")
    found = [replace(finding("dockerfile-stale", "error"), expected=new, actual=old)]
    assert "sha256" not in report(["fleet"], found, {})
    assert f"expected {new}, found {old}" in report(["fleet"], found, {}, verbose=True)
