"""What is shown of a graph: from which tops, in which direction, how deep; and that part unfolded as a tree."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from envctl.domain.graph.nodes import Edge, Graph, Node, enters

Below = Literal["shown", "nothing", "elsewhere", "too-deep"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of a tree: a node and the edge that leads to it (none for a top).

    ``guides``: for each level from the top down to this row, whether more siblings follow there; empty for a top.
    ``below``: whether the node's own edges follow here, or why not.
    """

    node: Node
    edge: Edge | None
    guides: tuple[bool, ...]
    below: Below


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A part of a graph: what is reached from ``tops`` along its edges, at most ``depth`` steps away.

    ``inverted`` says that the graph's edges were turned. ``graph`` must hold the tops.
    """

    graph: Graph
    tops: tuple[Node, ...]
    depth: int | None = None
    inverted: bool = False

    def part(self) -> Graph:
        """Return the nodes and edges of the view, as a graph that is not inverted."""
        nodes, leaving = self.graph.by_id(), self.graph.leaving()
        walks = [_walk(top, nodes, leaving, self.depth) for top in self.tops]
        there = {key for walk in walks for key in walk.homes}
        edges = {id(edge) for walk in walks for some in walk.edges.values() for edge in some}
        part = Graph(
            nodes=tuple(node for node in self.graph.nodes if node.id in there),
            edges=tuple(edge for edge in self.graph.edges if id(edge) in edges),
        )
        return part.inverted() if self.inverted else part

    def rows(self) -> Iterator[Row]:
        """Unfold the view as a tree, in the order in which it is printed.

        What a node needs stands below it once, at its place nearest to the top, so that what a root asks for itself
        is not shown by a mere reference; at its other places it is ``elsewhere``. So cycles end, and one top's tree
        has at most as many rows as the graph has edges.
        """
        nodes, leaving = self.graph.by_id(), self.graph.leaving()
        full: frozenset[str] = frozenset()
        for top in self.tops:
            whole = _complete(_walk(top, nodes, leaving, self.depth))
            # A reference leads to what is shown in full, and only if this top has a part in all of it.
            walk = _walk(top, nodes, leaving, self.depth, full & whole)
            yield from _rows(walk, nodes, {key for key in full & whole if leaving[key]})
            full |= whole


@dataclass(frozen=True, kw_only=True, slots=True)
class _Walk:
    """The way down from one top: by which edge each node was first reached, and which edges go on from it.

    ``partial``: nodes of which not all is shown, because of the depth or because this top has no part in it.
    ``deeper``: those among them that the depth leaves without their edges.
    """

    top: Node
    homes: dict[str, Edge | None]
    edges: dict[str, tuple[Edge, ...]] = field(default_factory=dict)
    partial: set[str] = field(default_factory=set)
    deeper: set[str] = field(default_factory=set)


def _walk(
    top: Node,
    nodes: Mapping[str, Node],
    leaving: Mapping[str, tuple[Edge, ...]],
    limit: int | None,
    full: frozenset[str] = frozenset(),
) -> _Walk:
    walk = _Walk(top=top, homes={top.id: None})
    queue = deque([(top.id, 0)])
    while queue:
        key, depth = queue.popleft()
        if key in full:
            continue
        edges = tuple(edge for edge in leaving[key] if enters(top, nodes[edge.target]))
        if len(edges) < len(leaving[key]):
            walk.partial.add(key)
        if depth == limit and edges:
            walk.deeper.add(key)
            walk.partial.add(key)
            continue
        walk.edges[key] = edges
        for edge in edges:
            if edge.target not in walk.homes:
                walk.homes[edge.target] = edge
                queue.append((edge.target, depth + 1))
    return walk


def _complete(walk: _Walk) -> frozenset[str]:
    """Return the nodes below which a walk shows all that there is: not those above a partial one."""
    above: dict[str, list[str]] = {}
    for source, edges in walk.edges.items():
        for edge in edges:
            above.setdefault(edge.target, []).append(source)
    partial, rest = set(walk.partial), list(walk.partial)
    while rest:
        for source in above.get(rest.pop(), ()):
            if source not in partial:
                partial.add(source)
                rest.append(source)
    return frozenset(walk.homes) - partial


def _rows(walk: _Walk, nodes: Mapping[str, Node], full: Collection[str]) -> Iterator[Row]:
    stack: list[tuple[str, Edge | None, tuple[bool, ...]]] = [(walk.top.id, None, ())]
    while stack:
        key, edge, guides = stack.pop()
        edges = walk.edges.get(key, ())
        below: Below = "shown" if edges else "nothing"
        if key in walk.deeper:
            below = "too-deep"
        elif key in full or (edges and walk.homes[key] is not edge):
            below = "elsewhere"
        yield Row(node=nodes[key], edge=edge, guides=guides, below=below)
        if below == "shown":
            last = len(edges) - 1
            steps = [(each.target, each, (*guides, n < last)) for n, each in enumerate(edges)]
            stack.extend(reversed(steps))
