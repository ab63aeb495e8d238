"""The graph as a tree of lines, for people; the colours are the caller's business, the meanings are given here."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from envctl.domain.graph.nodes import Edge, Graph, Node
from envctl.domain.graph.paths import Chain, direct
from envctl.domain.graph.views import Row, View
from envctl.emitters.graphs import labels
from envctl.emitters.printable import printable

Meaning = Literal["plain", "root", "gpu", "missing", "faint"]
Line = tuple[tuple[str, Meaning], ...]
"""One line in parts, each with what its colour would say."""

ELSEWHERE, DEEPER = "(*)", "…"


def emit(view: View, *, all_edges: bool = False) -> str:  # noqa: ARG001  # a tree has them all
    """Return the tree without colours; a tree shows all edges anyway."""
    return plain(tree(view))


def plain(lines: Iterable[Line]) -> str:
    """Return lines as text."""
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def tree(view: View) -> Iterator[Line]:
    """Yield the tree's lines: ``(*)`` where what follows is shown elsewhere, ``…`` where it is too deep."""
    nodes = view.graph.by_id()
    for position, row in enumerate(view.rows()):
        if position and not row.guides and view.tops[0].is_root:
            yield ()
        above = nodes[row.edge.source] if row.edge else None
        yield tuple(_row(row, above))


def _row(row: Row, above: Node | None) -> Iterator[tuple[str, Meaning]]:
    if row.guides:
        *before, follows = row.guides
        bars = "".join("│   " if more else "    " for more in before)
        yield bars + ("├── " if follows else "└── "), "faint"
    extras = row.edge.extras if row.edge and not row.edge.inverted else ()
    yield from _node(row.node, extras)
    if row.edge and above:
        said = _inverse(row.edge, above) if row.edge.inverted else _said(row.edge)
        if said:
            yield f" {said}", "faint"
    if row.below == "elsewhere":
        yield f" {ELSEWHERE}", "faint"
    elif row.below == "too-deep":
        yield f" {DEEPER}", "faint"


def _node(node: Node, extras: Sequence[str] = ()) -> Iterator[tuple[str, Meaning]]:
    meaning: Meaning = "root" if node.is_root else "gpu" if node.accelerated else "plain"
    listed = f"[{','.join(map(printable, extras))}]" if extras else ""
    if node.kind == "missing":
        yield f"{labels.name(node)}{listed} (not in the lock)", "missing"
        return
    yield labels.name(node) + listed, meaning
    if node.version:
        yield f" {printable(node.version)}", "faint"


def _said(edge: Edge) -> str:
    """Return what an edge says beyond whom it leads to: a root's specifier, and the condition."""
    said = [f"({printable(edge.specifier)})"] if edge.specifier else []
    return " ".join([*said, *_condition(edge)])


def _inverse(edge: Edge, needed: Node) -> str:
    if edge.asked:
        return f"asks for {printable(edge.asked)}"
    said = [f"(as {labels.name(needed)}[{','.join(edge.extras)}])"] if edge.extras else []
    return " ".join([*said, *_condition(edge)])


def _condition(edge: Edge) -> list[str]:
    return [f"; {labels.condition(edge)}"] if edge.marker else []


def reasons(graph: Graph, target: Node, chains: Sequence[Chain]) -> Iterator[Line]:
    """Yield why a package is there: a line for each requirement of a root that leads to it."""
    nodes = graph.by_id()
    yield tuple(_node(target))
    for number, chain in enumerate(chains, 1):
        yield tuple(_chain(chain, nodes, last=number == len(chains)))
    if not chains:
        yield (("└── nothing in the lock needs it", "plain"),)
    needed_by = [node for node in direct(graph, target) if node.kind != "rest"]
    if needed_by:
        yield ((f"needed directly by: {', '.join(map(labels.whole, needed_by))}", "faint"),)


def _chain(chain: Chain, nodes: dict[str, Node], *, last: bool) -> Iterator[tuple[str, Meaning]]:
    yield ("└── " if last else "├── "), "faint"
    if chain.root.kind == "rest" and len(chain.edges) == 1:
        yield "the lock does not say who needs it", "plain"
        return
    yield labels.title(chain.root.id), "root"
    for edge in chain.edges:
        yield " → ", "faint"
        yield from _node(nodes[edge.target], edge.extras)
        if said := _said(edge):
            yield f" {said}", "faint"
