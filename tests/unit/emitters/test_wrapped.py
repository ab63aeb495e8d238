"""Talk broken for a terminal: nothing is lost, and what is copied stays whole."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.emitters.wrapped import cells, wrapped

LONG = (
    "install it (Debian, Ubuntu: `apt-get install docker-buildx`), or use another one that is here"
)


def test_further_lines_stand_under_the_first() -> None:
    assert wrapped(f"  next:  {LONG}", 50).split("\n") == [
        "  next:  install it (Debian, Ubuntu:",
        "         `apt-get install docker-buildx`), or use",
        "         another one that is here",
    ]
    assert wrapped(f"error: {LONG}", 60).split("\n")[1].startswith("  `apt-get")
    assert wrapped(f"  * {LONG}", 60).split("\n")[1].startswith("    `apt-get")


def test_what_a_person_copies_is_not_broken() -> None:
    command = "`envctl image build --tag registry.example/team/vision:1.0 --platform linux/amd64`"
    assert command in wrapped(f"  next:  run {command}, then go on", 40)
    where = f"  where: /home/{'a folder/' * 20}x"
    assert wrapped(where, 40) == where
    path = "/" + "x" * 100
    assert path in wrapped(f"error: it is not there: {path} is gone", 40)


@pytest.mark.parametrize("width", [0, 1, 19])
def test_a_terminal_that_is_none_breaks_it_itself(width: int) -> None:
    assert wrapped(LONG, width) == LONG


def test_a_line_that_fits_stays_as_it_is() -> None:
    table = "  a    1.0     x\n  b    2.0     y\n"
    assert wrapped(table, 80) == table


@given(st.text(st.sampled_from("ab` \n:中é\u0301"), max_size=200), st.integers(20, 90))
def test_no_word_is_lost_and_no_line_is_too_long_that_could_be_shorter(
    text: str, width: int
) -> None:
    broken = wrapped(text, width)
    assert broken.split() == text.split()
    for line in broken.split("\n"):
        if cells(line) > width and not line.startswith("  where: "):
            assert len(re.findall(r"(?:`[^`]*`|[^\s`]|`)+", line)) == 1


@given(st.text(st.sampled_from("ab ` :é中"), max_size=120), st.integers(20, 90))
def test_breaking_twice_changes_nothing_for_one_who_copies(text: str, width: int) -> None:
    assert wrapped(wrapped(text, width), width).split() == text.split()


def test_the_width_of_letters() -> None:
    assert [cells(each) for each in ("abc", "中文", "e\u0301", "")] == [3, 4, 1, 0]
