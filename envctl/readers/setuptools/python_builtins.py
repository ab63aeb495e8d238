"""Python's own functions that put lists, dicts and texts together: ``list``, ``dict``, ``sum``, ``chain``, …"""

import ast
from collections.abc import Callable, Mapping
from typing import Any

from envctl.readers.setuptools.python_nodes import (
    Evaluate,
    FileText,
    Scope,
    UnreadableError,
    as_list,
)


def argument(node: ast.Call, evaluate: Evaluate, scope: Scope) -> Any:
    """Return a call's first argument; raises ``UnreadableError``."""
    if not node.args or isinstance(node.args[0], ast.Starred):
        raise UnreadableError("it is computed", node)
    return evaluate(node.args[0], scope)


def text_of(value: Any, node: ast.AST) -> str:
    """Return a text as a plain one; raises ``UnreadableError``."""
    if not isinstance(value, str):
        raise UnreadableError("it is no text", node)
    return str(value)


def _listed(node: ast.Call, evaluate: Evaluate, scope: Scope) -> Any:
    """``list(X)`` and its like."""
    if not node.args:
        return []
    value = argument(node, evaluate, scope)
    return value if isinstance(value, FileText) else as_list(value, node)


def _sorted(node: ast.Call, evaluate: Evaluate, scope: Scope) -> Any:
    value = _listed(node, evaluate, scope)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return value
    return sorted(set(value))


def _string(node: ast.Call, evaluate: Evaluate, scope: Scope) -> Any:
    value = argument(node, evaluate, scope)
    if not isinstance(value, (str, int, FileText)):
        raise UnreadableError("it is computed", node)
    return str(value) if isinstance(value, int) else value


def _dict(node: ast.Call, evaluate: Evaluate, scope: Scope) -> dict[Any, Any]:
    if node.args or any(each.arg is None for each in node.keywords):
        raise UnreadableError("it is computed", node)
    return {each.arg: evaluate(each.value, scope) for each in node.keywords}


def _chained(node: ast.Call, evaluate: Evaluate, scope: Scope) -> list[Any]:
    """``sum(LISTS, [])``, ``chain.from_iterable(LISTS)``."""
    lists = as_list(argument(node, evaluate, scope), node)
    return [each for one in lists for each in as_list(one, node)]


def _chain(node: ast.Call, evaluate: Evaluate, scope: Scope) -> list[Any]:
    lists: list[Any] = []
    for each in node.args:
        starred = isinstance(each, ast.Starred)
        value = evaluate(each.value if isinstance(each, ast.Starred) else each, scope)
        lists += as_list(value, node) if starred else [value]
    return [each for one in lists for each in as_list(one, node)]


PLAIN: Mapping[str, Callable[[ast.Call, Evaluate, Scope], Any]] = {
    "list": _listed,
    "tuple": _listed,
    "set": _sorted,
    "sorted": _sorted,
    "str": _string,
    "dict": _dict,
    "sum": _chained,
    "chain": _chain,
    "itertools.chain": _chain,
    "chain.from_iterable": _chained,
    "itertools.chain.from_iterable": _chained,
}
