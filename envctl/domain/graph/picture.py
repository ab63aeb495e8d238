"""A graph laid out for a picture that a person can read.

One box for each root holds what comes through it; in a large one, a package that brings many others has a box with
what would not be there without it. A line from box to box would cross everything between them: where a package of
another box is needed, a stub stands for it, so that each box can be read by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from envctl.domain.graph.dominators import dominators
from envctl.domain.graph.nodes import ROOTS, Edge, Graph, Node
from envctl.domain.graph.nodes import below as reach
from envctl.domain.graph.paths import reduced

_LARGE = 90
"""A root's box with more packages than these is divided."""
_WORTH, _MOST = 6, 0.6
"""An inner box holds at least so many packages, and at most this part of the outer one: else it would be that one."""

_ROW = 6
"""So many figures without an arrow stand side by side."""
SHARED = "shared:"
"""Before a root's id: the inner box of what several other boxes need."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A node as drawn: its key in the picture (``n0``), and whether a root asks for it by name.

    ``stub_of``: the key of the figure that this one stands for.
    """

    key: str
    node: Node
    asked: bool = False
    stub_of: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrow:
    """An edge as drawn, between two figures."""

    source: Figure
    target: Figure
    edge: Edge


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """What comes through ``head``: a root's id (empty: what comes through none), or a package's within a root's box.

    ``position``: the root's, which decides about colours.
    """

    head: str
    position: int
    figures: tuple[Figure, ...]
    stubs: tuple[Figure, ...]
    inner: tuple["Box", ...] = ()

    def every(self) -> Iterator["Box"]:
        """Yield this box and those in it."""
        yield self
        for box in self.inner:
            yield from box.every()

    @property
    def count(self) -> int:
        """How many packages it holds."""
        return sum(figure.node.kind == "package" for box in self.every() for figure in box.figures)


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """Boxes in the order of their roots; ``left_out``: how many edges follow from others and are not drawn."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    left_out: int = 0

    def every(self) -> Iterator[Box]:
        """Yield all boxes, outer ones first."""
        for box in self.boxes:
            yield from box.every()

    def loose(self) -> Iterator[tuple[Figure, ...]]:
        """Yield the figures that no arrow touches in rows, so that they need not stand in one long column."""
        tied = {key for arrow in self.arrows for key in (arrow.source.key, arrow.target.key)}
        for box in self.every():
            row = [figure for figure in box.figures if figure.key not in tied]
            yield from (tuple(row[n : n + _ROW]) for n in range(0, len(row), _ROW))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Plan:
    """Who stands where: id → root, id → the inner box's head, if any; and the stubs that the edges call for."""

    roots: Mapping[str, str]
    heads: Mapping[str, str]
    figures: Mapping[str, Figure]
    stubs: dict[tuple[str, str], Figure] = field(default_factory=dict)

    def place(self, key: str) -> str:
        return self.heads.get(key) or self.roots[key]

    def arrow(self, edge: Edge) -> Arrow:
        """Draw an edge to its target, or to a stub of it; a root's arrows reach into the boxes within its own."""
        source, target = self.figures[edge.source], self.figures[edge.target]
        here, there = self.place(edge.source), self.place(edge.target)
        reaches = source.node.is_root and self.roots[edge.source] == self.roots[edge.target]
        if here != there and not reaches:
            stub = Figure(key=f"s{len(self.stubs)}", node=target.node, stub_of=target.key)
            target = self.stubs.setdefault((here, edge.target), stub)
        return Arrow(source=source, target=target, edge=edge)

    def box(self, head: str, position: int, inner: tuple[Box, ...] = ()) -> Box:
        return Box(
            head=head,
            position=position,
            figures=tuple(each for key, each in self.figures.items() if self.place(key) == head),
            stubs=tuple(each for (place, _), each in self.stubs.items() if place == head),
            inner=inner,
        )


def picture(graph: Graph, *, all_edges: bool = False) -> Picture:
    """Lay a graph out. A package that comes through several roots is in the box of the first.

    The root of what no requirement leads to is a box and no figure: it needs nothing.
    """
    graph = _without_rest(graph)
    drawn = graph if all_edges else reduced(graph)
    roots = {
        node.id: node.id if node.is_root else min(node.roots, key=_order, default="")
        for node in graph.nodes
    }
    asked = {edge.target for edge in graph.edges if edge.asked}
    figures = {
        node.id: Figure(key=f"n{position}", node=node, asked=node.id in asked)
        for position, node in enumerate(graph.nodes)
    }
    heads = {key: head for root in graph.roots for key, head in _heads(graph, root, roots)}
    plan = _Plan(roots=roots, heads=heads, figures=figures)
    arrows = tuple(plan.arrow(edge) for edge in drawn.edges)
    boxes = []
    for position, root in enumerate(sorted(set(roots.values()), key=_order)):
        own = sorted({head for key, head in heads.items() if roots[key] == root})
        inner = tuple(plan.box(head, position) for head in own)
        boxes.append(plan.box(root, position, inner))
    left_out = len(graph.edges) - len(drawn.edges)
    return Picture(boxes=tuple(boxes), arrows=arrows, left_out=left_out)


def _heads(graph: Graph, root: Node, roots: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the packages of a root's box that stand in an inner one, each with that one's head."""
    above = dominators(graph, root)
    members = [key for key, home in roots.items() if home == root.id and key in above]
    if len(members) <= _LARGE:
        return
    held = {key: set[str]() for key in (*above, root.id)}
    for key in members:
        step = key
        while step != root.id:
            held[step].add(key)
            step = above[step]
    below: dict[str, list[str]] = {}
    for key, step in above.items():
        below.setdefault(step, []).append(key)
    found: dict[str, str] = {}
    rest = list(below[root.id])
    while rest:
        head = rest.pop()
        if len(held[head]) > _MOST * len(members):
            rest += below.get(head, [])
        elif len(held[head]) >= _WORTH:
            found |= dict.fromkeys(held[head], head)
    yield from found.items()
    open_ = reach(graph.leaving(), root.id, {*found, *(key for key in above if key not in members)})
    yield from ((key, SHARED + root.id) for key in members if key not in found and key not in open_)


def _without_rest(graph: Graph) -> Graph:
    rest = {node.id for node in graph.nodes if node.kind == "rest"}
    return Graph(
        nodes=tuple(node for node in graph.nodes if node.id not in rest),
        edges=tuple(edge for edge in graph.edges if edge.source not in rest),
    )


def _order(root: str) -> tuple[int, str]:
    kind, _, name = root.partition(":")
    kinds = [str(each) for each in ROOTS]
    return (kinds.index(kind) if kind in kinds else len(kinds)), name
