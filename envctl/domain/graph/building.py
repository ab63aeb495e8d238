"""From a lock to its graph: needs become edges, and each package learns through which roots it comes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from packaging.markers import Marker

from envctl.domain.graph.needs import Key, Need, heads, written
from envctl.domain.graph.nodes import Edge, Graph, Node, below, tops
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.markers import spelled

# One comparison of a marker: a quoted string may hold anything but its own quote.
_TERM = r"(\"[^\"]*\"|'[^']*'|[\w.]+)"
_ATOM = re.compile(rf"{_TERM}\s*(?:not\s+in|in|[<>=!~]+)\s*{_TERM}")
_REST = Node(id="rest:", kind="rest", name="")


def graph_of(lock: Lock, inputs: Iterable[str]) -> Graph:
    """Build the graph of a lock; ``inputs`` are lines as ``envctl.domain.lock.inputs_of`` writes them.

    A package of which nobody wrote down what it needs has ``known=False``. A need with a marker, of a package that
    the lock lacks, holds on none of the lock's platforms and is left out; without a marker it gets a ``missing`` node.
    """
    roots, said = heads(inputs), written(lock)
    packages = {node.id: node for node in _packages(lock, said)}
    versions: dict[str, list[Node]] = {}
    for node in packages.values():
        versions.setdefault(node.name, []).append(node)
    needs = [(node.id, need) for node, asked in roots.items() for need in asked]
    needs += [(_id(*key), need) for key, asked in said.items() for need in asked]
    edges = {
        (edge.source, edge.target, edge.marker or ""): edge
        for source, need in needs
        for edge in _edges(source, need, versions.get(need.name, ()))
    }
    for _, target, _ in edges:
        if target not in packages:
            name = target.removeprefix("missing:")
            packages[target] = Node(id=target, kind="missing", name=name)
    graph = Graph(
        nodes=(*roots, *(packages[key] for key in sorted(packages, key=_by_name))),
        edges=tuple(edges[key] for key in sorted(edges, key=lambda key: tuple(map(_by_name, key)))),
    )
    return _with_rest(_reached(graph, lock))


def may_hold(marker: Marker | None, extras: Iterable[str], groups: Iterable[str]) -> bool:
    """Return whether a package's marker can hold on some platform when these extras and groups are asked for.

    What it says of extras and groups is evaluated; all else is replaced by something true.
    """
    if marker is None:
        return True
    return Marker(_ATOM.sub(_settled, str(marker))).evaluate(
        {"extras": frozenset(extras), "dependency_groups": frozenset(groups)}, context="lock_file"
    )


def _settled(atom: re.Match[str]) -> str:
    about_roots = {"extras", "dependency_groups"} & {atom[1], atom[2]}
    return atom[0] if about_roots else 'python_version >= "0"'


def _packages(lock: Lock, said: Mapping[Key, object]) -> Iterator[Node]:
    for key, markers in _markers(lock).items():
        texts = [spelled(marker) for marker in markers if marker is not None]
        always = len(texts) < len(markers)
        yield Node(
            id=_id(*key),
            kind="package",
            name=key[0],
            version=key[1],
            marker=None if always else " or ".join(dict.fromkeys(texts)),
            known=key in said,
        )


def _markers(lock: Lock) -> dict[Key, list[Marker | None]]:
    """Return the markers of each package; one version may have several entries, from several indexes."""
    found: dict[Key, list[Marker | None]] = {}
    for package in lock.pylock.packages:
        found.setdefault((package.name, version_of(package)), []).append(package.marker)
    return found


def _edges(source: str, need: Need, versions: Sequence[Node]) -> Iterator[Edge]:
    fitting = [node for node in versions if need.fits(node.version)] or versions
    targets = [(node.id, node.marker) for node in fitting]
    if not targets and need.marker is None:
        targets = [(f"missing:{need.name}", None)]
    for target, own in targets:
        yield Edge(
            source=source,
            target=target,
            extras=need.extras,
            # Where two versions fit, what tells them apart is when each is installed.
            marker=need.marker or (own if len(targets) > 1 else None),
            asked=need.asked,
            specifier=need.specifier if need.asked else "",
        )


def _reached(graph: Graph, lock: Lock) -> Graph:
    """Note for each package through which roots it comes: by the edges, and by its markers in the lock."""
    markers = {_id(*key): each for key, each in _markers(lock).items()}
    default = list(lock.pylock.default_groups or ())
    leaving = graph.leaving()
    found: dict[str, set[str]] = {}
    for root in graph.roots:
        extras = [root.name] if root.kind == "extra" else []
        groups = [root.name] if root.kind == "group" else default
        closed = {
            key
            for key, each in markers.items()
            if not any(may_hold(marker, extras, groups) for marker in each)
        }
        for key in below(leaving, root.id, closed):
            found.setdefault(key, set()).add(root.id)
    nodes = (replace(node, roots=frozenset(found.get(node.id, ()))) for node in graph.nodes)
    return replace(graph, nodes=tuple(nodes))


def _with_rest(graph: Graph) -> Graph:
    """Hang what no root reaches under a root of its own."""
    strays = {
        node.id: replace(node, roots=frozenset([_REST.id]))
        for node in graph.packages
        if not node.roots
    }
    if not strays:
        return graph
    others = (strays.get(node.id, node) for node in graph.nodes if not node.is_root)
    asked = (Edge(source=_REST.id, target=key) for key in tops(graph, strays))
    return Graph(nodes=(*graph.roots, _REST, *others), edges=(*graph.edges, *asked))


def _id(name: str, version: str) -> str:
    return f"{name}=={version}" if version else name


def _by_name(key: str) -> tuple[str, ...]:
    """Order `attrs` before `attrs-more`, which by their ids would be the other way round."""
    return tuple(key.split("=="))
