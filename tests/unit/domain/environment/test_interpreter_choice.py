"""Which interpreter serves a project."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.environment.interpreter_choice import Candidate, Demand, choose, listed


def candidate(version: str, *, defect: str | None = None, path: str | None = None) -> Candidate:
    return Candidate(
        path=path or f"/opt/python{version}", version=version, source="PATH", defect=defect
    )


@pytest.mark.parametrize(
    ("demand", "taken", "refused"),
    [
        (Demand(), ["3.9.0", "3.13.1"], ["3.8.20", "3.14.0a1"]),
        (Demand(python="3.1"), ["3.1.4"], ["3.11.2", "3.10.0"]),
        (Demand(python="3.11"), ["3.11.0", "3.11.12"], ["3.1.11", "3.12.1"]),
        (Demand(python="3.11.1"), ["3.11.1"], ["3.11.12", "3.11.1rc1"]),
        (Demand(python="3.15"), ["3.15.0a2", "3.15.0"], ["3.14.9"]),
        (Demand(python="3.15", requires_python=">=3.15"), ["3.15.0rc1"], ["3.16.0"]),
        (Demand(requires_python=">=3.14"), ["3.14.0", "3.15.1"], ["3.15.0a2", "3.13.9"]),
        (Demand(requires_python=">=3.15.0a1"), ["3.15.0a2", "3.15.0"], ["3.14.9"]),
        (Demand(requires_python="~=3.11.4"), ["3.11.4", "3.11.9"], ["3.12.0", "3.11.3"]),
        (Demand(requires_python="==3.12.*"), ["3.12.1"], ["3.13.0", "3.12.0b1"]),
        (Demand(requires_python=">=3.9,!=3.10.*,<4"), ["3.9.1", "3.11.0"], ["3.10.3"]),
        (Demand(python="3.11", requires_python=">=3.11.4"), ["3.11.5"], ["3.11.2"]),
    ],
    ids=str,
)
def test_what_a_demand_takes(demand: Demand, taken: list[str], refused: list[str]) -> None:
    assert [each for each in [*taken, *refused] if demand.takes(each)] == taken
    assert all(demand.may_take(each) for each in taken)


def test_a_name_that_tells_no_version_may_be_any() -> None:
    for said in ("", "3", "pypy3.10-7.3.15", "miniforge3", "system", "3.x"):
        assert Demand(python="3.11").may_take(said)
    assert not Demand(python="3.11").may_take("3.12")
    assert not Demand(requires_python="<3.12").may_take("3.12.1")


def test_the_choice() -> None:
    """A finished one before an early one, the newest minor, then the first."""
    found = [
        candidate("3.16.0a1"),
        candidate("3.12.9"),
        candidate("3.13.1", path="/first"),
        candidate("3.13.5"),
        candidate("3.14.0", defect="a free-threaded build"),
        candidate("", defect="does not start"),
    ]
    chosen = choose(Demand(requires_python=">=3.12.0a1"), found)
    assert chosen is not None
    assert chosen.path == "/first"
    assert choose(Demand(python="3.16"), found) == found[0]
    assert choose(Demand(python="3.14"), found) is None


@given(
    st.lists(
        st.builds(
            lambda minor, patch, early, defect: candidate(
                f"3.{minor}.{patch}{early}", defect=defect
            ),
            st.integers(0, 20),
            st.integers(0, 30),
            st.sampled_from(["", "", "a1", "rc2"]),
            st.sampled_from([None, None, "a debug build"]),
        )
    ),
    st.one_of(
        st.builds(lambda minor: Demand(python=f"3.{minor}"), st.integers(0, 20)),
        st.builds(lambda minor: Demand(requires_python=f">=3.{minor}"), st.integers(0, 20)),
        st.just(Demand()),
    ),
)
def test_what_is_chosen_serves_and_nothing_is_lost(found: list[Candidate], demand: Demand) -> None:
    chosen = choose(demand, found)
    serving = [each for each in found if demand.takes(each.version) and each.defect is None]
    assert (chosen is None) == (not serving)
    assert chosen is None or chosen in serving
    usable, useless = listed(demand, found)
    assert len(usable) + len(useless) <= len(found)
    assert all(line.endswith((": a debug build", ": a pre-release")) for line in useless)
    assert not any(": a debug build" in line for line in usable)


def test_what_is_said_of_each() -> None:
    found = [
        candidate("3.10.1"),
        candidate("3.12.2"),
        candidate("3.8.1"),
        candidate("3.14.0", defect="a free-threaded build"),
        candidate("3.13.0", defect="a debug build"),
        candidate("", defect="does not start", path="/opt/python3.14"),
        candidate("", defect="does not start", path="/opt/python3.9"),
        candidate("", defect="does not start", path="/opt/python"),
        candidate("3.14.0rc1"),
    ]
    usable, useless = listed(Demand(python="3.14", requires_python=">=3.10"), found)
    assert usable == ["3.12.2  /opt/python3.12.2  (PATH)", "3.10.1  /opt/python3.10.1  (PATH)"]
    assert useless == [
        "3.14.0  /opt/python3.14.0  (PATH): a free-threaded build",
        "?  /opt/python3.14  (PATH): does not start",
        "?  /opt/python  (PATH): does not start",
        "3.14.0rc1  /opt/python3.14.0rc1  (PATH): a pre-release",
    ]
