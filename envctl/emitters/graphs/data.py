"""The graph as data for JSON: stable keys, edges from who needs to what is needed, whatever the view's direction."""

from collections.abc import Sequence
from typing import Any

from envctl.domain.graph.nodes import Edge, Graph, Node
from envctl.domain.graph.paths import Chain, direct
from envctl.domain.graph.views import View


def view_data(view: View) -> dict[str, Any]:
    """Return a view: its tops by id, its nodes, its edges."""
    return {"tops": [top.id for top in view.tops], **graph_data(view.part())}


def graph_data(graph: Graph) -> dict[str, Any]:
    """Return nodes and edges."""
    return {
        "nodes": [_node(node) for node in graph.nodes],
        "edges": [_edge(edge) for edge in graph.edges],
    }


def reasons_data(graph: Graph, target: Node, chains: Sequence[Chain]) -> dict[str, Any]:
    """Return why a package is there: a chain for each root's requirement that leads to it."""
    return {
        **_node(target),
        "needed_by": [node.id for node in direct(graph, target)],
        "chains": [
            {
                "root": chain.root.id,
                "asked": chain.edges[0].asked,
                "path": [edge.target for edge in chain.edges],
                "markers": [edge.marker for edge in chain.edges],
            }
            for chain in chains
        ],
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "kind": node.kind,
        "name": node.name,
        "version": node.version or None,
        "marker": node.marker,
        "roots": sorted(node.roots),
        "gpu": node.accelerated,
        "edges_known": node.known,
    }


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "source": edge.source,
        "target": edge.target,
        "extras": list(edge.extras),
        "marker": edge.marker,
        "asked": edge.asked or None,
    }
