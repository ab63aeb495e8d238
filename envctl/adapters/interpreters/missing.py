"""The error for an interpreter that is not there: what is, why it does not serve, and what installs the missing one."""

import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from shutil import which

from packaging.version import Version

from envctl.adapters.interpreters.places import pyenv_definitions
from envctl.adapters.uv import program as uv
from envctl.domain.environment.interpreter_choice import Candidate, Demand, listed
from envctl.errors import InterpreterError, ToolMissingError
from envctl.ports import Runner

_PATIENCE = 20.0
_CONDAS = ("conda", "mamba", "micromamba")


def missing(
    demand: Demand, found: Iterable[Candidate], run: Runner, environ: Mapping[str, str]
) -> InterpreterError:
    """Return the error."""
    usable, useless = listed(demand, found)
    commands = list(_commands(demand, run, environ))
    lines = ["install it:", *_indented(commands)] if commands else []
    key = demand.where.rpartition(" ")[2]
    if not commands:
        lines.append(f"nothing here installs that version: correct `{key}`")
    if usable:
        lines += [
            f"{'or ' if commands else ''}let `{key}` take one of these:",
            *_indented(usable),
        ]
    if useless:
        lines += ["these do not serve:", *_indented(useless)]
    return InterpreterError(f"{demand.what} is not on this machine", where=demand.where, hint=lines)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _commands(demand: Demand, run: Runner, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what installs it with the tools of this machine, as far as they say that they have it."""
    has = _downloads(demand, run, environ)
    name = demand.python or (".".join(map(str, Version(has[0]).release[:2])) if has else None)
    if has:
        beside = which("uv", path=environ.get("PATH"))
        words = ["uv"] if beside else [sys.executable, "-m", "uv"]
        yield shlex.join([*words, "python", "install", name or has[0]])
    folder = pyenv_definitions(environ)
    known = _answering(demand, os.listdir(folder) if folder else ())  # noqa: PTH208  # names only
    if known:
        yield f"pyenv install {known[0]}"
    if name is None or not (has or known):
        return  # nobody else is asked for what may not exist
    for conda in _CONDAS:
        if which(conda, path=environ.get("PATH")):
            yield f"{conda} create --name python{name} python={name}"
            break
    yield from _packaged(name, run, environ)


def _downloads(demand: Demand, run: Runner, environ: Mapping[str, str]) -> list[str]:
    """Return the versions that uv has for this machine, newest first; its list is built in."""
    request = demand.python or str(demand.allowed)
    listing = ("python", "list", "--only-downloads", "--output-format", "json", "--no-config")
    try:
        argv = [uv.binary(), *listing, request]
        done = run(argv, env=uv.environment(environ), timeout=_PATIENCE)
        table = json.loads(done.stdout) if done.code == 0 else []
        names = [
            each["version"]
            for each in table
            if each["implementation"] == "cpython" and each.get("variant", "default") == "default"
        ]
    except (ToolMissingError, ValueError, LookupError, TypeError):  # another uv, another format
        return []
    return _answering(demand, names)


def _answering(demand: Demand, names: Iterable[str]) -> list[str]:
    """Return the versions among names that answer the demand, finished and newest first."""
    versions = [name for name in names if re.fullmatch(r"\d+(\.\d+){2}((a|b|rc)\d+)?", name)]
    fitting = {Version(name): name for name in versions if demand.takes(name)}
    order = sorted(fitting, key=lambda each: (not each.is_prerelease, each), reverse=True)
    return [fitting[version] for version in order]


def _packaged(name: str, run: Runner, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield what the system's own package manager has."""
    minor = ".".join(name.split(".")[:2])
    path = environ.get("PATH")
    if which("apt-cache", path=path):
        asked = ["apt-cache", "policy", f"python{minor}"]
        said = run(asked, env={**environ, "LC_ALL": "C"}, timeout=_PATIENCE).stdout
        candidate = re.search(r"Candidate: (?:\d+:)?(\d+\.\d+\.\d+)", said)
        if candidate and f"{candidate[1]}.".startswith(f"{name}."):
            sudo = "" if os.geteuid() == 0 else "sudo "
            yield f"{sudo}apt-get install python{minor}"
    if which("brew", path=path) and name == minor:
        yield f"brew install python@{minor}"
