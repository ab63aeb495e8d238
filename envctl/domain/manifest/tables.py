"""The tables of ``[tool.envctl]``, each read into its record; every error names its key."""

import re
from collections.abc import Collection

from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.manifest import GpuNeed, Index, Profile
from envctl.domain.nearest import meant
from envctl.domain.platforms import Platform, parse_platform
from envctl.domain.requirement import no_credentials, requirements
from envctl.errors import ManifestError

ROOT = "tool.envctl"
_PROFILE = re.compile(r"[a-z0-9][a-z0-9-]*")
_TORCH = re.compile(r"cpu|xpu|cu\d{3}|rocm\d+\.\d+(\.\d+)?")
_INDEX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PATTERN = re.compile(r"[a-z0-9*?\[\]!-]+")
_INDEX_URL = re.compile(r"(https?://[^/\s]+|file://)[^\s]*")


def platforms(own: reading.Table, where: str = ROOT) -> tuple[Platform, ...]:
    """Read ``platforms``; raises ``ManifestError`` for an unknown one and for one that is listed twice."""
    names = reading.texts(own, "platforms", where)
    for n, name in enumerate(names):
        if name in names[:n]:
            raise ManifestError(
                f"`{name}` is listed twice", where=f"{where}.platforms[{n}]", hint="take one out"
            )
    found = tuple(parse_platform(name, f"{where}.platforms[{n}]") for n, name in enumerate(names))
    for n, platform in enumerate(found):
        machine = f"{platform.os}-{platform.machine}"
        if machine in [f"{each.os}-{each.machine}" for each in found[:n]]:
            raise ManifestError(
                f"`{machine}` is listed twice: two floors of glibc on one machine cannot be told apart",
                where=f"{where}.platforms[{n}]",
                hint="keep the one with the lower floor",
            )
    return found


def indexes(own: reading.Table, root: str = ROOT) -> tuple[Index, ...]:
    """Read ``[[tool.envctl.index]]``; raises ``ManifestError``."""
    found: list[Index] = []
    for n, table in enumerate(reading.tables(own, "index", root)):
        where = f"{root}.index[{n}]"
        reading.only(table, ("name", "url", "packages"), where)
        url = reading.required_text(table, "url", where)
        no_credentials(url, f"{where}.url")
        found.append(
            Index(
                name=reading.required_text(table, "name", where),
                url=url.rstrip("/"),
                packages=_patterns(reading.texts(table, "packages", where), f"{where}.packages"),
            )
        )
        _named_once(found, f"{where}.name")
        _usable(url, found[-1].name, where)
    return tuple(found)


def _named_once(found: list[Index], where: str) -> None:
    """Refuse a name that uv spells as an earlier one in its variables, ``UV_INDEX_<NAME>_PASSWORD``."""
    *others, name = [index.name for index in found]
    for other in others:
        if canonicalize_name(other) == canonicalize_name(name):
            alike = "" if other == name else f": `{other}` shares its variables for a login"
            raise ManifestError(
                f"two indexes are named `{name}`{alike}",
                where=where,
                hint="give one of them another name",
            )


def _patterns(texts: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Return patterns of names in the spelling that names have (PEP 503)."""
    found = tuple(canonicalize_name(text) for text in texts)
    for n, pattern in enumerate(found):
        if not _PATTERN.fullmatch(pattern):
            raise ManifestError(
                f"`{texts[n]}` is not a pattern of package names",
                where=f"{where}[{n}]",
                hint='write a name, or one with a star, for example "acme-*"',
            )
    return found


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
    if "?" in url or "#" in url:
        raise ManifestError(
            "the address of an index has no `?` and no `#`: what follows may be a secret, and this file is committed",
            where=f"{where}.url",
            hint="take it out; put credentials into your keyring, ~/.netrc or the environment",
        )


def gpu(own: reading.Table, root: str = ROOT) -> GpuNeed:
    """Read the table ``gpu``; raises ``ManifestError``."""
    table = reading.table(own, "gpu", root)
    where = f"{root}.gpu"
    reading.only(table, ("required", "count"), where)
    return GpuNeed(
        required=reading.flag(table, "required", where, default=False),
        count=reading.count(table, "count", where),
    )


def known_groups(names: tuple[str, ...], groups: Collection[str], key: str) -> tuple[str, ...]:
    """Return the normalised names; raises ``ManifestError`` for one that is no dependency group."""
    return _known(names, groups, key, "dependency group", "[dependency-groups]")


def known_extras(names: tuple[str, ...], extras: Collection[str], key: str) -> tuple[str, ...]:
    """Return the normalised names; raises ``ManifestError`` for one that is no extra."""
    return _known(names, extras, key, "extra", "[project.optional-dependencies]")


def _known(
    names: tuple[str, ...], known: Collection[str], key: str, what: str, table: str
) -> tuple[str, ...]:
    found = tuple(canonicalize_name(name) for name in names)
    for name in found:
        if name not in known:
            raise ManifestError(
                f"there is no {what} `{name}`",
                where=f"{ROOT}.{key}",
                hint=meant(
                    name,
                    sorted(known),
                    otherwise=f"those in {table}: {', '.join(sorted(known)) or 'none'}",
                ),
            )
    return found


def profiles(
    own: reading.Table, groups: Collection[str], extras: Collection[str]
) -> dict[str, Profile]:
    """Read ``[tool.envctl.profiles.NAME]``, in the manifest's order; raises ``ManifestError``."""
    tables = reading.table(own, "profiles", ROOT)
    for name in tables:
        if not _PROFILE.fullmatch(name):
            raise ManifestError(
                f"`{name}` cannot name a profile",
                where=f"{ROOT}.profiles.{name}",
                hint="use lower-case letters, digits and dashes, not a dash first (PEP 751 allows no dot)",
            )
    return {name: _profile(name, tables, groups, extras) for name in tables}


def _profile(
    name: str, tables: reading.Table, groups: Collection[str], extras: Collection[str]
) -> Profile:
    table = reading.table(tables, name, f"{ROOT}.profiles")
    key = f"profiles.{name}"
    where = f"{ROOT}.{key}"
    reading.only(table, _PROFILE_KEYS, where)
    torch = reading.text(table, "torch", where)
    if torch is not None and not _TORCH.fullmatch(torch):
        raise ManifestError(
            f"`{torch}` is not a build of torch",
            where=f"{where}.torch",
            hint="write it as on torch's own index: cpu, cu126, cu130, rocm6.4, xpu",
        )
    named = reading.texts(table, "groups", where), reading.texts(table, "extras", where)
    return Profile(
        name=name,
        torch=torch,
        dependencies=requirements(
            reading.texts(table, "dependencies", where), f"{where}.dependencies"
        ),
        extras=known_extras(named[1], extras, f"{key}.extras"),
        groups=known_groups(named[0], groups, f"{key}.groups"),
        constraints=requirements(
            reading.texts(table, "constraints", where), f"{where}.constraints"
        ),
        indexes=indexes(table, where),
        platforms=platforms(table, where) if "platforms" in table else None,
        env=reading.variables(table, "env", where),
        gpu=gpu(table, where) if "gpu" in table else None,
    )


_PROFILE_KEYS = (
    "torch",
    "dependencies",
    "extras",
    "groups",
    "constraints",
    "index",
    "platforms",
    "env",
    "gpu",
)
