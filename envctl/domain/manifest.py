"""The manifest: what ``pyproject.toml`` asks for, in ``[project]``, ``[dependency-groups]`` and ``[tool.envctl]``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from packaging.dependency_groups import resolve_dependency_groups
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.platforms import Platform, parse_platform
from envctl.errors import ManifestError

ResolverName = Literal["uv", "pip-tools"]
_ROOT = "tool.envctl"
_PROFILE = re.compile(r"[a-z0-9-]+")
_INDEX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_INDEX_URL = re.compile(r"(https?://[^/\s]+|file://)[^\s]*")
_PYTHON = re.compile(r"3\.\d+(\.\d+)?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """A package index by name; ``packages`` are patterns of names that come from it and nowhere else."""

    name: str
    url: str
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuNeed:
    """What the lock cannot tell about GPUs: whether one must be there, and how many."""

    required: bool = False
    count: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSettings:
    """``[tool.envctl.image]``; ``target`` is its key ``for``."""

    build: str = "buildkit"
    target: str = "docker"
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    system_packages: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    base: str | None = None
    registry: str | None = None
    source: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """Everything that a project asks for. Requirements are normalised PEP 508 strings, in the user's order."""

    name: str | None = None
    requires_python: str | None = None
    dependencies: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    build_system: bool = False
    required_version: str | None = None
    python: str | None = None
    resolver: ResolverName = "uv"
    platforms: tuple[Platform, ...] = ()
    default_groups: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    exclude_newer: str | None = None
    indexes: tuple[Index, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    gpu: GpuNeed = GpuNeed()
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    image: ImageSettings = ImageSettings()

    @property
    def python_specifier(self) -> str | None:
        """The lock's ``requires-python``: the pinned Python, or else the project's own range."""
        if self.python is None:
            return self.requires_python
        return f"=={self.python}" if self.python.count(".") == 2 else f"=={self.python}.*"


def parse_manifest(data: reading.Table) -> Manifest:
    """Read a parsed ``pyproject.toml``; raises ``ManifestError`` with the key that is wrong."""
    project = reading.table(data, "project", "")
    own = reading.table(reading.table(data, "tool", ""), "envctl", "tool")
    reading.only(own, _KEYS, _ROOT)
    groups = _groups(data)
    dynamic = reading.texts(project, "dynamic", "project")
    if "dependencies" in dynamic:
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
        dependencies=requirements(
            reading.texts(project, "dependencies", "project"), "project.dependencies"
        ),
        extras={key: _unfolded(texts, name, extras) for key, texts in extras.items()},
        groups={key: _unfolded(texts, name, extras) for key, texts in groups.items()},
        build_system="build-system" in data,
        required_version=_specifier(own, "required-version", _ROOT),
        python=_python(own, project),
        resolver=cast(
            "ResolverName",
            reading.text(own, "resolver", _ROOT, choices=("uv", "pip-tools")) or "uv",
        ),
        platforms=_platforms(own),
        default_groups=_known_groups(reading.texts(own, "groups", _ROOT), groups, "groups"),
        constraints=requirements(reading.texts(own, "constraints", _ROOT), f"{_ROOT}.constraints"),
        exclude_newer=_day(own),
        indexes=_indexes(own),
        env=reading.variables(own, "env", _ROOT),
        gpu=_gpu(own),
        profiles=_profiles(own),
        image=_image(own, groups),
    )


def requirements(texts: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Normalise PEP 508 requirements; raises ``ManifestError`` with the position of a bad one."""
    return tuple(requirement(text, f"{where}[{n}]") for n, text in enumerate(texts))


def requirement(text: str, where: str) -> str:
    """Return a PEP 508 requirement in one canonical spelling, so that white space changes nothing."""
    try:
        parsed = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise ManifestError(
            f"`{text}` is not a requirement: {reason}",
            where=where,
            hint="write it as PEP 508 has it, for example `numpy>=2; python_version < '3.13'`",
        ) from error
    if parsed.url:
        _no_credentials(parsed.url, where)
    parsed.name = canonicalize_name(parsed.name)
    parsed.extras = {canonicalize_name(extra) for extra in parsed.extras}
    return str(parsed)


def _extras(project: reading.Table) -> dict[str, tuple[str, ...]]:
    where = "project.optional-dependencies"
    extras = reading.table(project, "optional-dependencies", "project")
    return {
        canonicalize_name(name): requirements(reading.texts(extras, name, where), f"{where}.{name}")
        for name in extras
    }


def _unfolded(
    texts: tuple[str, ...], name: str | None, extras: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Replace the project's own name (``all = ["vision[viz,io]"]``) by what those extras hold.

    The resolvers know the project under no name: they would look for a stranger's package of that name.
    """
    if name is None:
        return texts
    found: dict[str, None] = {}
    rest = [(Requirement(text), frozenset[str]()) for text in reversed(texts)]
    while rest:
        requirement_, seen = rest.pop()
        if requirement_.name != canonicalize_name(name):
            found[str(requirement_)] = None
            continue
        for extra in sorted(requirement_.extras - seen, reverse=True):
            for text in reversed(extras.get(extra, ())):
                inner = Requirement(text)
                if requirement_.marker:
                    inner.marker = _both(inner.marker, requirement_.marker)
                rest.append((inner, seen | {extra}))
    return tuple(found)


def _both(one: Marker | None, other: Marker) -> Marker:
    return other if one is None else Marker(f"({one}) and ({other})")


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


def _platforms(own: reading.Table) -> tuple[Platform, ...]:
    names = reading.texts(own, "platforms", _ROOT)
    for n, name in enumerate(names):
        if name in names[:n]:
            raise ManifestError(
                f"`{name}` is listed twice", where=f"{_ROOT}.platforms[{n}]", hint="take one out"
            )
    return tuple(parse_platform(name, f"{_ROOT}.platforms[{n}]") for n, name in enumerate(names))


def _day(own: reading.Table) -> str | None:
    value = own.get("exclude-newer")
    if value is None or isinstance(value, str):
        return reading.text(own, "exclude-newer", _ROOT)
    if hasattr(value, "isoformat"):  # TOML has dates of its own: take both spellings
        return str(value.isoformat())
    raise reading.wrong("a date", value, f"{_ROOT}.exclude-newer")


def _indexes(own: reading.Table) -> tuple[Index, ...]:
    found: list[Index] = []
    for n, table in enumerate(reading.tables(own, "index", _ROOT)):
        where = f"{_ROOT}.index[{n}]"
        reading.only(table, ("name", "url", "packages"), where)
        url = reading.required_text(table, "url", where)
        _no_credentials(url, f"{where}.url")
        found.append(
            Index(
                name=reading.required_text(table, "name", where),
                url=url.rstrip("/"),
                packages=reading.texts(table, "packages", where),
            )
        )
        if [index.name for index in found].count(found[-1].name) > 1:
            raise ManifestError(
                f"two indexes are named `{found[-1].name}`",
                where=f"{where}.name",
                hint="give one of them another name",
            )
        _usable(url, found[-1].name, where)
    return tuple(found)


def _usable(url: str, name: str, where: str) -> None:
    if not _INDEX_NAME.fullmatch(name):
        raise ManifestError(
            f"`{name}` cannot name an index",
            where=f"{where}.name",
            hint="use letters, digits, dashes, underscores and dots",
        )
    if not _INDEX_URL.fullmatch(url):
        raise ManifestError(
            "not the address of an index",
            where=f"{where}.url",
            hint="it begins with https://, http:// or file://",
        )


def _no_credentials(url: str, where: str) -> None:
    scheme, _, rest = url.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    # `git@` tells an ssh server nothing secret; before a web address a lone name is a token.
    if at and (":" in user or not scheme.endswith("ssh")):
        raise ManifestError(
            "the address holds a user name or password, and this file is committed",
            where=where,
            hint="take it out; put credentials into your keyring, ~/.netrc or the environment",
        )


def _gpu(own: reading.Table) -> GpuNeed:
    table = reading.table(own, "gpu", _ROOT)
    where = f"{_ROOT}.gpu"
    reading.only(table, ("required", "count"), where)
    return GpuNeed(
        required=reading.flag(table, "required", where, default=False),
        count=reading.count(table, "count", where),
    )


def _profiles(own: reading.Table) -> Mapping[str, Mapping[str, Any]]:
    profiles = reading.table(own, "profiles", _ROOT)
    for name in profiles:
        if not _PROFILE.fullmatch(name):
            raise ManifestError(
                f"`{name}` cannot name a profile",
                where=f"{_ROOT}.profiles.{name}",
                hint="use lower-case letters, digits and dashes (PEP 751 allows no dot)",
            )
    return {name: reading.table(profiles, name, f"{_ROOT}.profiles") for name in profiles}


def _image(own: reading.Table, groups: Mapping[str, object]) -> ImageSettings:
    table = reading.table(own, "image", _ROOT)
    where = f"{_ROOT}.image"
    reading.only(table, _IMAGE_KEYS, where)
    named = _known_groups(reading.texts(table, "groups", where), groups, "image.groups")
    packages = reading.texts(table, "system-packages", where)
    for n, package in enumerate(packages):
        # Debian Policy 5.6.7, with an optional version as apt-get takes it.
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?", package):
            raise ManifestError(
                f"`{package}` is not the name of a Debian package",
                where=f"{where}.system-packages[{n}]",
                hint="write it as `apt-get install` takes it, for example `libgl1`",
            )
    return ImageSettings(
        build=reading.text(table, "build", where, choices=("buildkit", "hermetic")) or "buildkit",
        target=reading.text(table, "for", where, choices=("docker", "slurm", "kubernetes"))
        or "docker",
        groups=named,
        extras=tuple(canonicalize_name(e) for e in reading.texts(table, "extras", where)),
        system_packages=packages,
        command=reading.texts(table, "command", where),
        base=reading.text(table, "base", where),
        registry=reading.text(table, "registry", where),
        source=reading.texts(table, "source", where),
    )


def _known_groups(
    names: tuple[str, ...], groups: Mapping[str, object], key: str
) -> tuple[str, ...]:
    found = tuple(canonicalize_name(name) for name in names)
    for name in found:
        if name not in groups:
            known = ", ".join(groups) or "none"
            raise ManifestError(
                f"there is no dependency group `{name}`",
                where=f"{_ROOT}.{key}",
                hint=f"groups in [dependency-groups]: {known}",
            )
    return found


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
    "gpu",
    "profiles",
    "image",
)
_IMAGE_KEYS = (
    "build",
    "for",
    "groups",
    "extras",
    "system-packages",
    "command",
    "base",
    "registry",
    "source",
)
