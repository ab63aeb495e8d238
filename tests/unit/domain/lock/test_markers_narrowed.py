"""`narrowed`: what is left of a lock's marker once groups and extras are chosen (PEP 751)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker, UndefinedComparison

from envctl.domain.lock.markers import narrowed

NAMES = ("dev", "docs", "a-b", "or", "x and y")
SYSTEMS = ("linux", "darwin", "win32", "it's or (odd) and ")
PYTHONS = ("3.9", "3.10", "3.12")

set_atoms = st.builds(
    "'{}' {} {}".format,
    st.sampled_from(NAMES),
    st.sampled_from(["in", "not in"]),
    st.sampled_from(["extras", "dependency_groups"]),
)
system_atoms = st.builds(
    'sys_platform {} "{}"'.format, st.sampled_from(["==", "!="]), st.sampled_from(SYSTEMS)
)
python_atoms = st.builds(
    "python_version {} '{}'".format, st.sampled_from(["<", ">="]), st.sampled_from(PYTHONS)
)
turned_atoms = st.builds('"{}" == os_name'.format, st.sampled_from(["posix", "extras", "nt"]))
markers = st.recursive(
    set_atoms | system_atoms | python_atoms | turned_atoms,
    lambda inner: (
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or"]), inner)
    ),
    max_leaves=12,
)
choices = st.frozensets(st.sampled_from(NAMES))
environments = st.fixed_dictionaries(
    {
        "sys_platform": st.sampled_from(SYSTEMS),
        "python_version": st.sampled_from(PYTHONS),
        "os_name": st.sampled_from(["posix", "nt", "extras"]),
    }
)


@settings(deadline=None)
@given(text=markers, extras=choices, groups=choices, environment=environments)
def test_the_rest_means_the_same_in_every_environment(
    text: str, extras: frozenset[str], groups: frozenset[str], environment: dict[str, str]
) -> None:
    sets = {"extras": extras, "dependency_groups": groups}
    whole = Marker(text).evaluate({**environment, **sets}, context="lock_file")
    rest = narrowed(Marker(text), extras=extras, groups=groups)
    left = rest if isinstance(rest, bool) else rest.evaluate(environment, context="requirement")
    assert left == whole


@settings(deadline=None)
@given(text=markers, extras=choices, groups=choices)
def test_nothing_is_left_to_ask_about_the_sets(
    text: str, extras: frozenset[str], groups: frozenset[str]
) -> None:
    rest = narrowed(Marker(text), extras=extras, groups=groups)
    if not isinstance(rest, bool):
        again = narrowed(rest, extras=frozenset(NAMES) - extras, groups=frozenset(NAMES) - groups)
        assert again == rest


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("'dev' in dependency_groups", True),
        ("'docs' in dependency_groups", False),
        ("'dev' not in dependency_groups", False),
        ("'Viz' in extras and sys_platform == 'win32'", 'sys_platform == "win32"'),
        ("sys_platform == 'win32' or 'docs' in dependency_groups", 'sys_platform == "win32"'),
        (
            "('viz' in extras and os_name == 'nt') or ('dev' in dependency_groups and os_name == 'nt')",
            'os_name == "nt"',
        ),
        (
            "('viz' in extras) and (os_name == 'nt' or os_name == 'java') and python_version < '4'",
            '(os_name == "nt" or os_name == "java") and python_version < "4"',
        ),
    ],
)
def test_examples(text: str, left: str | bool) -> None:
    rest = narrowed(Marker(text), extras={"viz"}, groups={"dev"})
    assert (rest if isinstance(rest, bool) else str(rest)) == left


def test_no_marker_holds_everywhere() -> None:
    assert narrowed(None, extras=(), groups=()) is True


def test_a_comparison_that_pep_751_does_not_know_is_refused() -> None:
    with pytest.raises(UndefinedComparison):
        narrowed(Marker("extras == 'viz'"), extras=(), groups=())
