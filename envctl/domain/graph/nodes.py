"""The locked graph: who needs whom. Roots (the project, each extra, each group) are nodes like the packages.

Nothing here decides what is installed: the packages' markers do (PEP 751), and the graph explains them.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from packaging.utils import canonicalize_name

Kind = Literal["project", "extra", "group", "rest", "package", "missing"]

ROOTS: tuple[Kind, ...] = ("project", "extra", "group", "rest")
_ACCELERATED = re.compile(
    r"(nvidia|cuda|rocm|cupy|jax-cuda\d+|pytorch-triton|triton|tensorrt|torch)(-.+)?"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A locked package, a root, or a package that is needed and that the lock lacks (``missing``).

    ``id``: ``numpy==2.3.4``; ``project:``, ``extra:viz``, ``group:dev``; ``rest:`` for the root of what no other
    root reaches. ``version`` is empty for a source tree, ``marker`` is the lock's own. ``roots``: the ids of the
    roots through which the package comes. ``known``: whether the lock says what the package needs.
    """

    id: str
    kind: Kind
    name: str
    version: str = ""
    marker: str | None = None
    roots: frozenset[str] = frozenset()
    known: bool = True

    @property
    def is_root(self) -> bool:
        """Whether it is somebody who asks, not a package."""
        return self.kind in ROOTS

    @property
    def accelerated(self) -> bool:
        """Whether it is a GPU package by its name: CUDA's and ROCm's libraries, and what runs on them."""
        return self.kind == "package" and _ACCELERATED.fullmatch(self.name) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """``source`` needs ``target``, with these extras of it, where the marker holds.

    For a root's own requirement ``asked`` is its text (``numpy>=2 ; …``) and ``specifier`` what it says beyond
    name, extras and marker (``>=2``). ``inverted``: seen from the other side, ``target`` needs ``source``.
    """

    source: str
    target: str
    extras: tuple[str, ...] = ()
    marker: str | None = None
    asked: str = ""
    specifier: str = ""
    inverted: bool = False

    def turned(self) -> "Edge":
        """Return the same need as it looks from its other end."""
        return replace(self, source=self.target, target=self.source, inverted=not self.inverted)


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """Nodes and edges in stable order: roots first, the rest by name and version."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def roots(self) -> tuple[Node, ...]:
        """Who asks: the project, the extras, the groups, and ``rest`` where something has none of these."""
        return tuple(node for node in self.nodes if node.is_root)

    @property
    def packages(self) -> tuple[Node, ...]:
        """What is locked."""
        return tuple(node for node in self.nodes if node.kind == "package")

    def named(self, name: str) -> tuple[Node, ...]:
        """Return the locked versions of a package, its name spelled in any way; empty: it is not locked."""
        wanted = canonicalize_name(name)
        return tuple(node for node in self.packages if node.name == wanted)

    def by_id(self) -> dict[str, Node]:
        """Return id → node."""
        return {node.id: node for node in self.nodes}

    def leaving(self) -> dict[str, tuple[Edge, ...]]:
        """Return id → the edges that begin there, for every node."""
        found: dict[str, list[Edge]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.source].append(edge)
        return {source: tuple(edges) for source, edges in found.items()}

    def inverted(self) -> "Graph":
        """Return the graph with each edge turned: from a package to who needs it."""
        return replace(self, edges=tuple(edge.turned() for edge in self.edges))


def tops(graph: Graph, among: Collection[str]) -> tuple[str, ...]:
    """Return, of these nodes, those from which all of them are reached: the ones that none of them leads to.

    Of a cycle that nothing leads to, one member.
    """
    leaving = graph.leaving()
    led = {edge.target for key in among for edge in leaving[key]}
    found: set[str] = set()
    seen: set[str] = set()
    for key in (*(key for key in among if key not in led), *among):
        if key not in seen:
            found.add(key)
            seen |= {key, *below(leaving, key)}
    return tuple(key for key in among if key in found)


def below(
    leaving: Mapping[str, tuple[Edge, ...]], start: str, closed: Collection[str] = ()
) -> set[str]:
    """Return what is reached from a node, without it, and without going through what is closed."""
    seen, rest = {start, *closed}, [start]
    while rest:
        for edge in leaving[rest.pop()]:
            if edge.target not in seen:
                seen.add(edge.target)
                rest.append(edge.target)
    return seen - {start, *closed}


def enters(top: Node, node: Node) -> bool:
    """Return whether a walk that began at ``top`` may go on to ``node``.

    An extra of a package that only one root asks for would otherwise be shown under every root that has the
    package: ``uvicorn`` in the project and ``uvicorn[standard]`` in a group are one node.
    """
    if node.is_root:  # a walk against the arrows
        return node.kind == "rest" or top.is_root or node.id in top.roots
    return top.kind == "rest" or not top.is_root or not node.roots or top.id in node.roots
