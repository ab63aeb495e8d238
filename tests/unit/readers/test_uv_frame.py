"""uv's words in a frame, as 0.11.33 wrote them, and the same words without it."""

# ruff: noqa: RUF001  # the sign that the frame begins with

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters.uv.failures import explain
from envctl.errors import EnvctlError
from envctl.ports import Completed
from envctl.readers.uv_frame import unframed

START = "Using CPython 3.11.7 interpreter at: /usr/bin/python3\n"
UNSOLVABLE = START + (
    "  × No solution found when resolving dependencies:\n"
    "  ╰─▶ Because only the following versions of zz-made-lib are available:\n"
    "          zz-made-lib<=1\n"
    "          zz-made-lib>=1.1\n"
    "      and your project depends on zz-made-lib>1, we can conclude that your\n"
    "      project depends on zz-made-lib>=1.1.\n"
    "      And because your project depends on zz-made-lib<1.1, we can conclude\n"
    "      that your project's requirements are unsatisfiable.\n"
)
ABSENT = START + (
    "  × No solution found when resolving dependencies:\n"
    "  ╰─▶ Because zz-made-none was not found in the\n"
    "      package registry and your project depends on zz-made-none, we can\n"
    "      conclude that your project's requirements are unsatisfiable.\n"
    "\n"
    "      hint: An index was not asked\n"
)
BUILD = (
    "  × Failed to build `acme==1.0`\n"
    "  ├─▶ The build backend returned an error\n"
    "  ╰─▶ Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)\n"
    "\n"
    "      [stderr]\n"
    "      error: no gcc\n"
)


def ascii_frame(text: str) -> str:
    """Return the frame as it is drawn where the locale has no letters for it."""
    return text.replace("×", "x").replace("╰─▶", "`->").replace("├─▶", "|->")


def explained(text: str) -> EnvctlError:
    return explain(Completed(argv=("uv", "lock"), code=1, stdout="", stderr=text))


@pytest.mark.parametrize("drawn", [str, ascii_frame])
class TestFramed:
    def test_what_collides(self, drawn: Callable[[str], str]) -> None:
        error = explained(drawn(UNSOLVABLE))
        assert error.message == "no version of `zz-made-lib` suits all who ask for it"
        assert error.why == (
            "the project asks for zz-made-lib>1",
            "the project asks for zz-made-lib<1.1",
        )
        assert error.details == drawn(UNSOLVABLE).strip()

    def test_a_sentence_that_the_frame_broke(self, drawn: Callable[[str], str]) -> None:
        assert explained(drawn(ABSENT)).message == "there is no package `zz-made-none` on the index"

    def test_a_build(self, drawn: Callable[[str], str]) -> None:
        assert explained(drawn(BUILD)).message.startswith("`acme==1.0` has no wheel for this")


def test_each_line_of_the_frame_is_one_of_the_newer_form() -> None:
    assert unframed(BUILD).split("\n") == [
        "error: Failed to build `acme==1.0`",
        "  cause: The build backend returned an error",
        "  cause: Call to `setuptools.build_meta.build_wheel` failed (exit status: 1)",
        "",
        "      [stderr]",
        "      error: no gcc",
    ]


def test_what_has_no_frame_stays() -> None:
    newer = "error: No solution found\n  cause: Because a\n             list\n         and b\n"
    assert unframed(newer) == newer
    assert unframed("\x1b[1m\x1b[31merror\x1b[39m: x\n") == "error: x\n"


def test_what_nobody_knows_is_told_by_its_last_line() -> None:
    panic = "\nthread 'main' panicked at src/lib.rs:1:1:\nindex out of bounds\n\n"
    assert explained(panic).message == "uv ended with code 1: index out of bounds"
    assert explained("").message == "uv ended with code 1: it said nothing"


@given(st.text(st.sampled_from("×x╰─▶`->|│ ab:\n\x1b[0m"), max_size=120))
def test_any_text_is_read(text: str) -> None:
    assert isinstance(explained(text), EnvctlError)
