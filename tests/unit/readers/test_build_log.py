"""Builders' logs, as they were printed, and as anyone may print into them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.image.order import Event, Output, Step
from envctl.readers.build_log import BuildKit, Log, OneByOne

LOGS = Path(__file__).parents[2] / "assets" / "build_logs"


def read(log: Log, name: str, *, failed: bool = False) -> list[Event]:
    lines = (LOGS / name).read_text(encoding="utf-8").split("\n")
    found = [event for line in lines for event in log.read(line)]
    return [*found, *log.end(failed=failed)]


def told(events: list[Event]) -> list[tuple[str, str]]:
    """The end of each step of the Dockerfile, in the order of the ends."""
    return [
        (event.title[:12], event.state)
        for event in events
        if isinstance(event, Step) and not event.internal and event.state != "running"
    ]


@pytest.mark.parametrize("name", ["docker-20.10.txt", "buildx-0.13.txt"])
def test_both_generations_of_buildkit_tell_the_same_steps(name: str) -> None:
    log = BuildKit()
    events = read(log, name)
    ends = dict(told(events))
    assert ends == {
        "[base 1/1] F": "cached",
        "[one 1/1] RU": "done",
        "[stage-2 1/3": "done",
        "[stage-2 2/3": "done",
        "[stage-2 3/3": "done",
    }
    written = {event.text for event in events if isinstance(event, Output)}
    assert {"one", "err"} <= written
    seconds = [e.seconds for e in events if isinstance(e, Step) and e.title.startswith("[one")]
    assert seconds[0] is None
    assert (seconds[-1] or 0) > 1
    assert log.failed is None


def test_the_step_that_failed_is_named() -> None:
    log = BuildKit()
    events = read(log, "buildx-0.13-failed.txt", failed=True)
    assert log.failed == "[stage-2 3/3] RUN sleep 1; echo 2526 two; exit 3"
    assert told(events)[-1] == ("[stage-2 3/3", "failed")


@pytest.mark.parametrize("name", ["classic-20.10.txt", "podman-4.3.txt"])
def test_steps_that_come_one_after_the_other_end_where_the_next_begins(name: str) -> None:
    events = read(OneByOne(), name)
    ends = told(events)
    assert len(ends) == 7
    assert {state for _, state in ends} == {"done"}
    written = [event.text for event in events if isinstance(event, Output)]
    assert {"one", "err", "two"} <= set(written)
    assert not any("intermediate container" in text for text in written)


def test_a_step_from_the_cache_is_said_to_be() -> None:
    log = OneByOne()
    lines = ["Step 1/2 : FROM x", " ---> 8417ede46409", "Step 2/2 : RUN y", " ---> Using cache"]
    events = [event for line in lines for event in log.read(line)]
    events += log.end(failed=False)
    assert told(events) == [("[1/2] FROM x", "done"), ("[2/2] RUN y", "cached")]


def test_a_program_cannot_end_its_own_step() -> None:
    """What a step writes carries the time before it; the engine's own words do not."""
    log = BuildKit()
    lines = ["#5 [one 1/1] RUN x", "#5 0.421 DONE 0.1s", "#5 0.422 #6 DONE 9s", "#5 DONE 1.6s"]
    events = [event for line in lines for event in log.read(line)]
    assert [e.text for e in events if isinstance(e, Output)] == ["DONE 0.1s", "#6 DONE 9s"]
    assert told(events) == [("[one 1/1] RU", "done")]


@given(st.lists(st.text()))
def test_no_line_is_too_odd(lines: list[str]) -> None:
    for log in (BuildKit(), OneByOne()):
        begun = {
            event.key
            for line in lines
            for event in log.read(line)
            if isinstance(event, Step) and event.state == "running"
        }
        ended = {event.key for event in log.end(failed=True) if isinstance(event, Step)}
        assert ended <= begun
