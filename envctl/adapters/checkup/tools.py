"""The programs that envctl calls: where they are, which version, and which others of the name are there."""

import os
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from shutil import which

from packaging.requirements import InvalidRequirement, Requirement

from envctl import __version__
from envctl.adapters.builders import docker_cli
from envctl.adapters.checkup.patience import said, together
from envctl.adapters.checkup.reading import real
from envctl.adapters.uv import program as uv_program
from envctl.domain.checkup.tools import Tool, Tools
from envctl.errors import EnvctlError
from envctl.ports import Completed, Runner

_DISTRIBUTION = "envctl-gpu"
_SECONDS = 15.0
_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")
_ON_PATH = ("podman", "git", "pre-commit", "prek")


def look(run: Runner, environ: Mapping[str, str]) -> Tools:
    """Look at all of them at once."""
    calls = {
        "uv": partial(_uv, run, environ),
        "pip": partial(_beside, "pip"),
        "pip-tools": partial(_beside, "pip-tools"),
        "docker": partial(docker, run, environ),
        **{name: partial(_on_path, run, environ, name) for name in _ON_PATH},
    }
    found = together(calls, _SECONDS)
    return Tools(
        envctl=__version__,
        python=platform.python_version(),
        prefix=sys.prefix,
        tools=tuple(_settled(name, each) for name, each in found.items()),
        unmet=tuple(_unmet()),
    )


def hook(run: Runner, environ: Mapping[str, str], root: Path) -> Tool:
    """Return the commit hook as a tool: its path is ``None`` where it is not installed; a problem: no repository."""
    plain = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    argv = ["git", "rev-parse", "--git-path", "hooks/pre-commit"]
    done = said(run, argv, plain, cwd=root)
    if done is None or done.code != 0 or not done.stdout.strip():
        return Tool(name="hook", path=None, problem="no git repository")
    path = root / done.stdout.strip()
    return Tool(name="hook", path=str(path) if os.access(path, os.X_OK) else None)


def _settled(name: str, found: Tool | Exception | None) -> Tool:
    if isinstance(found, Tool):
        return found
    problem = "did not answer in time"
    if isinstance(found, Exception):
        problem = found.message if isinstance(found, EnvctlError) else type(found).__name__
    mend = found.hint if isinstance(found, EnvctlError) else f"try `{name} --version` yourself"
    return Tool(name=name, path=None, problem=problem, mend=mend)


def _uv(run: Runner, environ: Mapping[str, str]) -> Tool:
    path = uv_program.binary()
    own = uv_program.version(run)
    other = which("uv", path=environ.get("PATH"))
    others: tuple[str, ...] = ()
    if other and not _same(other, path):
        others = (f"{_version(run, other, environ) or 'another one'} at {other}",)
    return Tool(name="uv", path=path, version=own, others=others)


def _beside(name: str) -> Tool:
    try:
        return Tool(name=name, path=sys.prefix, version=version(name))
    except PackageNotFoundError:
        problem, mend = f"{name} was not found beside envctl", "reinstall envctl"
        return Tool(name=name, path=None, problem=problem, mend=mend)


def docker(run: Runner, environ: Mapping[str, str]) -> Tool:
    """Return the docker command that is used: with a problem where none can build with BuildKit."""
    path = which("docker", path=environ.get("PATH"))

    def hurried(argv: list[str], **_more: object) -> Completed:
        done = said(run, argv, environ)
        return done or Completed(argv=tuple(argv), code=126, stdout="", stderr="")

    able = docker_cli.program(hurried, environ)  # type: ignore[arg-type]  # it asks for versions only
    chosen = able or path
    others = (path,) if path and chosen != path else ()
    problem = (
        None if able or not path else "cannot build with BuildKit: its plug-in buildx is missing"
    )
    return Tool(
        name="docker",
        path=chosen,
        version=_version(run, chosen, environ) if chosen else None,
        others=others,
        problem=problem,
        mend="install it (Debian, Ubuntu: `apt-get install docker-buildx`)" if problem else None,
    )


def _on_path(run: Runner, environ: Mapping[str, str], name: str) -> Tool:
    path = which(name, path=environ.get("PATH"))
    return Tool(name=name, path=path, version=_version(run, path, environ) if path else None)


def _version(run: Runner, path: str, environ: Mapping[str, str]) -> str | None:
    done = said(run, [path, "--version"], environ)
    found = _VERSION.search(done.stdout) if done and done.code == 0 else None
    return found[0].rstrip(".") if found else None


def _unmet() -> Iterator[str]:
    """Yield envctl's own requirements that what is installed beside it does not meet."""
    try:
        texts = requires(_DISTRIBUTION) or []
    except PackageNotFoundError:  # started from a checkout: nobody declared anything
        return
    for text in texts:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            there = version(wanted.name)
        except PackageNotFoundError:
            yield f"{wanted.name}{wanted.specifier} (it is not here)"
            continue
        if not wanted.specifier.contains(there, prereleases=True):
            yield f"{wanted.name}{wanted.specifier} ({there} is here)"


def _same(one: str, other: str) -> bool:
    return real(one) == real(other)
