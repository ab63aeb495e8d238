"""What a lock holds about building: ``[tool.envctl.builds]`` and ``[tool.envctl.build-packages]``.

PEP 751 forbids a tool's table to change what is installed. These do not: which source is installed, by its hash, is
said by ``[[packages]]`` alone. They only make the build of that source repeatable, and whoever does not know them
(pip, uv) installs the same source, built with whatever its requirements bring on that day.

A build is keyed by ``name==version`` of its source, ``.`` for the project. Its ``requires`` name packages of
``build-packages``, or of the lock itself; each of the former has one line per file: name, hash, address.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envctl.domain import reading
from envctl.domain.build import Need, need
from envctl.errors import ManifestError

_BUILDS = "tool.envctl.builds"
_PACKAGES = "tool.envctl.build-packages"
_BUILD_KEYS = ("requires", "isolation", "needs", "env")


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedBuild:
    """How one source is built: ``requires`` are ``name==version``, each with a marker where it has one."""

    requires: tuple[str, ...] = ()
    isolation: bool = True
    needs: tuple[Need, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def to_table(self) -> dict[str, Any]:
        """Return TOML's types; what is empty is left out, but for ``requires``."""
        table: dict[str, Any] = {"requires": list(self.requires)}
        if not self.isolation:
            table["isolation"] = False
        if self.needs:
            table["needs"] = list(self.needs)
        if self.env:
            table["env"] = dict(sorted(self.env.items()))
        return table


@dataclass(frozen=True, kw_only=True, slots=True)
class Builds:
    """Everything that a lock says about building. ``packages`` have no marker: ``requires`` has them."""

    builds: Mapping[str, LockedBuild] = field(default_factory=dict)
    packages: tuple[Package, ...] = ()

    def to_tables(self) -> dict[str, Any]:
        """Return the two tables by their keys under ``[tool.envctl]``, sorted; empty ones are left out."""
        tables = {
            "builds": {key: build.to_table() for key, build in sorted(self.builds.items())},
            "build-packages": {
                key: _package_table(package)
                for key, package in sorted((package_key(each), each) for each in self.packages)
            },
        }
        return {key: table for key, table in tables.items() if table}

    def required(self, build: LockedBuild, locked: Iterable[Package]) -> tuple[Package, ...]:
        """Return what a build requires, with the markers of its lines; ``locked``: the lock's own packages.

        Raises ``ManifestError`` for a line that names a package of neither.
        """
        known = {package_key(each): each for each in (*locked, *self.packages)}
        found = []
        for line in build.requires:
            key, _, marker = (part.strip() for part in line.partition(";"))
            if key not in known:
                raise ManifestError(f"there is no package `{key}` in the lock", where=_BUILDS)
            found.append(replace(known[key], marker=Marker(marker) if marker else None))
        return tuple(found)

    def missing(self, locked: Iterable[Package]) -> Iterator[str]:
        """Yield a sentence for each build requirement that is in neither place: a merge can leave that."""
        known = {package_key(each) for each in (*locked, *self.packages)}
        for key, build in self.builds.items():
            for line in build.requires:
                name = line.partition(";")[0].strip()
                if name not in known:
                    yield f"`{key}` is built with `{name}`, which the lock does not have"


def package_key(package: Package) -> str:
    """Return ``name==version``; the name alone for a source tree."""
    return f"{package.name}=={package.version}" if package.version else str(package.name)


def from_tables(own: reading.Table) -> Builds:
    """Read both tables of a parsed ``[tool.envctl]`` of a lock; raises ``ManifestError`` with the key."""
    builds = reading.table(own, "builds", "tool.envctl")
    packages = reading.table(own, "build-packages", "tool.envctl")
    return Builds(
        builds={key: _build(reading.table(builds, key, _BUILDS), key) for key in builds},
        packages=tuple(
            _package(key, reading.table(packages, key, _PACKAGES)) for key in sorted(packages)
        ),
    )


def _build(table: reading.Table, key: str) -> LockedBuild:
    where = reading.join(_BUILDS, key)
    reading.only(table, _BUILD_KEYS, where)
    requires = reading.texts(table, "requires", where)
    for n, line in enumerate(requires):
        try:
            if marker := line.partition(";")[2].strip():
                Marker(marker)
        except InvalidMarker as error:
            raise ManifestError(str(error), where=f"{where}.requires[{n}]") from error
    return LockedBuild(
        requires=requires,
        isolation=reading.flag(table, "isolation", where, default=True),
        # A need that a later envctl looks for changes nothing here: its build fails with the compiler's name.
        needs=tuple(filter(None, map(need, reading.texts(table, "needs", where)))),
        env=reading.variables(table, "env", where),
    )


def _package_table(package: Package) -> dict[str, Any]:
    table: dict[str, Any] = {"index": package.index} if package.index else {}
    return table | {"files": list(_lines(package))}


def _lines(package: Package) -> Iterator[str]:
    for file in (*([package.sdist] if package.sdist else ()), *(package.wheels or ())):
        kind = "sha256" if "sha256" in file.hashes else min(file.hashes)
        yield f"{file.filename} {kind}:{file.hashes[kind]} {file.url or file.path}"


def _package(key: str, table: reading.Table) -> Package:
    where = reading.join(_PACKAGES, key)
    reading.only(table, ("index", "files"), where)
    name, _, version = key.partition("==")
    sdist: PackageSdist | None = None
    wheels: list[PackageWheel] = []
    for n, line in enumerate(reading.texts(table, "files", where)):
        filename, url, hashes = _file(line, f"{where}.files[{n}]")
        if filename.endswith(".whl"):
            wheels.append(PackageWheel(name=filename, url=url, hashes=hashes))
        else:
            sdist = PackageSdist(name=filename, url=url, hashes=hashes)
    try:
        return Package(
            name=canonicalize_name(name, validate=True),
            version=Version(version),
            index=reading.text(table, "index", where),
            sdist=sdist,
            wheels=wheels or None,
        )
    except (InvalidVersion, ValueError) as error:
        raise ManifestError(f"`{key}` is not `name==version`", where=where) from error


def _file(line: str, where: str) -> tuple[str, str, dict[str, str]]:
    words = line.split(" ", 2)
    kind, colon, value = words[1].partition(":") if len(words) == 3 else ("", "", "")
    # A name that is a path would be written somewhere; an address without a scheme is a path.
    if not colon or "/" in words[0] or not urlsplit(words[2]).scheme:
        raise ManifestError("expected `NAME KIND:HASH ADDRESS`", where=where)
    return words[0], words[2], {kind: value}
