"""The value of a Python expression, as far as it can be told by looking: nothing is ever run or imported."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

from envctl.readers.setuptools import python_calls as calls
from envctl.readers.setuptools import python_expressions as expressions
from envctl.readers.setuptools.python_nodes import Scope, UnreadableError

_STEPS = 50_000  # expressions in all; a long setup.py has some thousand
_SIZE = 20_000  # characters or elements


def value(node: ast.expr, scope: Scope) -> Any:
    """Return an expression's value; raises ``UnreadableError``.

    Texts, numbers, lists and dicts are themselves, a tuple or set is a list, a file's text is a ``FileText``.
    """
    scope.steps[0] += 1
    if scope.steps[0] > _STEPS:
        raise UnreadableError("it is too long to follow", node)
    kind = _KINDS.get(type(node))
    if kind is None:
        raise UnreadableError("it would have to be run", node)
    found = kind(node, value, scope)
    if isinstance(found, (str, list, dict)) and len(found) > _SIZE:
        raise UnreadableError("it is too long", node)
    return found


_KINDS: Mapping[type[ast.expr], Callable[..., Any]] = {
    ast.Attribute: calls.attribute,
    ast.BinOp: expressions.operation,
    ast.Call: calls.called,
    ast.Constant: expressions.constant,
    ast.Dict: expressions.mapping,
    ast.GeneratorExp: calls.comprehended,
    ast.JoinedStr: expressions.joined,
    ast.List: expressions.sequence,
    ast.ListComp: calls.comprehended,
    ast.Name: expressions.name,
    ast.Set: expressions.sequence,
    ast.SetComp: calls.comprehended,
    ast.Subscript: expressions.item,
    ast.Tuple: expressions.sequence,
}
