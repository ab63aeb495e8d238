"""What a team lets each code count, and how the manifest says it."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.finding import SEVERITIES, Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.finding.weights import WEIGHTS, Weight, Weights
from envctl.domain.manifest.verify_table import verify
from envctl.errors import ManifestError
from envctl.usecases import load


def finding(code: Code, severity: Severity = "error") -> Finding:
    return Finding(code=code, layer="lock", severity=severity, subject="x", message="y")


def test_without_a_word_of_the_team_everything_stays() -> None:
    found = [finding("lock-stale"), finding("cuda-outside", "note")]
    weighed = Weights().weigh(found)
    assert (weighed.findings, weighed.off, weighed.lowered) == (tuple(found), (), ())
    assert weighed.fails(strict=False)


def test_what_is_switched_off_or_counts_less_is_told() -> None:
    weights = Weights(
        severity={"lock-stale": "off", "lock-edited": "note", "cuda-outside": "error"}
    )
    found = [finding("lock-stale"), finding("lock-edited"), finding("cuda-outside", "note")]
    weighed = weights.weigh(found)
    assert [(each.code, each.severity) for each in weighed.findings] == [
        ("lock-edited", "note"),
        ("cuda-outside", "error"),
    ]
    assert weighed.off == (found[0],)
    assert weighed.lowered == ("lock-edited",)


SETTINGS = st.dictionaries(st.sampled_from(get_args(Code)), st.sampled_from(WEIGHTS), max_size=6)
FOUND = st.lists(st.tuples(st.sampled_from(get_args(Code)), st.sampled_from(SEVERITIES)))


@given(SETTINGS, FOUND)
def test_no_finding_is_lost_and_each_has_the_teams_severity(
    settings: dict[Code, Weight], found: list[tuple[Code, Severity]]
) -> None:
    findings = [finding(*each) for each in found]
    weighed = Weights(severity=settings).weigh(findings)
    assert len(weighed.findings) + len(weighed.off) == len(findings)
    assert all(settings.get(each.code, each.severity) == each.severity for each in weighed.findings)
    assert all(settings[each.code] == "off" for each in weighed.off)
    grave = [each for each in weighed.findings if each.severity == "error"]
    assert weighed.fails(strict=False) == bool(grave)


def read(table: Any) -> Weights:
    return verify({"verify": table}, "tool.envctl")


def test_the_table_is_read() -> None:
    text = '[tool.envctl.verify]\nstrict = true\nseverity = { file-added = "off" }\n'
    assert load.parsed(text).verify == Weights(severity={"file-added": "off"}, strict=True)
    assert load.parsed("").verify == Weights()


@pytest.mark.parametrize(
    ("table", "where", "hint"),
    [
        ({"severity": {"file-modifed": "note"}}, "severity.file-modifed", "`file-modified`"),
        ({"severity": {"x y": "note"}}, "severity.x y", "write a code as `envctl verify` shows it"),
        ({"severity": {"": "note"}}, "severity.", "write a code"),
        ({"severity": {"file-added": "of"}}, "severity.file-added", "`off`"),
        ({"severity": {"file-added": "fatal"}}, "severity.file-added", "one of: error, warning"),
        ({"severity": {"file-added": True}}, "severity.file-added", "correct that value"),
        ({"severity": {"file-added": ["note"]}}, "severity.file-added", "correct that value"),
        ({"severity": ["file-added"]}, "severity", "correct that value"),
        ({"severity": "off"}, "severity", "correct that value"),
        ({"strict": "yes"}, "strict", "correct that value"),
        ({"strikt": True}, "strikt", "`strict`"),
        ({"severty": {}}, "severty", "`severity`"),
    ],
)
def test_what_is_wrong_in_it_is_named_with_its_key(table: Any, where: str, hint: str) -> None:
    with pytest.raises(ManifestError) as refused:
        read(table)
    assert refused.value.where == f"tool.envctl.verify.{where}"
    assert hint in str(refused.value.hint)


def test_a_table_that_is_none() -> None:
    values: tuple[Any, ...] = (True, [], "off")
    for value in values:
        with pytest.raises(ManifestError) as refused:
            read(value)
        assert refused.value.where == "tool.envctl.verify"
