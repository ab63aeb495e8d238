"""The graph as a Mermaid flowchart, which GitHub, GitLab and many documentation tools draw.

A label is in double quotes; whatever is not a letter, a digit or one of a few marks is written as ``#NN;``, the
character's number (mermaid.js.org/syntax/flowchart.html, "entity codes to escape characters").
"""

from collections.abc import Iterable, Iterator

from envctl.domain.graph.picture import Box, Figure, Picture, picture
from envctl.domain.graph.views import View
from envctl.emitters.graphs import labels
from envctl.emitters.graphs.palette import ALARM, FAINT, GPU, TEXT, WHITE, Hue, hue

ARROWS, CHARACTERS = 500, 50_000
"""What a page draws unless its own settings allow more (``maxEdges``, ``maxTextSize``)."""

_FEW = 40
_PLAIN = " .,-_+·[]()=…"
_SPACES = (
    '"nodeSpacing": 10, "rankSpacing": 60, "wrappingWidth": 320, "curve": "basis", '
    '"subGraphTitleMargin": {"top": 4, "bottom": 10}'
)
_HEAD = f'%%{{init: {{"flowchart": {{{_SPACES}}}}}}}%%\nflowchart LR\n'


def emit(view: View, *, all_edges: bool = False) -> str:
    """Return the view as a flowchart, left to right, in one subgraph a root."""
    drawn = picture(view.part(), all_edges=all_edges)
    # Mermaid stacks boxes that nothing connects upwards: the last is on top.
    lines = [line for box in reversed(drawn.boxes) for line in _box(box)]
    lines += [*_arrows(drawn), *_looks(drawn)]
    rows = (" ~~~ ".join(figure.key for figure in row) for row in drawn.loose())
    lines += [row for row in rows if " " in row]
    return _HEAD + "".join(f"  {line}\n" for line in lines)


def too_much(flowchart: str) -> bool:
    """Return whether a flowchart is more than a page draws."""
    arrows = sum("->" in line for line in flowchart.splitlines())
    return arrows > ARROWS or len(flowchart) > CHARACTERS


def _box(box: Box) -> Iterator[str]:
    key = box.figures[0].key
    yield f"subgraph b{key}[{_quoted(f'{labels.title(box.head)} · {labels.count(box.count)}')}]"
    yield "  direction LR"
    libraries = [each for each in box.figures if labels.is_library(each.node)]
    own = [each for each in box.figures if each not in libraries]
    yield from (f"  {_figure(figure)}" for figure in (*own, *box.stubs))
    if libraries:
        yield f"  subgraph g{key}[{_quoted(labels.LIBRARIES)}]"
        yield "    direction LR"
        yield from (f"    {_figure(figure)}" for figure in libraries)
        yield "  end"
    for inner in box.inner:
        yield from (f"  {line}" for line in _box(inner))
    yield "end"


def _figure(figure: Figure) -> str:
    text = labels.name(figure.node) if figure.stub_of else labels.whole(figure.node)
    return f"{figure.key}[{_quoted(text)}]"


def _arrows(drawn: Picture) -> Iterator[str]:
    few = len(drawn.arrows) <= _FEW
    for arrow in drawn.arrows:
        line = "-.->" if arrow.edge.marker else "-->"
        if few and arrow.edge.marker:
            line += f"|{_quoted(labels.condition(arrow.edge))}|"
        yield f"{arrow.source.key} {line} {arrow.target.key}"


def _looks(drawn: Picture) -> Iterator[str]:
    inks: dict[str, list[str]] = {}
    homes = {each.key: box.position for box in drawn.every() for each in box.figures}
    for number, arrow in enumerate(drawn.arrows):
        ink = FAINT if arrow.target.stub_of else hue(homes[arrow.source.key]).ink
        inks.setdefault(ink, []).append(str(number))
    yield from (f"linkStyle {','.join(some)} stroke:{ink}" for ink, some in inks.items())
    for outer in drawn.boxes:
        for box in outer.every():
            yield from _box_looks(box, inner=box is not outer)
    every = [figure for box in drawn.every() for figure in box.figures]
    stubs = (figure for box in drawn.every() for figure in box.stubs)
    yield from _class("gpu", (each for each in every if each.node.accelerated), _look(GPU))
    yield from _class("asked", (each for each in every if each.asked), "stroke-width:2.5px")
    missing = (each for each in every if each.node.kind == "missing")
    yield from _class("missing", missing, f"stroke:{ALARM},color:{ALARM}")
    faint = f"fill:{WHITE},stroke:{FAINT},color:{FAINT},stroke-dasharray:3 3"
    yield from _class("stub", stubs, faint)


def _box_looks(box: Box, *, inner: bool) -> Iterator[str]:
    own, key = hue(box.position), box.figures[0].key
    yield f"style b{key} fill:{WHITE if inner else own.ground},stroke:{own.ink},color:{TEXT}"
    if any(labels.is_library(figure.node) for figure in box.figures):
        yield f"style g{key} fill:{GPU.ground},stroke:{GPU.ink},color:{TEXT}"
    yield from _class(f"of_{key}", box.figures, _look(own))
    roots = (figure for figure in box.figures if figure.node.is_root)
    yield from _class(f"root_{key}", roots, f"fill:{own.ink},color:{WHITE}")


def _look(own: Hue) -> str:
    return f"fill:{own.fill},stroke:{own.ink},color:{TEXT}"


def _class(called: str, figures: Iterable[Figure], look: str) -> Iterator[str]:
    keys = [figure.key for figure in figures]
    if keys:
        yield f"classDef {called} {look}"
        yield f"class {','.join(keys)} {called}"


def _quoted(text: str) -> str:
    """Return a label in double quotes, of characters without a meaning of their own."""
    safe = (
        each if (each.isascii() and each.isalnum()) or each in _PLAIN else f"#{ord(each)};"
        for each in text
    )
    return f'"{"".join(safe)}"'
