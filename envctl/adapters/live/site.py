"""One folder of packages in a live environment, and how its small files are read: safely, whatever they are."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from envctl.domain.captured.packages import Captured, Origin
from envctl.readers.conda.meta import CondaRecord
from envctl.readers.installed import Metadata

_LARGEST = 64 << 20  # characters of one metadata file


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A ``site-packages`` of the environment ``prefix``; ``conda``: what conda notes, by metadata folders' names."""

    folder: Path
    prefix: Path
    conda: Mapping[str, CondaRecord] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A package, with what its files should be: absolute path → hash (empty: any content)."""

    package: Captured
    files: Mapping[str, str] = field(default_factory=dict)
    tops: tuple[str, ...] = ()


def by_conda(package: Captured, record: CondaRecord) -> Captured:
    """Return a package with what conda knows of it: its own hashes where there is no RECORD."""
    return replace(
        package,
        origin=Origin(kind="conda", url=record.package.name),
        requested=record.package.requested,
        record=record.hashes if package.record is None else package.record,
    )


def captured(metadata: Metadata) -> Captured:
    """Return a package by what it says of itself."""
    return Captured(
        name=metadata.name,
        version=metadata.version,
        requires=metadata.requires,
        extras=metadata.extras,
        faults=metadata.faults,
    )


def within(site: Site, start: Path, hashes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield absolute paths that lie in the environment: nothing else is opened, whatever a RECORD says."""
    inside = f"{site.prefix}{os.sep}"
    for path, expected in hashes.items():
        absolute = os.path.normpath(start / path)
        if absolute.startswith(inside):
            yield absolute, expected


def text_of(path: Path) -> str:
    """Return a file's text; empty where there is none (a pipe or device is none)."""
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return file.read(_LARGEST)
    except (OSError, ValueError):
        return ""


def shown(text: str) -> str:
    """Return a text that a message, a comment and a terminal can hold."""
    return "".join(c if c.isprintable() and c != "`" else "?" for c in text)
