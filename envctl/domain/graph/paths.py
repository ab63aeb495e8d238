"""Ways through the graph: why a package is there, and which edges say what others say already."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from envctl.domain.graph.nodes import Edge, Graph, Node, enters


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """One reason why a package is there: from a root's own requirement, edge by edge, to the package."""

    root: Node
    edges: tuple[Edge, ...]


def why(graph: Graph, target: Node) -> tuple[Chain, ...]:
    """Return a shortest chain for every requirement of a root through which the package comes.

    Not every way: there may be millions. Roots in the graph's order, each one's shortest chain first.
    """
    found: list[Chain] = []
    nodes, leaving = graph.by_id(), graph.leaving()
    for root in graph.roots:
        if not enters(root, target):
            continue
        away = _distances(graph, root, target)
        chains = [
            Chain(root=root, edges=tuple(_way(edge, target, leaving, away)))
            for edge in leaving[root.id]
            if edge.target in away and enters(root, nodes[edge.target])
        ]
        found += sorted(chains, key=lambda chain: (len(chain.edges), chain.edges[0].target))
    return tuple(found)


def along(graph: Graph, targets: Collection[Node], chains: Iterable[Chain]) -> Graph:
    """Return the part of a graph that chains go through, and the packages that they explain."""
    edges = {id(edge) for chain in chains for edge in chain.edges}
    kept = tuple(edge for edge in graph.edges if id(edge) in edges)
    there = {key for edge in kept for key in (edge.source, edge.target)}
    there |= {target.id for target in targets}
    return Graph(nodes=tuple(node for node in graph.nodes if node.id in there), edges=kept)


def direct(graph: Graph, target: Node) -> tuple[Node, ...]:
    """Return who needs the package itself: roots and packages."""
    sources = {edge.source for edge in graph.edges if edge.target == target.id}
    return tuple(node for node in graph.nodes if node.id in sources)


def reduced(graph: Graph) -> Graph:
    """Leave out every edge that a longer way makes needless for a picture (a transitive reduction).

    A way counts only if it holds wherever the edge does: all of its edges have no marker, or that edge's own, and
    it goes through no package that one of the source's roots lacks. What a root asks for itself stays. In a cycle,
    where several answers are right, edges are tried in their order.
    """
    nodes = graph.by_id()
    left = {source: list(edges) for source, edges in graph.leaving().items()}
    for edge in graph.edges:
        if not edge.asked and not nodes[edge.source].is_root and _needless(edge, nodes, left):
            left[edge.source] = [each for each in left[edge.source] if each is not edge]
    kept = {id(edge) for edges in left.values() for edge in edges}
    return replace(graph, edges=tuple(edge for edge in graph.edges if id(edge) in kept))


def _needless(edge: Edge, nodes: dict[str, Node], left: dict[str, list[Edge]]) -> bool:
    roots = nodes[edge.source].roots
    seen, rest = {edge.source}, [edge.source]
    while rest:
        for each in left[rest.pop()]:
            if each is edge or each.marker not in (None, edge.marker):
                continue
            if each.target == edge.target:
                return True
            if each.target not in seen and roots <= nodes[each.target].roots:
                seen.add(each.target)
                rest.append(each.target)
    return False


def _distances(graph: Graph, root: Node, target: Node) -> dict[str, int]:
    """Return how far each node is from the target, along edges that this root's walk may take."""
    nodes = graph.by_id()
    entering: dict[str, list[str]] = {}
    for edge in graph.edges:
        entering.setdefault(edge.target, []).append(edge.source)
    away, queue = {target.id: 0}, deque([target.id])
    while queue:
        key = queue.popleft()
        for source in entering.get(key, ()):
            if source not in away and not nodes[source].is_root and enters(root, nodes[source]):
                away[source] = away[key] + 1
                queue.append(source)
    return away


def _way(
    first: Edge, target: Node, leaving: dict[str, tuple[Edge, ...]], away: dict[str, int]
) -> Iterator[Edge]:
    edge = first
    yield edge
    while edge.target != target.id:
        nearer = away[edge.target] - 1
        edge = next(each for each in leaving[edge.target] if away.get(each.target) == nearer)
        yield edge
