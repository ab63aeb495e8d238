"""The graph in Graphviz' language, from which ``dot`` makes an SVG.

Labels are HTML-like, which are XML; tooltips are strings in double quotes, in which a backslash escapes and ``&``
begins an entity (graphviz.org/doc/info/lang.html and …/info/shapes.html#html).
"""

from collections.abc import Iterator
from html import escape

from envctl.domain.graph.picture import Arrow, Box, Figure, picture
from envctl.domain.graph.views import View
from envctl.emitters.graphs import labels
from envctl.emitters.graphs.palette import ALARM, FAINT, GPU, TEXT, WHITE, Hue, hue
from envctl.emitters.printable import printable

_FEW = 40
"""Up to so many arrows, each has room for its condition."""

_HEAD = f"""\
digraph packages {{
  rankdir=LR; ranksep=0.7; nodesep=0.09; pad=0.2; tooltip=" "; bgcolor="{WHITE}";
  fontname="Helvetica,Arial,sans-serif"; fontsize=12; fontcolor="{TEXT}"; labelloc=b;
  node [shape=box, style="rounded,filled", fontname="Helvetica,Arial,sans-serif", fontsize=11,
        fontcolor="{TEXT}", height=0.25, margin="0.08,0.03"];
  edge [arrowsize=0.5, penwidth=0.8, fontname="Helvetica,Arial,sans-serif", fontsize=8,
        fontcolor="{FAINT}"];
"""


def emit(view: View, *, all_edges: bool = False) -> str:
    """Return the view as a DOT graph, left to right, in one box a root."""
    drawn = picture(view.part(), all_edges=all_edges)
    lines = [_HEAD, f"  label=<{_html(labels.legend(drawn))} >;\n"]
    # dot stacks boxes that nothing connects upwards: the last is on top.
    for box in reversed(drawn.boxes):
        lines += (f"  {line}\n" for line in _box(box))
    hues = {
        each.key: hue(box.position) for box in drawn.every() for each in box.figures + box.stubs
    }
    lines += [_arrow(arrow, hues, few=len(drawn.arrows) <= _FEW) for arrow in drawn.arrows]
    rows = (" -> ".join(figure.key for figure in row) for row in drawn.loose())
    lines += [f"  {row} [style=invis];\n" for row in rows if " " in row]
    return "".join([*lines, "}\n"])


def _box(box: Box, *, outer: bool = True) -> Iterator[str]:
    own = hue(box.position)
    words = f"<b>{_html(labels.title(box.head))}</b> · {labels.count(box.count)}"
    key = box.figures[0].key
    yield from _cluster(key, words, ground=own.ground if outer else WHITE, ink=own.ink)
    for inner in reversed(box.inner):
        yield from (f"  {line}" for line in _box(inner, outer=False))
    libraries = [each for each in box.figures if labels.is_library(each.node)]
    yield from (f"  {_figure(each, own)}" for each in box.figures if each not in libraries)
    yield from (f"  {_stub(stub)}" for stub in box.stubs)
    if libraries:
        words = _html(labels.LIBRARIES)
        nested = list(_cluster(f"{key}_gpu", words, ground=GPU.ground, ink=GPU.ink))
        nested += [f"  {_figure(each, own)}" for each in libraries] + ["}"]
        yield from (f"  {line}" for line in nested)
    yield "}"


def _cluster(key: str, words: str, *, ground: str, ink: str) -> Iterator[str]:
    """Begin a cluster; ``words`` are HTML already."""
    yield f"subgraph cluster_{key} {{"
    yield f'  label=<{words}>; labelloc=t; labeljust=l; fontsize=14; tooltip=" ";'
    yield f'  style="rounded,filled"; penwidth=0.8; fillcolor="{ground}"; color="{ink}";'


def _figure(figure: Figure, own: Hue) -> str:
    node = figure.node
    name = _html(labels.name(node))
    if node.is_root:
        look = f'style=filled, fillcolor="{own.ink}", fontcolor="{WHITE}", fontsize=16'
        return _node(figure, f"<b>{name}</b>", look, tip=labels.name(node))
    ink, fill = (GPU.ink, GPU.fill) if node.accelerated else (own.ink, own.fill)
    text = f"<b>{name}</b>" if figure.asked else name
    if node.version:
        text += f' <font point-size="9" color="{FAINT}">{_html(printable(node.version))}</font>'
    if node.kind == "missing":
        ink, text = ALARM, f"{name} (not in the lock)"
    look = f'fillcolor="{fill}", color="{ink}", penwidth={2 if figure.asked else 0.6}'
    return _node(figure, text, look, tip=labels.about(node))


def _stub(figure: Figure) -> str:
    look = f'style="rounded,dashed", color="{FAINT}", fontcolor="{FAINT}", fontsize=10'
    look += f', penwidth=0.6, URL="#{figure.stub_of}"'
    return _node(figure, _html(labels.name(figure.node)), look, tip=labels.about(figure.node))


def _node(figure: Figure, text: str, look: str, *, tip: str) -> str:
    return (
        f'{figure.key} [id="{figure.key}", label=<{text or " "}>, {look}, tooltip={_quoted(tip)}];'
    )


def _arrow(arrow: Arrow, hues: dict[str, Hue], *, few: bool) -> str:
    ink = FAINT if arrow.target.stub_of else hues[arrow.source.key].ink
    said = labels.need(arrow.source.node, arrow.target.node, arrow.edge)
    look = [f'color="{ink}"', f"tooltip={_quoted(said)}"]
    if arrow.edge.asked:
        look += ["weight=6", "penwidth=1.4"]
    if arrow.edge.marker:
        look.append("style=dashed")
        if few:
            look.append(f"label=<{_html(labels.condition(arrow.edge))} >")
    return f"  {arrow.source.key} -> {arrow.target.key} [{', '.join(look)}];\n"


def _html(text: str) -> str:
    """Return a text for an HTML-like label: XML, in which a backslash escapes as well."""
    return escape(text).replace("\\", "\\\\")


def _quoted(text: str) -> str:
    """Return a tooltip in double quotes. How often ``dot`` reads a backslash there depends on its version."""
    safe = text.replace("\\", "\u2216").replace("&", "&amp;").replace('"', '\\"')
    return f'"{safe or " "}"'
