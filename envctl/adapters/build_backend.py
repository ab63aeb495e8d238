"""Calling a build backend (PEP 517, PEP 660): in an environment made for it, told nothing that is not declared."""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.adapters import installed
from envctl.domain.build import BuildSystem
from envctl.errors import EnvironmentFailure
from envctl.ports import Runner

_TAIL = 60  # lines
# Where this machine keeps things, how it reaches others, and how fast it may work: none of it should change a wheel.
_KEPT = re.compile(
    r"PATH|HOME|USER|LOGNAME|TMPDIR|LANG|LANGUAGE|LC_\w+"
    r"|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE"
    r"|CC|CXX|CUDA_HOME|CUDA_PATH|ROCM_HOME|ROCM_PATH|CARGO_HOME|RUSTUP_\w+|S?CCACHE_\w+"
    r"|(LD_)?LIBRARY_PATH|CPATH|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|PKG_CONFIG_PATH|SDKROOT|DEVELOPER_DIR"
    r"|MAX_JOBS|CMAKE_BUILD_PARALLEL_LEVEL|NVCC_THREADS"
)
_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_EPOCH = (
    "315532800"  # 1980, where the dates of a zip file begin: the same bytes whenever it is built
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """One call of a backend: the source tree, its ``[build-system]``, the build environment and its variables.

    ``label`` names it in messages (a package in backquotes), ``key`` its table in the manifest. ``markers`` is the
    environment's own (PEP 508).
    """

    label: str
    key: str
    source: Path
    system: BuildSystem
    environment: Path
    variables: Mapping[str, str]
    markers: Mapping[str, str]
    log: Path


class _Failed(Exception):
    """The backend's process ended with an error."""


class _Starter:
    """Runs a hook's process as ``pyproject_hooks`` asks for it, and remembers what it said."""

    def __init__(self, build: Build, run: Runner, environ: Mapping[str, str]) -> None:
        self._source = build.source
        self._environ = _environment(build, environ)
        self._run = run
        self.said: list[str] = []

    def __call__(
        self,
        cmd: Sequence[str],
        cwd: str | None = None,
        extra_environ: Mapping[str, str] | None = None,
    ) -> None:
        env = {**self._environ, **(extra_environ or {})}
        done = self._run(cmd, cwd=Path(cwd or self._source), env=env)
        self.said.append(f"{done.stdout}{done.stderr}")
        if done.code != 0:
            raise _Failed(done.code)


def wheel(build: Build, out: Path, run: Runner, environ: Mapping[str, str]) -> Path:
    """Build a wheel into the empty folder ``out``; raises ``EnvironmentFailure``."""
    return _build(build, out, run, environ, editable=False)


def editable(build: Build, out: Path, run: Runner, environ: Mapping[str, str]) -> Path:
    """Build a wheel that leads to the source tree (PEP 660); raises ``EnvironmentFailure``."""
    return _build(build, out, run, environ, editable=True)


def _build(
    build: Build, out: Path, run: Runner, environ: Mapping[str, str], *, editable: bool
) -> Path:
    from pyproject_hooks import BackendUnavailable, HookMissing  # noqa: PLC0415  # builds are rare

    start = _Starter(build, run, environ)
    try:
        with warnings.catch_warnings():  # the backend's own, which nobody here can heed
            warnings.simplefilter("ignore")
            return out / _hooks(build, start, str(out), editable=editable)
    except HookMissing as error:
        raise EnvironmentFailure(
            f"the build backend `{build.system.backend}` cannot install a project editable (PEP 660)",
            where="pyproject.toml: build-system",
            hint="use a newer version of it, or set `install-project = false` in [tool.envctl]",
        ) from error
    except BackendUnavailable as error:
        raise _failure(build, "\n".join([*start.said, error.traceback])) from error
    except (_Failed, ValueError) as error:  # ValueError: a backend-path that leads out of the tree
        said = [str(error)] if isinstance(error, ValueError) else []
        raise _failure(build, "\n".join([*start.said, *said])) from error


def _hooks(build: Build, start: _Starter, out: str, *, editable: bool) -> str:
    from pyproject_hooks import BuildBackendHookCaller  # noqa: PLC0415  # builds are rare

    caller = BuildBackendHookCaller(
        str(build.source),
        build.system.backend,
        build.system.backend_path or None,
        runner=start,
        python_executable=str(build.environment / "bin" / "python"),
    )
    if editable:
        _satisfied(build, caller.get_requires_for_build_editable())
        return caller.build_editable(out)
    _satisfied(build, caller.get_requires_for_build_wheel())
    return caller.build_wheel(out)


def _environment(build: Build, environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if _KEPT.fullmatch(name)}
    programs = build.environment / "bin"
    return {
        "SOURCE_DATE_EPOCH": _EPOCH,
        "PYTHONNOUSERSITE": "1",
        **kept,
        "PATH": f"{programs}:{kept.get('PATH', '')}".removesuffix(":"),
        "VIRTUAL_ENV": str(build.environment),
        **build.variables,
    }


def _satisfied(build: Build, texts: Iterable[str]) -> None:
    """Compare what the backend asks for when it runs (cmake, ninja) with what was locked for it."""
    there = installed.packages(build.environment)
    for text in texts:
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        version = there.get(canonicalize_name(wanted.name))
        if wanted.marker and not wanted.marker.evaluate(dict(build.markers)):
            continue
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            found = f"version {version} is locked for it" if version else "none is locked for it"
            raise EnvironmentFailure(
                f"the build of {build.label} asks for `{text}`, and {found}",
                where=f"pyproject.toml: tool.envctl.build.{_quoted(build.key)}.requires",
                hint=f'add "{text}" there, then run `envctl lock`',
            )


def _failure(build: Build, text: str) -> EnvironmentFailure:
    try:
        build.log.parent.mkdir(parents=True, exist_ok=True)
        build.log.write_text(text, encoding="utf-8", errors="replace")
        where = str(build.log)
    except OSError:
        where = build.label
    hint = "read what it said there"
    if missing := _NO_MODULE.findall(text):
        hint = (
            f"the build could not import `{missing[-1]}`: add the package that brings it to `requires` "
            f"in [tool.envctl.build.{_quoted(build.key)}], then run `envctl lock`"
        )
    return EnvironmentFailure(
        f"{build.label} could not be built",
        where=where,
        hint=hint,
        details="\n".join(text.splitlines()[-_TAIL:]),
    )


def _quoted(key: str) -> str:
    return f'"{key}"' if key == "." else key
