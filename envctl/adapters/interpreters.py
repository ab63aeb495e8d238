"""The interpreters on this machine, found as virtualenv finds them, and pyenv's, which are not on the PATH."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import default_environment
from packaging.specifiers import SpecifierSet
from packaging.tags import compatible_tags, cpython_tags, platform_tags

from envctl.domain.here import Here
from envctl.domain.platforms import platform_of
from envctl.domain.resolution import Interpreter
from envctl.errors import InterpreterError, ProjectError

_MINORS = ("3.14", "3.13", "3.12", "3.11", "3.10", "3.9")


def find(python: str | None, requires_python: str | None) -> Interpreter:
    """Return an interpreter for ``python`` (``3.11``, ``3.11.7``), or else for the range ``requires_python``.

    Raises ``InterpreterError`` that lists what was found and how to get the missing one.
    """
    if python is None:
        allowed = SpecifierSet(requires_python or ">=3.9")
        for minor in (_own().minor, *_MINORS):
            found = _of(minor, allowed)
            if found:
                return found
        raise _missing(f"Python {allowed}", python)
    found = _of(python, SpecifierSet(requires_python or ""))
    if found is None:
        raise _missing(f"Python {python}", python)
    return found


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
            hint="see the platforms in docs/reference/manifest.md",
        )
    environment |= {
        "python_version": interpreter.minor,
        "python_full_version": interpreter.version,
        "implementation_version": interpreter.version,
    }
    major, minor = (int(part) for part in interpreter.minor.split("."))
    platforms = list(platform_tags())
    tags = (
        *cpython_tags((major, minor), platforms=platforms),
        *compatible_tags((major, minor), f"cp{major}{minor}", platforms),
    )
    return Here(interpreter=interpreter, platform=platform, environment=environment, tags=tags)


def _own() -> Interpreter:
    """Return the interpreter behind the one that runs envctl: no search, no process."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    # Not in the stubs: the executable that the running virtual environment was made from.
    path: str = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(path=os.path.realpath(path), version=version)


def _of(wanted: str, allowed: SpecifierSet) -> Interpreter | None:
    own = _own()
    if _fits(own.version, wanted) and allowed.contains(own.version):
        return own
    for candidate in _candidates(wanted):
        if _fits(candidate.version, wanted) and allowed.contains(candidate.version):
            return candidate
    return None


def _fits(version: str, wanted: str) -> bool:
    return version == wanted or version.startswith(f"{wanted}.")


def _candidates(wanted: str) -> Iterator[Interpreter]:
    from platformdirs import user_cache_path  # noqa: PLC0415  # lazy: a search is rare
    from python_discovery import DiskCache, get_interpreter  # noqa: PLC0415

    cache = DiskCache(user_cache_path("envctl") / "interpreters")
    for key in (f"cpython{wanted}", *_pyenv(wanted)):
        info = get_interpreter(key, cache=cache)
        if info is not None and info.implementation == "CPython":
            yield Interpreter(
                path=info.system_executable or info.executable,
                version=".".join(str(part) for part in info.version_info[:3]),
            )


def _pyenv(wanted: str) -> list[str]:
    """Return the executables of pyenv's versions that fit, newest first: its shims answer for one of them only."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    if not root.is_dir():
        return []
    fitting = [folder for folder in root.iterdir() if _fits(folder.name, wanted)]
    fitting.sort(key=lambda folder: [int(n) for n in folder.name.split(".") if n.isdigit()])
    return [str(folder / "bin" / "python") for folder in reversed(fitting)]


def _missing(what: str, python: str | None) -> InterpreterError:
    own = _own()
    found = {own.version: own.path}
    for minor in _MINORS:
        for each in _candidates(minor):
            found.setdefault(each.version, each.path)
    listed = "\n".join(f"  {version}  {path}" for version, path in sorted(found.items()))
    return InterpreterError(
        f"{what} is not on this machine",
        where="pyproject.toml: tool.envctl.python"
        if python
        else "pyproject.toml: project.requires-python",
        hint=f"install it (`uv python install {python or '3.13'}`, pyenv or your system's packages), "
        f"or name one of these:\n{listed}",
    )
