"""``pyproject.toml`` → ``Manifest``: ``[project]``, ``[dependency-groups]`` and ``[tool.envctl]``."""

import re
from typing import cast, get_args

from packaging.dependency_groups import resolve_dependency_groups
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.build import BuildSystem, parse_build_system, parse_builds
from envctl.domain.manifest import Manifest, ResolverName, image_table, tables, verify_table
from envctl.domain.manifest.foreign_sources import elsewhere
from envctl.domain.requirement import requirements, unfolded
from envctl.errors import ManifestError

_ROOT = tables.ROOT
RUNTIME = "runtime"
"""The group of the dependencies of a project that something else than ``[project]`` describes."""
_PYTHON = re.compile(r"3\.\d+(\.\d+)?")


def parse_manifest(data: reading.Table) -> Manifest:
    """Read a parsed ``pyproject.toml``; raises ``ManifestError`` with the key that is wrong."""
    project = reading.table(data, "project", "")
    own = reading.table(reading.table(data, "tool", ""), "envctl", "tool")
    reading.only(own, _KEYS, _ROOT)
    groups = _groups(data)
    dynamic = reading.texts(project, "dynamic", "project")
    named = reading.texts(own, "groups", _ROOT)
    # `init` writes what it reads of such a project into that group: then somebody has listed it.
    listed = RUNTIME in groups and RUNTIME in named
    if "dependencies" in dynamic and not listed:
        raise ManifestError(
            "the dependencies are left to the build backend, so that nobody can read them",
            where="project.dynamic",
            hint="list them in project.dependencies, or run `envctl init --from requirements.txt`",
        )
    name = reading.text(project, "name", "project")
    extras = _extras(project)
    return Manifest(
        name=name,
        requires_python=_specifier(project, "requires-python", "project"),
        dependencies=unfolded(
            requirements(reading.texts(project, "dependencies", "project"), "project.dependencies"),
            name,
            extras,
        ),
        extras={key: unfolded(texts, name, extras) for key, texts in extras.items()},
        groups={key: unfolded(texts, name, extras) for key, texts in groups.items()},
        build_system=_build_system(data, own),
        elsewhere=elsewhere(data),
        required_version=_specifier(own, "required-version", _ROOT),
        python=_python(own, project),
        resolver=cast(
            "ResolverName",
            reading.text(own, "resolver", _ROOT, choices=get_args(ResolverName)) or "uv",
        ),
        platforms=tables.platforms(own),
        default_groups=tables.known_groups(reading.texts(own, "groups", _ROOT), groups, "groups"),
        constraints=requirements(reading.texts(own, "constraints", _ROOT), f"{_ROOT}.constraints"),
        exclude_newer=_day(own),
        indexes=tables.indexes(own),
        env=reading.variables(own, "env", _ROOT),
        inject=reading.flag(own, "inject", _ROOT, default=False),
        gpu=tables.gpu(own),
        managed=reading.flag(own, "managed", _ROOT, default=True),
        profiles=tables.profiles(own, groups, extras),
        image=image_table.image(own, groups),
        builds=parse_builds(own),
        verify=verify_table.verify(own, _ROOT),
    )


def _build_system(data: reading.Table, own: reading.Table) -> BuildSystem | None:
    """Return how the project is built, if it is to be installed: where it says how, unless told otherwise."""
    install = reading.flag(own, "install-project", _ROOT, default="build-system" in data)
    return parse_build_system(data) if install else None


def _extras(project: reading.Table) -> dict[str, tuple[str, ...]]:
    where = "project.optional-dependencies"
    extras = reading.table(project, "optional-dependencies", "project")
    found: dict[str, tuple[str, ...]] = {}
    for name in extras:
        normal = canonicalize_name(name)
        if normal in found:
            raise ManifestError(
                f"two extras are named `{normal}`", where=f"{where}.{name}", hint="join them"
            )
        found[normal] = requirements(reading.texts(extras, name, where), f"{where}.{name}")
    return found


def _groups(data: reading.Table) -> dict[str, tuple[str, ...]]:
    """Resolve PEP 735 groups, ``include-group`` included."""
    raw = reading.table(data, "dependency-groups", "")
    found: dict[str, tuple[str, ...]] = {}
    for name in raw:
        where = f"dependency-groups.{name}"
        try:
            members = resolve_dependency_groups(dict(raw), name)
        except (ValueError, LookupError, TypeError) as error:
            raise ManifestError(str(error), where=where, hint="see PEP 735") from error
        except ExceptionGroup as error:
            reason = "; ".join(str(each) for each in error.exceptions)
            raise ManifestError(reason, where=where, hint="see PEP 735") from error
        found[canonicalize_name(name)] = requirements(tuple(members), where)
    return found


def _specifier(table: reading.Table, key: str, where: str) -> str | None:
    value = reading.text(table, key, where)
    if value is None:
        return None
    try:
        return str(SpecifierSet(value))
    except InvalidSpecifier as error:
        raise ManifestError(
            f"`{value}` is not a version specifier",
            where=reading.join(where, key),
            hint='for example ">=3.11"',
        ) from error


def _python(own: reading.Table, project: reading.Table) -> str | None:
    value = reading.text(own, "python", _ROOT)
    if value is not None and not _PYTHON.fullmatch(value):
        raise ManifestError(
            f"`{value}` is not a Python version",
            where=f"{_ROOT}.python",
            hint='a minor version such as "3.11", or an exact one such as "3.11.7"',
        )
    allowed = _specifier(project, "requires-python", "project")
    if value and allowed and not _may(value, allowed):
        raise ManifestError(
            f"Python {value} is outside project.requires-python, which is {allowed}",
            where=f"{_ROOT}.python",
            hint="make the two agree",
        )
    return value


def _may(python: str, allowed: str) -> bool:
    """Whether some version of a minor, or that exact version, is in the range."""
    versions = [python] if python.count(".") == 2 else [f"{python}.{patch}" for patch in range(60)]
    return any(SpecifierSet(allowed).contains(version, prereleases=True) for version in versions)


def _day(own: reading.Table) -> str | None:
    value = own.get("exclude-newer")
    if value is not None and hasattr(
        value, "isoformat"
    ):  # TOML has dates of its own: take both spellings
        value = value.isoformat()
    elif value is not None:
        value = reading.text(own, "exclude-newer", _ROOT)
    # One spelling of UTC, so that both kinds of TOML value are one input.
    return None if value is None else str(value).replace("+00:00", "Z")


_KEYS = (
    "required-version",
    "python",
    "resolver",
    "platforms",
    "groups",
    "constraints",
    "exclude-newer",
    "index",
    "env",
    "inject",
    "gpu",
    "profiles",
    "image",
    "build",
    "install-project",
    "managed",
    "verify",
)
