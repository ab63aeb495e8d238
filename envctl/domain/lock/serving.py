"""Does a lock serve each declared platform? Asked offline, of ``packaging.pylock``'s own selection (PEP 751)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.markers import Environment
from packaging.pylock import (
    Package,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockSelectError,
)
from packaging.tags import Tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain.lock.entry import CREATOR, version_of
from envctl.domain.lock.slices import Target
from envctl.domain.platforms import Platform

# Where no floor is declared, any libc may be meant: newer than every glibc that wheels are built for (PEP 600).
_ANY_GLIBC = (2, 60)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A package that a platform cannot install from a wheel.

    ``source``: there is an sdist, which has to be built there. ``wheels``: the wheels that there are, for others.
    """

    name: str
    version: str
    platform: Platform
    source: bool
    wheels: tuple[str, ...] = ()

    @property
    def compiled(self) -> bool:
        """Whether only a compiler could install it: where others get wheels of their own, there is native code."""
        return self.source and any(not wheel.endswith("-none-any.whl") for wheel in self.wheels)

    @property
    def sentence(self) -> str:
        """What a person must know."""
        where = f"`{self.name}` {self.version} has no wheel for {self.platform.name}"
        if self.compiled:
            return f"{where}: only a compiler could install it there, from its source"
        if self.source:
            return f"{where}: it is built from its source there"
        return f"{where} and no source distribution: nothing could install it there"


def gaps(
    packages: Sequence[Package],
    platforms: Iterable[Platform],
    python: str,
    *,
    extras: Iterable[str] = (),
    groups: Iterable[str] = (),
) -> tuple[Gap, ...]:
    """Return what is not served, by platform; every extra and group counts.

    ``python`` is a full version. Direct references (folders, repositories, archives) are not judged: they name no
    platform.
    """
    lock = Pylock(
        lock_version=Version("1.0"),
        created_by=CREATOR,
        extras=[canonicalize_name(name) for name in extras],
        dependency_groups=list(groups),
        packages=list(packages),
    )
    return tuple(gap for platform in platforms for gap in _gaps(lock, platform, python))


def reached(
    package: Package,
    platform: Platform,
    python: str,
    *,
    extras: Iterable[str] = (),
    groups: Iterable[str] = (),
) -> bool:
    """Whether a platform gets a package, with these extras and groups."""
    if package.marker is None:
        return True
    environment: dict[str, str | frozenset[str]] = {**platform.environment(python)}
    environment |= {"extras": frozenset(extras), "dependency_groups": frozenset(groups)}
    return package.marker.evaluate(environment, context="lock_file")


def _gaps(lock: Pylock, platform: Platform, python: str) -> Iterator[Gap]:
    target = Target(platform=platform, python=python, libc=platform.libc or _ANY_GLIBC)
    tags = target.tags()
    try:
        chosen = _select(lock, target, tags)
    except PylockSelectError:
        yield from _one_by_one(lock, target, tags)
        return
    for package, artefact in chosen:
        if isinstance(artefact, PackageSdist):
            yield _gap(package, platform, source=True)


def _one_by_one(lock: Pylock, target: Target, tags: Sequence[Tag]) -> Iterator[Gap]:
    """Find every package that is not served: a selection stops at the first."""
    for package in lock.packages:
        alone = Pylock(
            lock_version=lock.lock_version,
            created_by=CREATOR,
            extras=lock.extras,
            dependency_groups=lock.dependency_groups,
            packages=[package],
        )
        try:
            for _, artefact in _select(alone, target, tags):
                if isinstance(artefact, PackageSdist):
                    yield _gap(package, target.platform, source=True)
        except PylockSelectError:
            yield _gap(package, target.platform, source=False)


def _select(lock: Pylock, target: Target, tags: Sequence[Tag]) -> list[tuple[Package, object]]:
    return list(
        lock.select(
            environment=Environment(**target.environment()),  # type: ignore[typeddict-item]
            tags=tags,
            extras=lock.extras or (),
            dependency_groups=lock.dependency_groups or (),
        )
    )


def _gap(package: Package, platform: Platform, *, source: bool) -> Gap:
    return Gap(
        name=package.name,
        version=version_of(package),
        platform=platform,
        source=source,
        wheels=tuple(_file(wheel) for wheel in package.wheels or ()),
    )


def _file(wheel: PackageWheel) -> str:
    return wheel.filename
