"""How a package that has no wheel is built: what the manifest says of it, and what its own files say.

Manifest: ``[tool.envctl.build.NAME]``, with ``.`` for the project itself. An sdist's own word is its
``[build-system]`` (PEP 517, PEP 518).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.requirement import requirements
from envctl.domain.variables import classify
from envctl.errors import ManifestError

Need = Literal["c", "c++", "nvcc", "rust"]
NEEDS: tuple[Need, ...] = get_args(Need)
PROJECT = "."
"""The project itself, where a package's name could stand."""

_WHERE = "tool.envctl.build"
_KEYS = ("isolation", "requires", "dependencies", "env", "needs")
_LEGACY = "setuptools.build_meta:__legacy__"
# PEP 517 names setuptools; `wheel`, because old setup.py files import it and setuptools before 70.1 needs it.
_LEGACY_REQUIRES = ("setuptools>=40.8.0", "wheel")


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildSettings:
    """What the manifest says about building one package.

    ``isolation`` false: against the versions of the lock (torch), not against whatever its requirements allow.
    ``requires``: more build requirements, as PEP 508. ``dependencies``: what it needs when it runs, for an sdist
    that tells it to nobody without being run; ``None``: ask the sdist. ``needs``: the compilers; ``None``: look.
    """

    isolation: bool = True
    requires: tuple[str, ...] = ()
    dependencies: tuple[str, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Need, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildSystem:
    """``[build-system]``: requirements, backend, and the folders of the source tree that the backend lies in."""

    requires: tuple[str, ...] = _LEGACY_REQUIRES
    backend: str = _LEGACY
    backend_path: tuple[str, ...] = ()


def parse_builds(own: reading.Table) -> Mapping[str, BuildSettings]:
    """Read the table ``build`` of a parsed ``[tool.envctl]``; raises ``ManifestError`` with the key."""
    tables = reading.table(own, "build", "tool.envctl")
    found: dict[str, BuildSettings] = {}
    for key in tables:
        name = key if key == PROJECT else canonicalize_name(key)
        where = f"{_WHERE}.{key}"
        if name in found:
            raise ManifestError(f"`{name}` is there twice", where=where, hint="take one out")
        found[name] = _settings(reading.table(tables, key, _WHERE), where)
    return found


def _settings(table: reading.Table, where: str) -> BuildSettings:
    reading.only(table, _KEYS, where)
    env = reading.variables(table, "env", where)
    for name in env:
        if classify(name) == "secret":
            raise ManifestError(
                f"`{name}` is a secret by its name, and this file is committed",
                where=f"{where}.env.{name}",
                hint="take it out: a build that needs a secret cannot be repeated by others",
            )
    return BuildSettings(
        isolation=reading.flag(table, "isolation", where, default=True),
        requires=requirements(reading.texts(table, "requires", where), f"{where}.requires"),
        dependencies=requirements(
            reading.texts(table, "dependencies", where), f"{where}.dependencies"
        )
        if "dependencies" in table
        else None,
        env=dict(sorted(env.items())),
        needs=needs(reading.texts(table, "needs", where), f"{where}.needs")
        if "needs" in table
        else None,
    )


def needs(texts: tuple[str, ...], where: str) -> tuple[Need, ...]:
    """Return the known needs in their fixed order; raises ``ManifestError`` for another."""
    for n, text in enumerate(texts):
        if text not in NEEDS:
            raise ManifestError(
                f"`{text}` is no compiler that envctl looks for",
                where=f"{where}[{n}]",
                hint=f"known: {', '.join(NEEDS)}",
            )
    return tuple(need for need in NEEDS if need in texts)


def parse_build_system(data: reading.Table) -> BuildSystem:
    """Read ``[build-system]`` of a parsed ``pyproject.toml``, setuptools where it says nothing (PEP 517, 518).

    Raises ``ManifestError``.
    """
    where = "build-system"
    if where not in data:
        return BuildSystem()
    table = reading.table(data, where, "")
    requires = requirements(reading.texts(table, "requires", where), f"{where}.requires")
    return BuildSystem(
        requires=requires if "requires" in table else _LEGACY_REQUIRES,
        backend=reading.text(table, "build-backend", where) or _LEGACY,
        backend_path=reading.texts(table, "backend-path", where),
    )


def input_lines(
    builds: Mapping[str, BuildSettings], project: BuildSystem | None = None
) -> Iterator[str]:
    """Yield what a lock depends on of these, one line each (see ``envctl.domain.lock.inputs_of``)."""
    if project is not None:
        yield f"build {PROJECT}"
        yield from (f"build {PROJECT}: requires {text}" for text in project.requires)
    for name, each in builds.items():
        start = f"build {name}:"
        if not each.isolation:
            yield f"{start} isolation false"
        yield from (f"{start} requires {text}" for text in each.requires)
        if each.dependencies is not None:
            yield f"{start} dependencies {', '.join(sorted(each.dependencies)) or 'none'}"
        yield from (f"{start} env {key}={value}" for key, value in each.env.items())
        if each.needs is not None:
            yield f"{start} needs {', '.join(each.needs) or 'nothing'}"


def need(text: str) -> Need | None:
    """Return a need by its name; ``None`` for one that this envctl does not know."""
    return text if text in NEEDS else None
