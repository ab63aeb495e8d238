"""Calls and comprehensions that can be followed by looking, above all the ways to take the lines of a file.

``open("requirements.txt").read().splitlines()``, ``Path(__file__).parent / "reqs.txt"``, ``[str(r) for r in
parse_requirements(open(…))]``: no file is opened here, a ``FileText`` says which one is meant.
"""

import ast
import posixpath
from dataclasses import replace
from itertools import chain
from typing import Any

from envctl.readers.setuptools.python_builtins import PLAIN, argument, text_of
from envctl.readers.setuptools.python_nodes import (
    Evaluate,
    FileText,
    Scope,
    UnreadableError,
    as_list,
    dotted,
)

# The last part of the name is enough: `os.path.join`, `path.join` and `osp.join` are one.
_SAME_PATH = ("abspath", "realpath", "normpath", "resolve", "absolute", "expanduser", "fspath")
_OPEN = ("open", "io.open", "codecs.open")
_SAME_TEXT = ("strip", "rstrip", "lstrip", "read", "decode")
_LINES = ("splitlines", "readlines", "split")


def called(node: ast.Call, evaluate: Evaluate, scope: Scope) -> Any:
    """Return what a call gives; raises ``UnreadableError``."""
    name = dotted(node.func)
    if name in scope.functions and scope.follow:
        return scope.follow(scope.functions[name], node, evaluate, scope)
    if name in _OPEN:
        return _opened(node, evaluate, scope)
    if name.rpartition(".")[2] in ("parse_requirements", "yield_lines"):
        return _lines(argument(node, evaluate, scope), node)
    if found := _path(name, node, evaluate, scope):
        return found
    if name in PLAIN:
        return PLAIN[name](node, evaluate, scope)
    if isinstance(node.func, ast.Attribute):
        return _method(node.func, node, evaluate, scope)
    raise UnreadableError(f"`{name or 'a call'}(…)` would have to be run", node)


def comprehended(
    node: ast.ListComp | ast.GeneratorExp | ast.SetComp, evaluate: Evaluate, scope: Scope
) -> Any:
    """Return what a comprehension over a list or the lines of a file gives; raises ``UnreadableError``."""
    only = node.generators[0]
    if len(node.generators) > 1 or only.is_async or not isinstance(only.target, ast.Name):
        raise UnreadableError("the comprehension would have to be run", node)
    source = evaluate(only.iter, scope)
    target = only.target.id
    if isinstance(source, FileText):
        if not _is_line(node.elt, target):
            raise UnreadableError("the lines of a file are changed", node)
        dropped = tuple(chain.from_iterable(_dropped(each, target) for each in only.ifs))
        return replace(source, without=(*source.without, *dropped))
    if only.ifs:
        raise UnreadableError("the comprehension has a condition", node)
    inner = replace(scope, names=dict(scope.names))
    found = []
    for each in as_list(source, node):
        inner.names[target] = each
        found.append(evaluate(node.elt, inner))
    return found


def _opened(node: ast.Call, evaluate: Evaluate, scope: Scope) -> FileText:
    """``open(PATH)``, for reading."""
    if len(node.args) > 1:
        mode = evaluate(node.args[1], scope)
        if not isinstance(mode, str) or "r" not in mode:
            raise UnreadableError("a file is written", node)
    return FileText(path=text_of(argument(node, evaluate, scope), node))


def _lines(value: Any, node: ast.Call) -> FileText:
    if isinstance(value, FileText):
        return value
    return FileText(path=text_of(value, node))  # pip's own takes a file's name


def _path(name: str, node: ast.Call, evaluate: Evaluate, scope: Scope) -> str | None:
    last = name.rpartition(".")[2]
    if last == "join" and name in ("os.path.join", "path.join", "osp.join", "op.join"):
        return posixpath.join(*(text_of(evaluate(each, scope), node) for each in node.args))
    if last == "dirname":
        return _folder(text_of(argument(node, evaluate, scope), node), node)
    if last in ("Path", "PurePath") or (last in _SAME_PATH and node.args):
        return text_of(argument(node, evaluate, scope), node) if node.args else "."
    return None


def _folder(path: str, node: ast.AST) -> str:
    if path in ("", "."):
        raise UnreadableError("it lies outside the project", node)
    return posixpath.dirname(path) or "."


def attribute(node: ast.Attribute, evaluate: Evaluate, scope: Scope) -> Any:
    """Return ``PATH.parent``, the one attribute that is known; raises ``UnreadableError``."""
    if node.attr == "parent":
        return _folder(text_of(evaluate(node.value, scope), node), node)
    raise UnreadableError(f"`.{node.attr}` would have to be run", node)


def _method(function: ast.Attribute, node: ast.Call, evaluate: Evaluate, scope: Scope) -> Any:
    value, name = evaluate(function.value, scope), function.attr
    texts = [evaluate(each, scope) for each in node.args]
    if isinstance(value, FileText):
        found = _of_file(value, name, texts)
    elif isinstance(value, str):
        found = _of_text(value, name, [text_of(each, node) for each in texts])
    else:
        found = _of_container(value, name) if not texts else None
    if found is None:
        raise UnreadableError(f"`.{name}(…)` would have to be run", node)
    return found


def _of_file(value: FileText, name: str, arguments: list[Any]) -> Any:
    if name in _SAME_TEXT:
        return value
    if name in _LINES and arguments in ([], ["\n"], ["\r\n"]):
        return value
    return None


def _of_text(value: str, name: str, arguments: list[str]) -> Any:
    """Methods of paths, which are texts here, and of texts."""
    if name in _SAME_PATH:
        return value
    if name in ("read_text", "open"):
        return FileText(path=value)
    if name == "joinpath":
        return posixpath.join(value, *arguments)
    if name in ("strip", "splitlines", "split") and len(arguments) <= 1 and "" not in arguments:
        return getattr(value, name)(*arguments) if name != "splitlines" else value.splitlines()
    return None


def _of_container(value: Any, name: str) -> Any:
    if name == "copy" and isinstance(value, (dict, list)):
        return value.copy()
    if name in ("keys", "values") and isinstance(value, dict):
        return list(value) if name == "keys" else list(value.values())
    return None


def _is_line(node: ast.expr, target: str) -> bool:
    """Whether an expression is a file's line but for blanks around it: ``x``, ``x.strip()``, ``str(x)``."""
    if isinstance(node, ast.Name):
        return node.id == target
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("strip", "rstrip", "lstrip"):
        return _is_line(node.func.value, target)
    return dotted(node.func) == "str" and len(node.args) == 1 and _is_line(node.args[0], target)


def _dropped(node: ast.expr, target: str) -> tuple[str, ...]:
    """Return the beginnings of lines that a condition leaves out; raises ``UnreadableError``."""
    if _is_line(node, target):
        return ()  # blank lines, which are none anyway
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
        return tuple(chain.from_iterable(_dropped(each, target) for each in node.values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = node.operand
        if (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
            and inner.func.attr == "startswith"
            and _is_line(inner.func.value, target)
        ):
            return _constants(inner)
    raise UnreadableError("the lines of a file are chosen by a condition", node)


def _constants(call: ast.Call) -> tuple[str, ...]:
    only = call.args[0] if len(call.args) == 1 else call
    each = only.elts if isinstance(only, (ast.Tuple, ast.List)) else [only]
    texts = [e.value for e in each if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    if len(texts) != len(each):
        raise UnreadableError("the lines of a file are chosen by a condition", call)
    return tuple(texts)
