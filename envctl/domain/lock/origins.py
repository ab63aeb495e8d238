"""Where a lock's files come from, and from when: what the manifest's indexes and ``exclude-newer`` say to that."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock

from envctl.domain.lock.entry import version_of
from envctl.domain.manifest import Manifest, claimant


def strangers(pylock: Pylock, manifest: Manifest) -> tuple[str, ...]:
    """Return, as sentences, which packages another index claims, the manifest's day leaves out, or hold a password."""
    return tuple(
        sentence
        for package in pylock.packages
        for sentence in (
            *_from_elsewhere(package, manifest),
            *_too_new(package, manifest),
            *_secret(package),
        )
    )


def _from_elsewhere(package: Package, manifest: Manifest) -> Iterator[str]:
    """Refuse a package that an index claims and that may come from another: nobody could tell a stranger's."""
    claim = claimant(manifest.indexes, package.name)
    files = _files(package)
    if claim is None or not files:
        return
    belongs = f"`{package.name}` belongs to the index `{claim.name}`"
    if package.index is not None and package.index.rstrip("/") != claim.url:
        yield f"{belongs}, the lock has it from {package.index}"
    elif package.index is None and {_host(file.url) for file in files} != {_host(claim.url)}:
        yield f"{belongs}; the lock does not say that it is from there"


def _files(package: Package) -> list[PackageWheel | PackageSdist]:
    return [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]


def _host(url: str | None) -> str:
    return urlsplit(url or "").netloc.rpartition("@")[2]


def _too_new(package: Package, manifest: Manifest) -> Iterator[str]:
    """Say which versions were uploaded after ``exclude-newer``, as far as the lock tells."""
    limit = _moment(manifest.exclude_newer)
    times = [file.upload_time for file in _files(package)]
    known = [time if time.tzinfo else time.replace(tzinfo=UTC) for time in times if time]
    if limit and known and len(known) == len(times) and min(known) >= limit:
        yield (
            f"`{package.name}` {version_of(package)} was uploaded on {min(known).date()}; "
            f"tool.envctl.exclude-newer is {manifest.exclude_newer}"
        )


def _secret(package: Package) -> Iterator[str]:
    places = (*_files(package), package.archive, package.vcs)
    urls = (package.index, *(place.url for place in places if place))
    if any(
        "@" in parts.netloc and not parts.scheme.endswith("ssh")
        for parts in map(urlsplit, filter(None, urls))
    ):
        yield f"an address of `{package.name}` holds a user name or password, and a lock is committed"


def _moment(day: str | None) -> datetime | None:
    """Return the end of a day in UTC, or a moment; ``None`` for what is neither: the resolvers refuse that."""
    try:
        found = datetime.fromisoformat(day or "")
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found + timedelta(days=1) if len(day or "") <= len("2026-11-01") else found
