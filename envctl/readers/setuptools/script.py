"""The call of ``setup()`` in a module and what its arguments are, found by looking: the module is never run.

Statements are followed one after another up to that call. What a condition, a loop or a ``try`` may have changed is
remembered with its line, so that nothing uncertain passes for certain.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from envctl.readers.setuptools.python_nodes import (
    Evaluate,
    FileText,
    Scope,
    UnreadableError,
    as_dict,
    as_list,
    dotted,
    names_in,
)
from envctl.readers.setuptools.python_values import value

_BUILDERS = ("setuptools", "distutils.core")
_DEEPEST = 10  # calls of the module's own functions


@dataclass(frozen=True, kw_only=True, slots=True)
class Argument:
    """One argument of ``setup()``: its value, or why nobody can tell; ``doubts``: lines that may change it."""

    value: Any = None
    error: UnreadableError | None = None
    line: int = 1
    doubts: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Script:
    """What a module calls ``setup()`` with; ``others``: whole dicts of arguments that cannot be told."""

    arguments: dict[str, Argument] = field(default_factory=dict)
    others: tuple[UnreadableError, ...] = ()


def read_script(module: ast.Module) -> Script | None:
    """Return the arguments of the first call of ``setup()``, or ``None``: there is none."""
    call = _setup_call(module)
    if call is None:
        return None
    scope = Scope(names={"__file__": "setup.py", "__name__": "__main__"}, follow=_follow)
    for each in ast.walk(module):
        if isinstance(each, ast.FunctionDef):
            scope.functions[each.name] = each
    _run_to(module.body, call, scope)
    return _arguments(call, scope)


def _setup_call(module: ast.Module) -> ast.Call | None:
    """Return the call of what is imported from setuptools, by whatever name, else of anything named ``setup``."""
    names = set(_imported(module))
    calls = [each for each in ast.walk(module) if isinstance(each, ast.Call)]
    known = [each for each in calls if dotted(each.func) in names]
    alike = (each for each in calls if dotted(each.func).rpartition(".")[2] == "setup")
    return next(iter(known), None) or next(alike, None)


def _imported(module: ast.Module) -> Iterator[str]:
    """Yield what a module calls the ``setup`` of setuptools: ``setup``, ``st.setup``, ``s``."""
    for each in ast.walk(module):
        if isinstance(each, ast.ImportFrom) and each.module in _BUILDERS:
            yield from (name.asname or name.name for name in each.names if name.name == "setup")
        elif isinstance(each, ast.Import):
            found = (name for name in each.names if name.name in _BUILDERS)
            yield from (f"{name.asname or name.name}.setup" for name in found)


def _arguments(call: ast.Call, scope: Scope) -> Script:
    arguments: dict[str, Argument] = {}
    others: list[UnreadableError] = []
    for keyword in call.keywords:
        found = _argument(keyword.value, scope)
        if keyword.arg is not None:
            arguments[keyword.arg] = found
        elif found.error:
            others.append(found.error)
        elif isinstance(found.value, dict):
            for key, each in found.value.items():
                arguments[str(key)] = replace(found, value=each)
    return Script(arguments=arguments, others=tuple(others))


def _argument(node: ast.expr, scope: Scope) -> Argument:
    scope.used.clear()
    try:
        found, error = value(node, scope), None
    except UnreadableError as unreadable:
        found, error = None, unreadable
    doubts = sorted(scope.changed[name] for name in scope.used if name in scope.changed)
    return Argument(value=found, error=error, line=node.lineno, doubts=tuple(doubts))


def _run_to(statements: Sequence[ast.stmt], call: ast.Call, scope: Scope) -> None:
    """Follow statements up to the one that holds the call, and into that one."""
    for statement in statements:
        if any(each is call for each in ast.walk(statement)):
            if not isinstance(statement, ast.FunctionDef):
                for body in _bodies(statement):
                    if any(each is call for one in body for each in ast.walk(one)):
                        _run_to(body, call, scope)
                return
            continue  # the function that calls it is followed last: the module is complete by then
        _run(statement, scope)
    for statement in statements:
        if isinstance(statement, ast.FunctionDef) and any(n is call for n in ast.walk(statement)):
            _run_to(statement.body, call, scope)


def _bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        body = getattr(statement, name, None)
        if isinstance(body, list):
            yield body
    for handler in getattr(statement, "handlers", ()):
        yield handler.body


def _run(statement: ast.stmt, scope: Scope) -> None:
    """Follow one statement, or remember what it may have changed."""
    match statement:
        case ast.Assign(targets=targets):
            for target in targets:
                _assign(target, statement.value, scope)
        case ast.AnnAssign(target=target, value=ast.expr() as given):
            _assign(target, given, scope)
        case ast.AugAssign(target=ast.Name() as target, op=ast.Add()):
            _assign(target, _sum(target, statement), scope)
        case ast.With():
            for each in _flat([statement], scope):
                _run(each, scope)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=receiver)) as call):
            _mutate(receiver, call, scope)
        case _:
            _doubt(statement, scope)


_HARMLESS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def _sum(target: ast.Name, statement: ast.AugAssign) -> ast.expr:
    known = ast.copy_location(ast.Name(id=target.id, ctx=ast.Load()), statement)
    return ast.copy_location(ast.BinOp(left=known, op=ast.Add(), right=statement.value), statement)


def _assign(target: ast.expr, given: ast.expr, scope: Scope) -> None:
    if isinstance(target, ast.Subscript):
        _store(target, given, scope)
        return
    if not isinstance(target, ast.Name):
        _doubt(target, scope)
        return
    was = scope.names.pop(target.id, None)
    try:
        if was is not None:
            scope.names[target.id] = was
        scope.names[target.id] = value(given, scope)
        scope.unknown.pop(target.id, None)
    except UnreadableError as error:
        scope.names.pop(target.id, None)
        scope.unknown[target.id] = error
    changed = [scope.changed[name] for name in names_in([given]) if name in scope.changed]
    scope.changed.pop(target.id, None)
    if changed:
        scope.changed[target.id] = min(changed)


def _store(target: ast.Subscript, given: ast.expr, scope: Scope) -> None:
    """``EXTRAS["all"] = …``; a value that nobody can tell makes the whole name uncertain."""
    try:
        whole = as_dict(value(target.value, scope), target)
        key = value(target.slice, scope)
        whole[key] = value(given, scope)
    except (UnreadableError, TypeError):
        _doubt(target, scope)


def _mutate(receiver: ast.expr, call: ast.Call, scope: Scope) -> None:
    """``REQUIRES.append(…)``, ``EXTRAS.update(…)``; any other call may change what it is given."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    try:
        whole = value(receiver, scope)
        if isinstance(whole, FileText) and isinstance(receiver, ast.Name):
            whole = scope.names[receiver.id] = [whole]
        given = [value(each, scope) for each in call.args]
        if name == "append" and isinstance(whole, list) and len(given) == 1:
            whole.append(given[0])
        elif name == "extend" and isinstance(whole, list) and len(given) == 1:
            whole.extend(as_list(given[0], call))
        elif name == "update" and isinstance(whole, dict):
            for each in given:
                whole.update(as_dict(each, call))
            whole.update({each.arg: value(each.value, scope) for each in call.keywords if each.arg})
        else:
            _doubt(call, scope)
    except UnreadableError:
        _doubt(call, scope)


def _doubt(node: ast.AST, scope: Scope) -> None:
    """Remember that a node may have changed every list and dict that it names, and the names that it sets."""
    if isinstance(node, _HARMLESS):
        return
    names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
    stored = {each.id for each in names if not isinstance(each.ctx, ast.Load)}
    for name in {each.id for each in names}:
        held = scope.names.get(name)
        if name in stored or isinstance(held, (list, dict, FileText)):
            scope.changed.setdefault(name, int(getattr(node, "lineno", 1)))
        if name in stored and held is None:
            reason = "it is set under a condition, in a loop, or by a call"
            scope.unknown[name] = UnreadableError(reason, node)


def _follow(function: ast.FunctionDef, call: ast.Call, evaluate: Evaluate, scope: Scope) -> Any:
    """Return what a function of the module returns: one whose statements follow each other up to a ``return``."""
    if scope.depth >= _DEEPEST:
        raise UnreadableError("it calls itself", call)
    plain = [argument.arg for argument in function.args.args]
    given = {name: evaluate(each, scope) for name, each in zip(plain, call.args, strict=False)}
    given |= {each.arg: evaluate(each.value, scope) for each in call.keywords if each.arg}
    defaults = function.args.defaults
    for name, default in zip(plain[len(plain) - len(defaults) :], defaults, strict=False):
        given.setdefault(name, evaluate(default, scope))
    inner = replace(
        scope,
        names={**scope.names, **given},
        unknown=dict(scope.unknown),
        changed=dict(scope.changed),
        depth=scope.depth + 1,
    )
    for statement in _flat(function.body, inner):
        if isinstance(statement, ast.Return) and statement.value is not None:
            found = evaluate(statement.value, inner)
            if any(name in inner.changed for name in names_in([statement.value])):
                raise UnreadableError(f"`{function.name}()` would have to be run", call)
            return found
        if not isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign):
            raise UnreadableError(f"`{function.name}()` would have to be run", call)
        _run(statement, inner)
    raise UnreadableError(f"`{function.name}()` returns nothing", call)


def _flat(statements: Iterable[ast.stmt], scope: Scope) -> Iterator[ast.stmt]:
    """Yield a function's statements, those in a ``with open(…) as f`` too, without imports."""
    for statement in statements:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        if isinstance(statement, ast.With) and len(statement.items) == 1:
            item = statement.items[0]
            if isinstance(item.optional_vars, ast.Name):
                _assign(item.optional_vars, item.context_expr, scope)
            yield from _flat(statement.body, scope)
        else:
            yield statement
