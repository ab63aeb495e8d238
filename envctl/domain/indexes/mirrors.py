"""Mirrors: packages fetched from elsewhere, locked as if they came from the index itself.

A file is known by its name and hash. Its entry in a lock names the canonical index and the address there, so that a
member who fetches through a mirror and one who does not write the same lock.
"""

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from packaging.pylock import Package, PackageSdist, PackageWheel

from envctl.domain.manifest import Index

File = PackageSdist | PackageWheel
_F = TypeVar("_F", PackageSdist, PackageWheel)
Key = tuple[str, str]
"""A file's name and sha256."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transport:
    """How this machine reaches packages: the manifest's indexes, and its own mirrors of them, by index address.

    A mirror's address may hold credentials: it is never written into a file, nor shown.
    """

    indexes: tuple[Index, ...] = ()
    mirrors: Mapping[str, str] = field(default_factory=dict)

    def mirror(self, index: str | None) -> str | None:
        """Return where an index's packages are fetched instead, if that is elsewhere."""
        return self.mirrors.get(index.rstrip("/")) if index else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What a lock says of a file besides its name and hashes."""

    url: str | None
    size: int | None = None
    upload_time: datetime | None = None


def places(packages: Iterable[Package]) -> dict[Key, Place]:
    """Return where each file of a lock lies."""
    return {
        key(file): Place(url=file.url, size=file.size, upload_time=file.upload_time)
        for package in packages
        for file in files(package)
    }


def files(package: Package) -> Iterator[File]:
    """Yield the package's sdist and wheels."""
    if package.sdist:
        yield package.sdist
    yield from package.wheels or ()


def key(file: File) -> Key:
    """Return what identifies a file wherever it lies."""
    return file.filename, file.hashes.get("sha256", "")


def completed(
    packages: Iterable[Package], earlier: Iterable[Package], transport: Transport
) -> tuple[Package, ...]:
    """Take the list of files from the earlier lock where the mirror shows no other ones: a mirror may lack some."""
    old = {_identity(package): package for package in earlier}
    found = []
    for package in packages:
        before = old.get(_identity(package))
        if before is not None and transport.mirror(package.index):
            there = {key(file) for file in files(package)}
            if there <= {key(file) for file in files(before)}:
                found.append(replace(package, sdist=before.sdist, wheels=before.wheels))
                continue
        found.append(package)
    return tuple(found)


def unplaced(
    packages: Iterable[Package], known: Mapping[Key, Place], transport: Transport
) -> tuple[tuple[str, str], ...]:
    """Return the (index, project) pairs with a file whose canonical place is not known, in order."""
    wanted = {
        (package.index.rstrip("/"), str(package.name)): None
        for package in packages
        if package.index and transport.mirror(package.index)
        for file in files(package)
        if key(file) not in known
    }
    return tuple(wanted)


def placed(
    packages: Iterable[Package],
    known: Mapping[Key, Place],
    transport: Transport,
    public: Callable[[str], str],
) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """Put each file where the canonical index has it; also return the packages for which that had to be derived.

    ``public`` returns a mirror's address without credentials.
    """
    found, derived = [], []
    for package in packages:
        mirror = transport.mirror(package.index)
        if mirror is None or package.index is None:
            found.append(package)
            continue
        pages = (
            f"{public(mirror)}/{package.name}/",
            f"{package.index.rstrip('/')}/{package.name}/",
        )
        if any(key(file) not in known for file in files(package)):
            derived.append(str(package.name))
        sdist = package.sdist and _put(package.sdist, known, pages)
        wheels = package.wheels and [_put(wheel, known, pages) for wheel in package.wheels]
        found.append(replace(package, sdist=sdist, wheels=wheels))
    return tuple(found), tuple(derived)


def derive(url: str, mirror_page: str, canonical_page: str) -> str:
    """Return the address that a link of the mirror's page has when it is relative and stands on the canonical page.

    That is what a mirror gives which serves the pages as they are (PEP 503). A link to another host stays.
    """
    there, page = urlsplit(url), urlsplit(mirror_page)
    if (there.scheme, there.netloc) != (page.scheme, page.netloc):
        return url
    relative = posixpath.relpath(there.path, page.path.rstrip("/"))
    return urljoin(canonical_page, relative)


def redirected(
    table: Mapping[str, Any], transport: Transport, address: Callable[[str, str, Key], str]
) -> dict[str, Any]:
    """Return a lock (TOML-able) that fetches each mirrored file from ``address(index, project, file)`` instead."""
    return {**table, "packages": [_redirect(p, transport, address) for p in table["packages"]]}


def _redirect(
    package: Mapping[str, Any], transport: Transport, address: Callable[[str, str, Key], str]
) -> Mapping[str, Any]:
    index = package.get("index")
    if index is None or transport.mirror(index) is None:
        return package

    def moved(file: Mapping[str, Any]) -> Mapping[str, Any]:
        if not str(file.get("url", "")).startswith(("http://", "https://")):
            return file  # a wheel that was built here
        name = str(file.get("name") or posixpath.basename(urlsplit(file["url"]).path))
        named = (name, str(file.get("hashes", {}).get("sha256", "")))
        return {**file, "url": address(index.rstrip("/"), package["name"], named)}

    found = dict(package)
    if "sdist" in found:
        found["sdist"] = moved(found["sdist"])
    if "wheels" in found:
        found["wheels"] = [moved(wheel) for wheel in found["wheels"]]
    return found


def _put(file: _F, known: Mapping[Key, Place], pages: Sequence[str]) -> _F:
    place = known.get(key(file))
    if place is None:
        return replace(file, url=derive(file.url or "", *pages))
    return replace(file, url=place.url, size=place.size, upload_time=place.upload_time)


def _identity(package: Package) -> tuple[str, str, str]:
    return package.name, str(package.version or ""), (package.index or "").rstrip("/")
