import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.errors import ResolutionError
from envctl.readers.compiled import Compiled, edges, reach, read_compiled

TEXT = """\
# a comment
--index-url https://index.example/simple

app[fast]==1.0 ; python_version > "3"  # via -r base.in
Dep_One==2.0              # via -c constraints.txt, app, plot[x]
plot==3.0                 # via -r extra-viz.in, -r group-dev.in
thing @ https://x.example/thing-1.0-py3-none-any.whl#sha256=00  # via plot
alone==1.0+cpu
"""


def test_reads_pins_with_who_asks_for_them() -> None:
    assert read_compiled(TEXT) == (
        Compiled(name="app", version="1.0", extras=("fast",), roots=("base.in",)),
        Compiled(name="dep-one", version="2.0", via=("app", "plot")),
        Compiled(name="plot", version="3.0", roots=("extra-viz.in", "group-dev.in")),
        Compiled(
            name="thing",
            url="https://x.example/thing-1.0-py3-none-any.whl#sha256=00",
            via=("plot",),
        ),
        Compiled(name="alone", version="1.0+cpu"),
    )


def test_reach_and_edges_follow_the_comments() -> None:
    pins = read_compiled(TEXT)
    assert reach(pins) == {
        "app": {"base.in"},
        "dep-one": {"base.in", "extra-viz.in", "group-dev.in"},
        "plot": {"extra-viz.in", "group-dev.in"},
        "thing": {"extra-viz.in", "group-dev.in"},
        "alone": set(),
    }
    assert edges(pins)["plot"] == ("dep-one", "thing")
    assert edges(pins)["thing"] == ()


def test_a_circle_ends() -> None:
    pins = read_compiled("a==1  # via b, -r base.in\nb==1  # via a\n")
    assert reach(pins) == {"a": {"base.in"}, "b": {"base.in"}}


@pytest.mark.parametrize("line", ["-e .", "demo>=1", "demo", "demo ==", "./folder"])
def test_a_line_that_pins_nothing_is_refused(line: str) -> None:
    with pytest.raises(ResolutionError, match="pins no version") as caught:
        read_compiled(line)
    assert 'resolver = "uv"' in (caught.value.hint or "")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        reach(read_compiled(text))
    except ResolutionError:
        return
