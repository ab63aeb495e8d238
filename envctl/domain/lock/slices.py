"""The slice: the part of a lock that one use installs, down to the one file per package.

Which wheel is taken is decided here, by ``packaging.pylock``'s reading of PEP 751, and handed to the installer as
a lock with no choice left in it: so ``.venv`` and image cannot differ by an installer's taste.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from packaging.markers import Environment
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageDirectory,
    PackageSdist,
    PackageVcs,
    PackageWheel,
    PylockSelectError,
)
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

from envctl.domain.lock import Lock
from envctl.domain.lock.entry import CREATOR, digest, package_table, version_of
from envctl.domain.lock.hashes import hardened
from envctl.domain.platforms import Platform
from envctl.errors import LockError

_NEWEST_MACOS = (26, 0)  # no floor can be declared for it
Artefact = PackageVcs | PackageDirectory | PackageArchive | PackageWheel | PackageSdist


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a slice is installed: a platform with its libc, and a CPython version."""

    platform: Platform
    python: str
    libc: tuple[int, int] | None = None

    def environment(self) -> dict[str, str]:
        """Return the PEP 508 marker environment there."""
        return self.platform.environment(self.python)

    def tags(self) -> tuple[Tag, ...]:
        """Return the wheel tags that install there, best first (PEP 425, 600, 656)."""
        major, minor = (int(part) for part in self.python.split(".")[:2])
        platforms = list(platform_tags(self.platform, self.libc))
        return (
            *cpython_tags((major, minor), platforms=platforms),
            *compatible_tags((major, minor), f"cp{major}{minor}", platforms),
        )


def platform_tags(platform: Platform, libc: tuple[int, int] | None) -> Iterable[str]:
    """Return the platform part of the wheel tags, best first.

    manylinux by glibc version, newest first, with the legacy aliases (PEP 600: 2014 = 2.17, 2010 = 2.12, 1 = 2.5).
    """
    if platform.os == "linux":
        return _linux_tags(platform.machine, libc or platform.libc or (2, 28))
    if platform.os == "macos":
        return mac_platforms(_NEWEST_MACOS, platform.machine)
    return ("win_amd64" if platform.machine == "x86_64" else "win_arm64",)


def _linux_tags(machine: str, libc: tuple[int, int]) -> Iterable[str]:
    aliases = {(2, 17): "manylinux2014"}
    if machine == "x86_64":
        aliases |= {(2, 12): "manylinux2010", (2, 5): "manylinux1"}
    oldest = 5 if machine == "x86_64" else 17
    for minor in range(libc[1], oldest - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if (2, minor) in aliases:
            yield f"{aliases[2, minor]}_{machine}"
    yield f"linux_{machine}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One package of a slice with the one file that is installed for it."""

    package: Package
    artefact: Artefact

    @property
    def name(self) -> str:
        """The normalised name."""
        return self.package.name

    @property
    def version(self) -> str:
        """The version; empty for a source tree."""
        return version_of(self.package)

    @property
    def hashes(self) -> Mapping[str, str]:
        """The file's hashes; empty for a folder or a repository."""
        return getattr(self.artefact, "hashes", {})

    def alone(self) -> Package:
        """Return the package entry with this file as its only one and no marker."""
        wheel, sdist = self.artefact, self.artefact
        return replace(
            self.package,
            marker=None,
            wheels=[wheel] if isinstance(wheel, PackageWheel) else None,
            sdist=sdist if isinstance(sdist, PackageSdist) else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Slice:
    """What one use installs, with the choice that led to it."""

    items: tuple[Item, ...]
    groups: tuple[str, ...]
    extras: tuple[str, ...]
    python: str
    digest: str

    def versions(self) -> dict[str, str]:
        """Return name → version."""
        return {item.name: item.version for item in self.items}


def take(
    lock: Lock,
    target: Target,
    *,
    groups: Collection[str] = (),
    extras: Collection[str] = (),
    environment: Mapping[str, str] | None = None,
    tags: Sequence[Tag] | None = None,
    where: str = "pylock.toml",
) -> Slice:
    """Select what ``target`` installs; ``environment`` and ``tags`` are the real ones where they are known.

    Raises ``LockError`` when the lock is not made for that platform or has no usable file for a package.
    """
    _known(groups, lock.pylock.dependency_groups or (), "dependency group", where)
    _known(extras, lock.pylock.extras or (), "extra", where)
    marker_environment = Environment(**(environment or target.environment()))  # type: ignore[typeddict-item]
    try:
        chosen = tuple(
            Item(package=package, artefact=artefact)
            for package, artefact in lock.pylock.select(
                environment=marker_environment,
                tags=tags or target.tags(),
                extras=tuple(extras),
                dependency_groups=tuple(groups),
            )
        )
    except PylockSelectError as error:
        raise LockError(
            f"the lock does not serve {target.platform.name} with Python {target.python}: {error}",
            where=where,
            hint="run `envctl lock`; if that does not help, add this platform to tool.envctl.platforms, or to "
            "the profile's own, and run it again",
        ) from error
    items = tuple(sorted(chosen, key=lambda item: item.name))
    return Slice(
        items=items,
        groups=tuple(sorted(groups)),
        extras=tuple(sorted(extras)),
        python=target.python,
        digest=slice_digest(items, target.python),
    )


def slice_digest(items: Iterable[Item], python: str) -> str:
    """Return the digest of what is installed: names, versions, files' hashes, and the Python minor."""
    seen = hashlib.sha256(".".join(python.split(".")[:2]).encode())
    for item in items:
        identity = sorted(f"{kind}:{value}" for kind, value in item.hashes.items())
        line = " ".join([item.name, item.version, *(identity or [digest(item.package)])])
        seen.update(b"\n" + line.encode())
    return "sha256:" + seen.hexdigest()


def as_pylock(items: Iterable[Item]) -> dict[str, Any]:
    """Return a lock that holds just these files, as TOML-able data: what the installer is given.

    Raises ``LockError`` for a file without a hash that counts.
    """
    packages = [hardened(package_table(item.alone())) for item in items]
    return {"lock-version": "1.0", "created-by": CREATOR, "packages": packages}


def _known(names: Collection[str], known: Collection[str], what: str, where: str) -> None:
    for name in names:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise LockError(
                f"the lock has no {what} `{name}` (it has: {listed})",
                where=where,
                hint="run `envctl lock` if the manifest has it",
            )
