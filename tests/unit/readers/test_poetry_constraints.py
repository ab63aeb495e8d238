"""Poetry's constraints: what they become allows the same versions."""

from contextlib import suppress
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from envctl.readers.poetry.constraints import python_marker, python_specifier, specifier
from envctl.readers.poetry.version_ranges import ConstraintError

VERSIONS = [f"{a}.{b}.{c}" for a, b, c in product(range(4), repeat=3)]

releases = st.lists(st.integers(0, 2), min_size=1, max_size=3).map(tuple)
clauses = st.one_of(
    st.tuples(st.sampled_from(["", "==", "=", ">=", ">", "<=", "<", "^", "~"]), releases).map(
        lambda pair: pair[0] + dotted(pair[1])
    ),
    st.tuples(st.sampled_from(["", "==", "!="]), releases).map(
        lambda pair: f"{pair[0]}{dotted(pair[1])}.*"
    ),
)
conjunctions = st.lists(clauses, min_size=1, max_size=2).map(",".join)


def dotted(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))


def allowed(text: str) -> list[str]:
    found = SpecifierSet(text)
    return [version for version in VERSIONS if found.contains(version)]


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_cases_of_poetrys_documentation() -> None:
    expected = {
        "^1.2.3": ">=1.2.3,<2.0.0",
        "^1.2": ">=1.2,<2.0",
        "^1": ">=1,<2",
        "^0.2.3": ">=0.2.3,<0.3.0",
        "^0.0.3": ">=0.0.3,<0.0.4",
        "^0.0": ">=0.0,<0.1",
        "^0": ">=0,<1",
        "~1.2.3": ">=1.2.3,<1.3.0",
        "~1.2": ">=1.2,<1.3",
        "~1": ">=1,<2",
        "*": "",
        "1.*": "==1.*",
        "1.2.*": "==1.2.*",
        ">= 1.2.0": ">=1.2.0",
        ">=1.2,<1.5": ">=1.2,<1.5",
        ">=1.2 <1.5": ">=1.2,<1.5",
        "1.2.3": "==1.2.3",
        "==1.2.3": "==1.2.3",
        "!=1.2.3": "!=1.2.3",
        "^2.0.0rc1": ">=2.0.0rc1,<3.0.0",
        "~=1.4.2": "~=1.4.2",
        "^1.2+cpu": ">=1.2,<2.0",
        "^2.0 || ^3.0": ">=2.0,<4.0",
        "^2 || ^4": ">=2,<5,!=3.*",
        "<2 || >2": "!=2",
    }
    assert {text: specifier(text) for text in expected} == expected


@given(releases)
def test_a_caret_allows_what_does_not_change_the_first_part_that_is_not_zero(
    release: tuple[int, ...],
) -> None:
    place = next((n for n, part in enumerate(release) if part), len(release) - 1)
    wanted = [
        version
        for version in VERSIONS
        if numbers(version) >= release and numbers(version)[: place + 1] == release[: place + 1]
    ]
    assert allowed(specifier(f"^{dotted(release)}")) == wanted


@given(releases)
def test_a_tilde_allows_what_does_not_change_the_minor(release: tuple[int, ...]) -> None:
    same = release[:2]
    wanted = [
        version
        for version in VERSIONS
        if numbers(version) >= release and numbers(version)[: len(same)] == same
    ]
    assert allowed(specifier(f"~{dotted(release)}")) == wanted


@given(st.lists(conjunctions, min_size=2, max_size=3))
def test_alternatives_allow_what_one_of_them_allows_or_are_refused(texts: list[str]) -> None:
    try:
        joined = specifier(" || ".join(texts))
    except ConstraintError:
        return
    each = {version for text in texts for version in allowed(specifier(text))}
    assert set(allowed(joined)) == each


@given(st.lists(conjunctions, min_size=1, max_size=3))
def test_a_marker_holds_where_the_specifier_allows(texts: list[str]) -> None:
    marker = python_marker(" || ".join(texts))
    for version in ("0.1.2", "1.0.0", "1.2.3", "2.3.0", "3.3.3", "4.0.1"):
        here = {"python_version": version.rpartition(".")[0], "python_full_version": version}
        wanted = any(_holds(text, version) for text in texts)
        assert (not marker or Marker(marker).evaluate(here)) == wanted, marker


def _holds(text: str, version: str) -> bool:
    """Poetry takes `==3.8` of a Python for all of 3.8, as `python_version` does."""
    return all(
        version.rpartition(".")[0] == clause.lstrip("=")
        if clause.lstrip("=").count(".") == 1 and clause[0] in "=0123" and "*" not in clause
        else SpecifierSet(specifier(clause)).contains(version)
        for clause in text.split(",")
    )


def test_python_2_is_left_out_where_3_is_allowed() -> None:
    assert python_specifier("~2.7 || ^3.6") == ">=3.6,<4.0"
    assert python_specifier(">=2.7,<3.0 || >=3.6") == ">=3.6"
    assert python_specifier("~2.7") == ">=2.7,<2.8"
    assert python_specifier("*") == ""


@pytest.mark.parametrize(
    "text",
    [
        *("", "||", "^", "^*", "^1.x", "latest", "1.2 - 1.4", ">=1,,<2", "==1.2.3.*.4", "1" * 501),
        *("~2.7 || ^3.6", "!=1 || 2"),
    ],
)
def test_what_no_specifier_says_is_refused(text: str) -> None:
    with pytest.raises(ConstraintError):
        specifier(text)


@given(
    st.text(st.sampled_from("^~=<>!*.,| 0123456789xvabrc+-"), max_size=40) | st.text(max_size=40)
)
def test_any_text_is_a_specifier_or_refused(text: str) -> None:
    for convert in (specifier, python_specifier):
        with suppress(ConstraintError):
            SpecifierSet(convert(text))
    try:
        marker = python_marker(text)
    except ConstraintError:
        return
    assert not marker or str(Marker(marker))
