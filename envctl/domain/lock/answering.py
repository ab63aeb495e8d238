"""Does a lock that somebody else made answer the manifest? Asked of each declared platform, offline."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.markers import UndefinedComparison
from packaging.pylock import Package, Pylock
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from envctl.domain.lock.origins import strangers
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import Platform, parse_platform

_MINORS = range(8, 21)
_PATCHES = range(60)
_EVERY = tuple(
    parse_platform(name)
    for name in (
        "linux-x86_64",
        "linux-aarch64",
        "macos-arm64",
        "macos-x86_64",
        "windows-x86_64",
        "windows-arm64",
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """One platform with one Python that manifest and lock both allow."""

    platform: Platform
    python: str

    @property
    def environment(self) -> dict[str, str]:
        return self.platform.environment(self.python)

    @property
    def minor(self) -> str:
        return self.python.rpartition(".")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Root:
    """One of the manifest's sets of requirements, and through which extra or group a lock gives it."""

    key: str
    texts: tuple[str, ...]
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


def unanswered(pylock: Pylock, manifest: Manifest) -> tuple[str, ...]:
    """Return why a lock does not answer a manifest, as sentences; none: it does.

    Looked at: each requirement, extra, group and constraint where its marker holds, the Pythons and platforms, the
    indexes that claim packages, ``exclude-newer``. What others need in turn is left to whoever made the lock.
    """
    found = [*_outside(pylock, manifest)]
    places = tuple(_places(pylock, manifest))
    if not found:
        found += _requirements(pylock, manifest, places)
        found += _constraints(pylock, manifest, places)
    return tuple(dict.fromkeys((*found, *strangers(pylock, manifest))))


def _places(pylock: Pylock, manifest: Manifest) -> Iterator[_Place]:
    """Yield where the lock may be installed: every known platform counts where the manifest names none."""
    for platform in manifest.platforms or _EVERY:
        for python in _pythons(pylock, manifest):
            place = _Place(platform=platform, python=python)
            if _covers(pylock, place):
                yield place


def _covers(pylock: Pylock, place: _Place) -> bool:
    markers = pylock.environments
    return not markers or any(marker.evaluate({**place.environment}) for marker in markers)


def _pythons(pylock: Pylock, manifest: Manifest) -> Iterator[str]:
    """Yield one full version of each minor that manifest and lock allow."""
    wanted = SpecifierSet(manifest.python_specifier or "")
    offered = pylock.requires_python or SpecifierSet()
    for minor in _MINORS:
        versions = (f"3.{minor}.{patch}" for patch in _PATCHES)
        both = (v for v in versions if wanted.contains(v) and offered.contains(v))
        if version := next(both, None):
            yield version


def _outside(pylock: Pylock, manifest: Manifest) -> Iterator[str]:
    """Say what the lock is not made for at all."""
    pythons = tuple(_pythons(pylock, manifest))
    if not pythons:
        yield (
            f"the lock is for Python {pylock.requires_python or 'of no kind'}, "
            f"the manifest for {manifest.python_specifier or 'any'}"
        )
        return
    for platform in manifest.platforms:
        if not any(_covers(pylock, _Place(platform=platform, python=p)) for p in pythons):
            yield f"the lock is not made for {platform.name}, which tool.envctl.platforms has"


def _requirements(pylock: Pylock, manifest: Manifest, places: Sequence[_Place]) -> Iterator[str]:
    """Say which requirements are missing, or locked outside of their specifier."""
    for root in _roots(manifest):
        for text in root.texts:
            wanted = Requirement(text)
            asking = [p for p in places if _holds(wanted, p)]
            answers = [(place, _answers(pylock, wanted, place, root)) for place in asking]
            if missing := [place for place, packages in answers if not packages]:
                where = f" for {_listed(missing, asking)}" if missing != asking else ""
                yield f"`{text}` ({root.key}) is not in the lock{where}"
            for package in (package for _, packages in answers for package in packages):
                if misfit := _misfit(package, wanted):
                    yield f"{misfit}; the manifest asks for `{text}` ({root.key})"


def _roots(manifest: Manifest) -> Iterator[_Root]:
    yield _Root(key="project.dependencies", texts=manifest.dependencies)
    for name, texts in manifest.extras.items():
        key = f"project.optional-dependencies.{name}"
        yield _Root(key=key, texts=texts, extras=frozenset({name}))
    for name, texts in manifest.groups.items():
        yield _Root(key=f"dependency-groups.{name}", texts=texts, groups=frozenset({name}))


def _answers(pylock: Pylock, wanted: Requirement, place: _Place, root: _Root) -> list[Package]:
    return [
        package
        for package in pylock.packages
        if package.name == wanted.name and _applies(package, place, root.extras, root.groups)
    ]


def _holds(wanted: Requirement, place: _Place) -> bool:
    return wanted.marker is None or wanted.marker.evaluate({**place.environment})


def _misfit(package: Package, wanted: Requirement) -> str | None:
    direct = bool(package.vcs or package.directory or package.archive)
    if wanted.url:
        return None if direct else f"`{package.name}` comes from an index"
    if package.version and not wanted.specifier.contains(package.version, prereleases=True):
        return f"`{package.name}` is locked as {package.version}"
    return None


def _applies(
    package: Package, place: _Place, extras: frozenset[str], groups: frozenset[str]
) -> bool:
    if package.marker is None:
        return True
    choice = {"extras": extras, "dependency_groups": groups}
    try:
        return package.marker.evaluate({**place.environment, **choice}, context="lock_file")
    except UndefinedComparison:
        return False


def _constraints(pylock: Pylock, manifest: Manifest, places: Sequence[_Place]) -> Iterator[str]:
    extras = frozenset(manifest.extras) | frozenset(pylock.extras or ())
    groups = frozenset(manifest.groups) | frozenset(pylock.dependency_groups or ())
    for text in manifest.constraints:
        limit = Requirement(text)
        root = _Root(key="tool.envctl.constraints", texts=(), extras=extras, groups=groups)
        for place in (place for place in places if _holds(limit, place)):
            for package in _answers(pylock, limit, place, root):
                if misfit := _misfit(package, limit):
                    yield f"{misfit}; {root.key} has `{text}`"


def _listed(some: Sequence[_Place], every: Sequence[_Place]) -> str:
    """Name the platforms, or the Pythons, or both, whichever tells ``some`` from the rest."""
    platforms = list(dict.fromkeys(place.platform.name for place in some))
    pythons = list(dict.fromkeys(place.minor for place in some))
    if all(place in some for place in every if place.platform.name in platforms):
        return ", ".join(platforms)
    if all(place in some for place in every if place.minor in pythons):
        return f"Python {', '.join(pythons)}"
    return f"{', '.join(platforms)} with Python {', '.join(pythons)}"
