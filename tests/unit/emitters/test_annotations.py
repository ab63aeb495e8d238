"""Annotations of GitHub Actions: nothing in a finding breaks out of its line."""

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.finding import Finding, Severity
from envctl.emitters.annotations import Place, annotations


def finding(message: str = "m", *, severity: Severity = "error", fix: str | None = None) -> Finding:
    return Finding(
        code="lock-stale", layer="lock", severity=severity, subject="x", message=message, fix=fix
    )


def unescaped(text: str) -> str:
    """Read as the runner does (`ActionCommand.UnescapeData` and `UnescapeProperty` of actions/runner)."""
    for code, each in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, each)
    return text


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """Split a line as the runner does: to the first `::` after the command, properties at commas."""
    found = re.fullmatch(r"::([a-z]+) ([^\n]*?)::([^\n]*)", line)
    assert found, line
    pairs = (each.split("=", 1) for each in found[2].split(","))
    return found[1], {name: unescaped(value) for name, value in pairs}, unescaped(found[3])


def test_a_finding_with_its_place_and_its_fix() -> None:
    text = annotations(
        [finding("it differs", fix="envctl lock")], lambda _: Place(file="a/b.toml", line=7)
    )
    assert text == (
        "::error file=a/b.toml,line=7,title=envctl%3A lock-stale::it differs%0Amend it with: envctl lock\n"
    )


def test_its_advice_and_no_control_character() -> None:
    found = replace(finding("a\x1b[31m\r\nb"), advice="ask\tsomebody")
    assert annotations([found], lambda _: None) == (
        "::error title=envctl%3A lock-stale::a\\x1b[31m\\r\\nb%0Aask\\tsomebody\n"
    )


def test_kinds_and_order() -> None:
    found = [finding(severity="note"), finding(severity="warning"), finding()]
    lines = annotations(found, lambda _: None).splitlines()
    assert [parsed(line)[0] for line in lines] == ["error", "warning"]


@given(st.text(), st.text(min_size=1))
def test_whatever_stands_in_it_arrives_as_one_command(message: str, file: str) -> None:
    text = annotations([finding(message)], lambda _: Place(file=file))
    assert text.count("\n") == 1
    assert text[:-1].isprintable()
    kind, words, said = parsed(text[:-1])
    assert (kind, words["title"]) == ("error", "envctl: lock-stale")
    assert set(words) == {"file", "title"}
    if message.isprintable():
        assert said == message
    if file.isprintable():
        assert words["file"] == file


def test_hostile_words_start_no_command_of_their_own() -> None:
    hostile = "x\n::stop-commands::t\r\n::add-mask::y,%0A::error::z"
    text = annotations([finding(hostile)], lambda _: Place(file="a,line=1::b%\n"))
    assert len(text.splitlines()) == 1
    assert parsed(text[:-1])[1].keys() == {"file", "title"}


def test_more_than_github_shows_are_counted() -> None:
    ten = [finding(str(n)) for n in range(10)]
    assert len(annotations(ten, lambda _: None).splitlines()) == 10
    lines = annotations(
        [*ten, finding("10"), finding(severity="warning")], lambda _: None
    ).splitlines()
    assert len(lines) == 11
    assert lines[9] == "::error title=envctl::2 more errors are in the log of this step"
    assert lines[10].startswith("::warning ")
