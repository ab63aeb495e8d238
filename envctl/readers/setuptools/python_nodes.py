"""What can be known of a Python module by looking at it: texts with their lines, files' texts, names."""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self


class UnreadableError(Exception):
    """An expression whose value nobody can tell without running it; ``line``: where it stands."""

    def __init__(self, reason: str, node: ast.AST) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = int(getattr(node, "lineno", 1))


class Located(str):
    """A text and the line on which it stands."""

    __slots__ = ("line",)
    line: int

    def __new__(cls, text: str, line: int) -> Self:
        """Make a text that knows its line."""
        made = super().__new__(cls, text)
        made.line = line
        return made


@dataclass(frozen=True, kw_only=True, slots=True)
class FileText:
    """What stands in a file of the project, but for the lines that begin with one of ``without``."""

    path: str
    without: tuple[str, ...] = ()


@dataclass(slots=True)
class Scope:
    """What is known at one point of a module: names with values, why others have none, functions, what changed.

    ``changed``: names that a statement which is not followed may have changed, with its line. ``used``: the names
    that the value in work came from. ``depth`` counts the calls that are followed, ``steps`` all work done so far.
    """

    names: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, UnreadableError] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    follow: "Follow | None" = None
    depth: int = 0
    steps: list[int] = field(default_factory=lambda: [0])


Evaluate = Callable[[ast.expr, Scope], Any]
Follow = Callable[[ast.FunctionDef, ast.Call, Evaluate, Scope], Any]


def as_list(value: Any, node: ast.AST) -> list[Any]:
    """Return a list: a dict's keys, and a file's lines as one element; raises ``UnreadableError``."""
    if isinstance(value, (list, dict)):
        return list(value)
    if isinstance(value, FileText):
        return [value]
    raise UnreadableError("it is no list", node)


def as_dict(value: Any, node: ast.AST) -> dict[Any, Any]:
    """Return a dict; raises ``UnreadableError``."""
    if isinstance(value, dict):
        return value
    raise UnreadableError("it is no dict", node)


def dotted(node: ast.expr) -> str:
    """Return ``os.path.join`` for such a chain of names, ``""`` for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return ".".join([node.id, *parts]) if isinstance(node, ast.Name) else ""


def names_in(nodes: Iterable[ast.AST]) -> set[str]:
    """Return every name in some statements."""
    return {n.id for each in nodes for n in ast.walk(each) if isinstance(n, ast.Name)}
