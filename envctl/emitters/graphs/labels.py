"""The words in a drawing of the graph. Names of groups and markers come from files that anyone may have written."""

from envctl.domain.graph.nodes import Edge, Node
from envctl.domain.graph.picture import SHARED, Picture
from envctl.emitters.plural import many
from envctl.emitters.printable import printable

LIBRARIES = "NVIDIA libraries"
_LONG = 200


def title(head: str) -> str:
    """Return what a root or a box is called, by the id of its root or package."""
    kind, is_root, called = head.partition(":")
    if not is_root:
        return printable(head.partition("==")[0]) or "others"
    if head.startswith(SHARED):
        return "needed from several boxes"
    return "others" if kind == "rest" else printable(f"{kind} {called}".strip())


def is_library(node: Node) -> bool:
    """Return whether it is one of NVIDIA's own packages: many, and seldom of interest one by one."""
    return node.name.startswith("nvidia-")


def name(node: Node) -> str:
    """Return the name of a node, without its version."""
    return title(node.id) if node.is_root else printable(node.name)


def whole(node: Node) -> str:
    """Return a node's name and version."""
    return f"{name(node)} {printable(node.version)}".strip()


def condition(edge: Edge) -> str:
    """Return under which condition an edge holds, in one line that is not endless; empty: always."""
    return _short(edge.marker or "")


def need(source: Node, target: Node, edge: Edge) -> str:
    """Return the whole of what an edge says."""
    if source.kind == "rest":
        return f"nothing in the lock says who needs {name(target)}"
    if edge.asked:
        return f"{name(source)} asks for {_short(edge.asked)}"
    extras = f"[{','.join(map(printable, edge.extras))}]" if edge.extras else ""
    where = f" where {condition(edge)}" if edge.marker else ""
    return f"{name(source)} needs {name(target)}{extras}{where}"


def about(node: Node) -> str:
    """Return what is known of a node beyond its name, in one line."""
    through = ", ".join(sorted(map(title, node.roots)))
    parts = [whole(node), f"comes through: {through}" if through else ""]
    parts += [f"installed where {_short(node.marker)}" if node.marker else ""]
    return " · ".join(part for part in parts if part)


def count(number: int) -> str:
    """Return a number of packages."""
    return many(number)


def legend(drawn: Picture) -> str:
    """Return how a picture is read: only what is in it."""
    boxes = list(drawn.every())
    figures = [figure for box in boxes for figure in box.figures]
    said = {
        "bold: asked for by name": any(figure.asked for figure in figures),
        "green: GPU": any(figure.node.accelerated for figure in figures),
        "dashed arrow: only where its marker holds": any(a.edge.marker for a in drawn.arrows),
        "dashed frame: in another box": any(box.stubs for box in boxes),
        "inner box: what is there because of that package alone": len(boxes) > len(drawn.boxes),
        f"{drawn.left_out} arrows that follow from others are left out": drawn.left_out,
    }
    return " · ".join(text for text, there in said.items() if there)


def _short(text: str) -> str:
    safe = printable(text)
    return safe if len(safe) <= _LONG else f"{safe[:_LONG]} …"
