"""pip-tools as a program: on which interpreter it can run, and the environment that it is given.

pip-compile resolves for the interpreter that runs it and has no option for another one. So the target interpreter
runs it, with the pip-tools installed beside envctl on its ``PYTHONPATH``: nothing is installed anywhere, and
markers such as ``python_full_version`` are the target's own.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import Distribution, PackageNotFoundError, distribution, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envctl.adapters.index.transport import beside_proxies
from envctl.adapters.index.way import Way
from envctl.domain.resolution import Interpreter
from envctl.errors import InterpreterError, ToolMissingError
from envctl.ports import Completed, Runner

# What decides how an index is reached, never what it answers (product.md, "Whose word counts").
_TRANSPORT = re.compile(r"PIP_(CERT|CLIENT_CERT|PROXY|TIMEOUT|DEFAULT_TIMEOUT|RETRIES)")
_FOREIGN = ("PIP_", "PYTHON", "UV_", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV")


def call(
    run: Runner, arguments: Sequence[str], *, interpreter: Interpreter, cwd: Path, way: Way
) -> Completed:
    """Run ``pip-compile`` on an interpreter; raises ``InterpreterError`` where it cannot run there."""
    folders = _folders(interpreter)
    argv = [interpreter.path, "-m", "piptools", "compile", "--no-config", "--verbose", *arguments]
    env = environment(os.environ, folders) | _indexes(way, cwd)
    done = run(argv, cwd=cwd, env=env)
    return replace(done, stdout=way.plain(done.stdout), stderr=way.plain(done.stderr))


def _indexes(way: Way, folder: Path) -> dict[str, str]:
    """Return the variables by which pip finds the indexes; builds inherit them.

    The login for a gate is in no variable and no command line, which others on this machine can read.
    """
    *others, first = [url for _, url in way.indexes] or [""]
    found = {"PIP_INDEX_URL": first} if first else {}
    if others:
        found["PIP_EXTRA_INDEX_URL"] = " ".join(others)
    if way.gate:
        login = folder / "gate.netrc"
        login.touch(mode=0o600)
        login.write_text(way.gate.netrc(), encoding="utf-8")
        found |= {"NETRC": str(login), "PIP_TIMEOUT": "150", **beside_proxies(os.environ)}
    return found


def made_by() -> str:
    """Return the resolver's name and versions: ``pip-tools 7.6.2 (pip 26.3)``."""
    return f"pip-tools {version('pip-tools')} (pip {version('pip')})"


def environment(environ: Mapping[str, str], folders: Sequence[str]) -> dict[str, str]:
    """Return the environment for pip-compile: the caller's, less what could change the result."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(_FOREIGN) or _TRANSPORT.fullmatch(name)
    }
    return kept | {
        "PIP_CONFIG_FILE": os.devnull,  # pip then reads no configuration file at all
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": os.pathsep.join(folders),
        "NO_COLOR": "1",
    }


def _folders(interpreter: Interpreter) -> list[str]:
    """Return where pip-tools and all that it needs lie."""
    found: dict[str, None] = {}
    for each, reason in _needed(interpreter):
        if reason:
            own = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise InterpreterError(
                f"pip-tools cannot resolve for Python {interpreter.version} from here: {reason}",
                where="tool.envctl.resolver",
                hint=f'use `resolver = "uv"`, run envctl on Python {interpreter.minor}, '
                f"or lock for Python {own}",
            )
        if each:
            found[str(each.locate_file(""))] = None
    return list(found)


def _needed(interpreter: Interpreter) -> Iterator[tuple[Distribution | None, str]]:
    """Yield pip-tools and its requirements on that interpreter, each with the reason why it cannot run there."""
    try:
        waiting = [distribution("pip-tools")]
    except PackageNotFoundError as error:
        raise ToolMissingError(
            "pip-tools was not found beside envctl",
            where=sys.executable,
            hint="reinstall envctl: pip-tools is one of its dependencies",
        ) from error
    marker_environment = {
        "python_version": interpreter.minor,
        "python_full_version": interpreter.version,
        "extra": "",
    }
    seen = {"pip-tools"}
    while waiting:
        each = waiting.pop()
        yield each, _refusal(each, interpreter)
        for requirement in map(Requirement, each.requires or ()):
            name = canonicalize_name(requirement.name)
            if name in seen or not _applies(requirement, marker_environment):
                continue
            seen.add(name)
            try:
                waiting.append(distribution(name))
            except PackageNotFoundError:
                if not requirement.marker:
                    continue  # stripped by a distribution (setuptools, wheel): pip-compile runs without
                yield None, f"it would need {name} there, which is not installed beside envctl"


def _applies(requirement: Requirement, marker_environment: Mapping[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(dict(marker_environment))


def _refusal(each: Distribution, interpreter: Interpreter) -> str:
    if "Requires-Python" not in each.metadata:
        return ""
    supported = SpecifierSet(each.metadata["Requires-Python"])
    if supported.contains(interpreter.version, prereleases=True):
        return ""
    return f"the {each.metadata['Name']} installed with envctl needs Python {supported}"
