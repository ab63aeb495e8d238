"""Run one command in the environment: everything its process is given."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from envctl import launch
from envctl.domain.environment.activation import Activation, Assignment, precedence
from envctl.domain.environment.explanation import Explanation
from envctl.domain.environment.isolation import kept
from envctl.domain.variables import scheduler
from envctl.errors import UsageError


def patch(
    activation: Activation,
    environ: Mapping[str, str],
    extra: Mapping[str, str] | None = None,
    *,
    leased: Mapping[str, str] | None = None,
    isolated: bool = False,
) -> dict[str, str]:
    """Return the whole environment of a command: what activation does, settled by ``precedence``.

    ``environ`` is the caller's; ``extra`` is the command line's ``--env``, ``leased`` what its ``--gpus`` sets. A host
    variable that the caller has keeps the caller's value; in a scheduler's job its device variables stay as they are,
    set or unset. ``isolated``: of all others only those of ``envctl.domain.environment.isolation`` are kept.
    """
    caller = kept(environ) if isolated else dict(environ)
    env = dict(caller)
    for each in _settled(activation, caller, extra, leased):
        if each.value is None:
            env.pop(each.name, None)
        else:
            env[each.name] = each.value
    return env


def explain(
    activation: Activation,
    environ: Mapping[str, str],
    extra: Mapping[str, str] | None = None,
    *,
    leased: Mapping[str, str] | None = None,
    isolated: bool = False,
) -> Explanation:
    """Return what ``patch`` decides, with the words that lost."""
    caller = kept(environ) if isolated else dict(environ)
    found = {each.name: each for each in _settled(activation, caller, extra, leased)}
    if isolated:
        theirs = {n: Assignment(name=n, value=v, source="caller") for n, v in caller.items()}
        found = theirs | found
    return Explanation(
        environment=activation.environment,
        variables=tuple(
            found[name] for name in sorted(found) if found[name].over or _said(found[name], environ)
        ),
        scheduler=scheduler(environ),
        active=environ.get("VIRTUAL_ENV") == activation.environment,
        left_out=len(environ.keys() - caller.keys()) if isolated else None,
        env_file=bool(activation.env_files),
    )


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Read the command line's ``K=V``; raises ``UsageError``."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.isascii() and name.isidentifier()):
            raise UsageError(
                f"`{name or text}` is not a variable with its value"
                if not equals
                else f"`{name}` is not a name for a variable",
                where="--env",
                hint="write it as NAME=VALUE",
            )
        found[name] = value
    return found


def _settled(
    activation: Activation,
    caller: Mapping[str, str],
    extra: Mapping[str, str] | None,
    leased: Mapping[str, str] | None,
) -> tuple[Assignment, ...]:
    """Return every variable that is set or unset, those of the environment itself included."""
    entered = launch.entered(activation.environment, activation.label, dict(caller))
    own = {
        name: Assignment(name=name, value=value, source="environment")
        for name, value in ({"PYTHONHOME": None} | entered).items()
    }
    variables = own | {
        each.name: replace(each, over=(*each.over, own[each.name])) if each.name in own else each
        for each in activation.variables
    }
    return precedence(variables.values(), caller=caller, cli=extra, leased=leased)


def _said(each: Assignment, environ: Mapping[str, str]) -> bool:
    """Whether there is something to tell: not of what stays unset."""
    return each.value is not None or each.name in environ or each.source == "scheduler"
