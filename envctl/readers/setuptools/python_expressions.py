"""Literals, names, lists, dicts and texts put together: each function returns the value of one kind of expression.

All of them raise ``UnreadableError`` for what only running the module would tell.
"""

import ast
import posixpath
from typing import Any

from envctl.readers.setuptools.python_nodes import (
    Evaluate,
    Located,
    Scope,
    UnreadableError,
    as_dict,
    as_list,
)


def constant(node: ast.Constant, _evaluate: Evaluate, _scope: Scope) -> Any:
    """Return a literal, a text with its line."""
    return Located(node.value, node.lineno) if isinstance(node.value, str) else node.value


def name(node: ast.Name, _evaluate: Evaluate, scope: Scope) -> Any:
    """Return what a name stands for."""
    if node.id in scope.names:
        scope.used.add(node.id)
        return scope.names[node.id]
    if error := scope.unknown.get(node.id):
        raise error
    raise UnreadableError(f"nothing says what `{node.id}` is", node)


def sequence(node: ast.List | ast.Tuple | ast.Set, evaluate: Evaluate, scope: Scope) -> list[Any]:
    """Return the elements of a list, tuple or set."""
    found: list[Any] = []
    for each in node.elts:
        if isinstance(each, ast.Starred):
            found += as_list(evaluate(each.value, scope), each)
        else:
            found.append(evaluate(each, scope))
    return found


def mapping(node: ast.Dict, evaluate: Evaluate, scope: Scope) -> dict[Any, Any]:
    """Return a dict, whose keys must be texts or numbers."""
    found: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            found |= as_dict(evaluate(value, scope), value)
        else:
            name = evaluate(key, scope)
            if not isinstance(name, (str, int)):
                raise UnreadableError("a key is no text", key)
            found[name] = evaluate(value, scope)
    return found


def joined(node: ast.JoinedStr, evaluate: Evaluate, scope: Scope) -> str:
    """Return a formatted text whose parts are all known."""
    parts: list[str] = []
    for each in node.values:
        if isinstance(each, ast.FormattedValue):
            if each.format_spec is not None or each.conversion != -1:
                raise UnreadableError("it is computed", node)
            inner = evaluate(each.value, scope)
            if not isinstance(inner, (str, int)):
                raise UnreadableError("it is computed", node)
            parts.append(str(inner))
        else:
            parts.append(str(evaluate(each, scope)))
    return Located("".join(parts), node.lineno)


def operation(node: ast.BinOp, evaluate: Evaluate, scope: Scope) -> Any:
    """Return texts and lists put together, and paths joined by a slash."""
    left, right = evaluate(node.left, scope), evaluate(node.right, scope)
    if isinstance(node.op, ast.Add):
        if isinstance(left, str) and isinstance(right, str):
            return Located(str(left) + str(right), node.lineno)
        if not isinstance(left, str) and not isinstance(right, str):
            return [*as_list(left, node), *as_list(right, node)]
    if isinstance(node.op, ast.Div) and isinstance(left, str) and isinstance(right, str):
        return posixpath.join(left, right)  # pathlib
    raise UnreadableError("it is computed", node)


def item(node: ast.Subscript, evaluate: Evaluate, scope: Scope) -> Any:
    """Return an element of a list or dict."""
    whole, key = evaluate(node.value, scope), evaluate(node.slice, scope)
    try:
        if isinstance(whole, dict) or (isinstance(whole, list) and isinstance(key, int)):
            return whole[key]
    except (LookupError, TypeError) as error:
        raise UnreadableError("nothing stands there", node) from error
    raise UnreadableError("it is computed", node)
