"""Which of an index's files a lock names for one version: those that could serve the platform and its Python.

All libc variants of the platform stay, so that a lock serves Debian and Alpine alike; the sdist stays as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from envctl.adapters.index.client import IndexClient
from envctl.domain.platforms import Platform
from envctl.errors import ManifestError
from envctl.readers.index_page import IndexFile

_MAC_MACHINES = {
    "arm64": ("arm64", "universal2"),
    "x86_64": ("x86_64", "universal2", "universal", "intel", "fat64", "fat3"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Taste:
    """For what the files are chosen; ``before``: only those that were uploaded earlier."""

    platform: Platform
    python: str
    before: datetime | None = None

    def takes(self, file: IndexFile) -> bool:
        """Whether the file is for this Python and was there in time."""
        if self.before and file.upload_time and file.upload_time >= self.before:
            return False
        try:
            wanted = SpecifierSet(file.requires_python or "")
        except InvalidSpecifier:  # as pip does: what cannot be read excludes nothing
            return True
        return wanted.contains(self.python, prereleases=True)

    def runs(self, tag: Tag) -> bool:
        """Whether a wheel with this tag could be installed on the platform, with whatever libc."""
        major, minor = (int(part) for part in self.python.split(".")[:2])
        own = f"cp{major}{minor}"
        known = {
            (each.interpreter, each.abi)
            for each in (
                *cpython_tags((major, minor), abis=[own], platforms=["any"]),
                *compatible_tags((major, minor), own, ["any"]),
            )
        }
        return (tag.interpreter, tag.abi) in known and _on(self.platform, tag.platform)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The files of one version."""

    wheels: tuple[IndexFile, ...] = ()
    sdist: IndexFile | None = None

    def __bool__(self) -> bool:
        return bool(self.wheels or self.sdist)

    @property
    def yanked(self) -> bool:
        """Whether nothing else is left of that version."""
        files = (*self.wheels, *((self.sdist,) if self.sdist else ()))
        return all(file.yanked for file in files)

    def unhashed(self) -> tuple[IndexFile, ...]:
        """Return the files that must be downloaded, because their index tells no hash."""
        files = (*self.wheels, *((self.sdist,) if self.sdist else ()))
        return tuple(file for file in files if not file.hashes)

    def table(self) -> dict[str, Any]:
        """Return them as PEP 751 writes them."""
        found: dict[str, Any] = {}
        if self.sdist:
            found["sdist"] = _table(self.sdist)
        if self.wheels:
            found["wheels"] = [_table(wheel) for wheel in self.wheels]
        return found


def moment(day: str | None) -> datetime | None:
    """Return what ``exclude-newer`` means: a day counts whole, and in UTC, so that it is the same for everyone."""
    if day is None:
        return None
    try:
        found = datetime.fromisoformat(day)
    except ValueError as error:
        raise ManifestError(
            f"`{day}` is not a date",
            where="tool.envctl.exclude-newer",
            hint="write it as 2026-11-01 or 2026-11-01T12:00:00Z",
        ) from error
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    whole_day = timedelta(days=1 if len(day) <= len("2026-11-01") else 0)
    return found.astimezone(UTC) + whole_day


def choose(files: Iterable[IndexFile], version: str, taste: Taste) -> Chosen:
    """Choose among a project's files; a yanked one only where nothing else is left of that version."""
    wanted = Version(version)
    kept = [file for file in files if version_in(file.name) == wanted and taste.takes(file)]
    kept = [file for file in kept if not file.yanked] or kept
    by_name = {file.name: file for file in reversed(kept)}  # the first of a name counts
    wheels = [
        by_name[name]
        for name in sorted(by_name)
        if name.endswith(".whl") and any(map(taste.runs, parse_wheel_filename(name)[3]))
    ]
    sdists = [by_name[name] for name in sorted(by_name) if not name.endswith(".whl")]
    return Chosen(wheels=tuple(wheels), sdist=sdists[0] if sdists else None)


def with_hashes(chosen: Mapping[str, Chosen], client: IndexClient) -> dict[str, Chosen]:
    """Download and hash what has no hash; an sdist only where there is no wheel to install."""
    slim = {
        name: replace(each, sdist=None)
        if each.wheels and each.sdist and not each.sdist.hashes
        else each
        for name, each in chosen.items()
    }
    digests = client.digests(file.url for each in slim.values() for file in each.unhashed())

    def hashed(file: IndexFile) -> IndexFile:
        if file.hashes:
            return file
        digest = digests[file.url]
        return replace(file, hashes={"sha256": digest.sha256}, size=digest.size)

    return {
        name: Chosen(
            wheels=tuple(map(hashed, each.wheels)),
            sdist=hashed(each.sdist) if each.sdist else None,
        )
        for name, each in slim.items()
    }


def version_in(name: str) -> Version | None:
    """Return the version in a wheel's or sdist's name, if it is one."""
    try:
        parse = parse_wheel_filename if name.endswith(".whl") else parse_sdist_filename
        return parse(name)[1]
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _on(platform: Platform, tag: str) -> bool:
    if tag == "any":
        return True
    if platform.os == "linux":
        kinds = ("manylinux", "musllinux_", "linux_")
        return tag.startswith(kinds) and tag.endswith(f"_{platform.machine}")
    if platform.os == "macos":
        machines = tuple(f"_{machine}" for machine in _MAC_MACHINES[platform.machine])
        return tag.startswith("macosx_") and tag.endswith(machines)
    return tag == ("win_amd64" if platform.machine == "x86_64" else "win_arm64")


def _table(file: IndexFile) -> dict[str, Any]:
    table = {
        "name": file.name,
        "upload-time": file.upload_time,
        "url": file.url,
        "size": file.size,
        "hashes": dict(file.hashes),
    }
    return {key: value for key, value in table.items() if value is not None}
