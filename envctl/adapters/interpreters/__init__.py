"""The interpreters on this machine, found as virtualenv finds them, and those of pyenv, mise, asdf and conda."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from packaging.markers import default_environment
from packaging.tags import compatible_tags, cpython_tags, platform_tags

from envctl.adapters.interpreters import places
from envctl.domain.environment.here import Here
from envctl.domain.environment.interpreter_choice import Candidate, Demand, choose
from envctl.domain.platforms import platform_of
from envctl.domain.resolution import Interpreter
from envctl.errors import ProjectError
from envctl.ports import Runner

if TYPE_CHECKING:
    from envctl.adapters.interpreters.asking import Inquiry

_OWN = "it runs envctl"
_LEVELS = {"alpha": "a", "beta": "b", "candidate": "rc"}


def find(
    python: str | None,
    requires_python: str | None,
    *,
    run: Runner,
    kept: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Interpreter:
    """Return an interpreter for ``python`` (``3.11``, ``3.11.7``), or else for the range ``requires_python``.

    ``kept``, the interpreter behind the environment in use, before the one that runs envctl, before all others: what
    else is installed, and the ``PATH`` of the moment, change no environment. Raises ``InterpreterError`` that lists
    what was found and how to get the missing one.
    """
    demand = Demand(python=python, requires_python=requires_python)
    own = _own()
    if kept in (None, own.path) and choose(demand, [own]):
        return _interpreter(own)
    from envctl.adapters.interpreters.asking import Inquiry  # noqa: PLC0415  # a search is rare

    inquiry = Inquiry(environ)
    before = inquiry.at(kept) if kept else None
    chosen = choose(demand, [before] if before else []) or choose(demand, [own])
    chosen = chosen or _searched(demand, inquiry, environ)
    if chosen:
        return _interpreter(chosen)
    from envctl.adapters.interpreters.missing import missing  # noqa: PLC0415

    inquiry.search(None)
    inquiry.ask(each for each in places.more(environ) if not each.said.startswith("2."))
    raise missing(demand, _all(own, inquiry), run, environ)


def behind(path: str | None, version: str) -> Interpreter | None:
    """Return the interpreter that an environment was made from; ``None``: it is gone, or its version is not known."""
    if path is None or version.count(".") < 2 or not os.access(path, os.X_OK):
        return None
    return Interpreter(path=path, version=version)


def here(interpreter: Interpreter) -> Here:
    """Return this machine as that interpreter's markers and tags see it."""
    environment = {key: str(value) for key, value in default_environment().items()}
    platform = platform_of(sys.platform, environment["platform_machine"])
    if platform is None:
        raise ProjectError(
            f"envctl does not know the platform {sys.platform} on {environment['platform_machine']}",
            where=interpreter.path,
            hint="see the platforms in docs/reference/manifest.md",
        )
    environment |= {
        "python_version": interpreter.minor,
        "python_full_version": interpreter.version,
        "implementation_version": interpreter.version,
    }
    major, minor = (int(part) for part in interpreter.minor.split("."))
    name = f"cp{major}{minor}"
    platforms = list(platform_tags())
    tags = (
        *cpython_tags((major, minor), abis=[name], platforms=platforms),
        *compatible_tags((major, minor), name, platforms),
    )
    return Here(interpreter=interpreter, platform=platform, environment=environment, tags=tags)


def _own() -> Candidate:
    """Return the interpreter behind the one that runs envctl: no search, no process."""
    *numbers, level, serial = sys.version_info
    early = f"{_LEVELS[level]}{serial}" if level in _LEVELS else ""
    # Not in the stubs: the executable that the running virtual environment was made from.
    path: str = getattr(sys, "_base_executable", None) or sys.executable
    # `t`: free-threaded, `d`: a debug build.
    plain = sys.implementation.name == "cpython" and not getattr(sys, "abiflags", "")
    return Candidate(
        path=os.path.realpath(path),
        version=f"{'.'.join(map(str, numbers))}{early}",
        source=_OWN,
        defect=None if plain else "not a plain CPython",
    )


def _searched(demand: Demand, inquiry: "Inquiry", environ: Mapping[str, str]) -> Candidate | None:
    """Look where the quick answers are first; a range asks everywhere, for the newest."""
    inquiry.search(f"cpython{demand.python or ''}")
    chosen = choose(demand, inquiry.candidates.values())
    if chosen and not chosen.early and demand.python:
        return chosen
    inquiry.ask(each for each in places.more(environ) if demand.may_take(each.said))
    return choose(demand, inquiry.candidates.values())


def _all(own: Candidate, inquiry: "Inquiry") -> list[Candidate]:
    rest = {path: each for path, each in inquiry.candidates.items() if path != own.path}
    return [own, *rest.values(), *inquiry.mute()]


def _interpreter(candidate: Candidate) -> Interpreter:
    return Interpreter(path=candidate.path, version=candidate.version)
