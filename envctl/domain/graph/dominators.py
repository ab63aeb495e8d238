"""Which package brings which: the dominators of a graph.

A package dominates what is there only because of it: take it away, and no way from the root is left. (Cooper, Harvey,
Kennedy: A Simple, Fast Dominance Algorithm, 2001.)
"""

from collections.abc import Iterator, Mapping

from envctl.domain.graph.nodes import Edge, Graph, Node, enters


def dominators(graph: Graph, root: Node) -> dict[str, str]:
    """Return for each node below a root its immediate dominator: the nearest one that all ways to it go through."""
    nodes, leaving = graph.by_id(), graph.leaving()
    order = list(_postorder(root, nodes, leaving))
    number = {key: position for position, key in enumerate(order)}
    entering: dict[str, list[str]] = {key: [] for key in order}
    for key in order:
        for edge in leaving[key]:
            if edge.target in number:
                entering[edge.target].append(key)
    found, changed = {root.id: root.id}, True
    while changed:
        changed = False
        for key in reversed(order[:-1]):
            known = [each for each in entering[key] if each in found]
            nearest = known[0]
            for each in known[1:]:
                nearest = _common(nearest, each, found, number)
            changed |= found.get(key) != nearest
            found[key] = nearest
    del found[root.id]
    return found


def _postorder(
    root: Node, nodes: Mapping[str, Node], leaving: Mapping[str, tuple[Edge, ...]]
) -> Iterator[str]:
    seen = {root.id}
    stack = [(root.id, iter(leaving[root.id]))]
    while stack:
        key, edges = stack[-1]
        for edge in edges:
            if edge.target not in seen and enters(root, nodes[edge.target]):
                seen.add(edge.target)
                stack.append((edge.target, iter(leaving[edge.target])))
                break
        else:
            yield key
            stack.pop()


def _common(one: str, other: str, found: Mapping[str, str], number: Mapping[str, int]) -> str:
    while one != other:
        while number[one] < number[other]:
            one = found[one]
        while number[other] < number[one]:
            other = found[other]
    return one
