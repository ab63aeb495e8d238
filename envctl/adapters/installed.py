"""What an environment really holds: its packages by their dist-info folders, its files by their RECORDs.

The layout is that of the binary distribution format (packaging.python.org, "Recording installed projects").
"""

import base64
import csv
import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envctl.domain.environment import FileProblem

_CACHES = ("__pycache__",)
# Files that the environment itself brings, whatever is installed in it.
_OWN = frozenset({"_virtualenv.py", "_virtualenv.pth"})


def site_packages(environment: Path) -> Path | None:
    """Return ``lib/pythonX.Y/site-packages``; ``None`` when the environment has none."""
    found = sorted((environment / "lib").glob("python3.*/site-packages"))
    return found[0] if found else None


def packages(environment: Path) -> dict[str, str]:
    """Return name → version from the names of the ``*.dist-info`` folders: no file is opened."""
    folder = site_packages(environment)
    if folder is None:
        return {}
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(".dist-info")]
    pairs = (name.removesuffix(".dist-info").partition("-") for name in sorted(names))
    return {canonicalize_name(name): _normal(version) for name, _, version in pairs}


def _normal(version: str) -> str:
    """Return a version as PEP 440 spells it: a wheel's folder may have it as `2023.03.01`."""
    try:
        return str(Version(version))
    except InvalidVersion:
        return version


def problems(environment: Path) -> tuple[FileProblem, ...]:
    """Hash every installed file and compare it with its package's RECORD; list what differs or is nobody's."""
    folder = site_packages(environment)
    if folder is None:
        return ()
    known: set[str] = set()
    rows: list[tuple[str, str, str]] = []
    for package, record in _records(folder):
        for path, expected in _rows(record):
            absolute = os.path.normpath(folder / path)
            known.add(absolute)
            # Python writes a byte-compiled file anew when it likes, one that a wheel brought as well.
            if expected and "/__pycache__/" not in path:
                rows.append((package, absolute, expected))
    found = differing(rows)
    found += [
        FileProblem(package=_owner(path, folder), path=path, trouble="added")
        for path in files(folder)
        if path not in known
    ]
    return tuple(
        FileProblem(package=p.package, path=os.path.relpath(p.path, environment), trouble=p.trouble)
        for p in sorted(found, key=lambda p: p.path)
    )


def differing(rows: Iterable[tuple[str, str, str]]) -> list[FileProblem]:
    """Hash files, each given with its package and its hash in a RECORD (``sha256=…``); return those that differ."""
    with ThreadPoolExecutor(max_workers=4) as pool:  # hashlib lets go of the GIL
        judged = pool.map(_judge, rows, chunksize=256)
        return [problem for problem in judged if problem]


def _records(folder: Path) -> Iterator[tuple[str, Path]]:
    for info in sorted(folder.glob("*.dist-info")):
        yield canonicalize_name(info.name.partition("-")[0]), info / "RECORD"


def _rows(record: Path) -> Iterator[tuple[str, str]]:
    try:
        with record.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                if row:
                    yield row[0], row[1] if len(row) > 1 else ""
    except (OSError, UnicodeDecodeError):
        # Without a RECORD nothing of the package is known: its files then count as nobody's.
        return


def _judge(row: tuple[str, str, str]) -> FileProblem | None:
    package, path, expected = row
    algorithm, _, digest = expected.partition("=")
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # 20,000 times: a Path each would cost as much again
            actual = hashlib.file_digest(file, algorithm).digest()
    except (OSError, ValueError):
        return FileProblem(package=package, path=path, trouble="missing")
    if base64.urlsafe_b64encode(actual).rstrip(b"=").decode() == digest:
        return None
    return FileProblem(package=package, path=path, trouble="modified")


def files(folder: Path) -> Iterator[str]:
    """Yield the paths of all files but byte-compiled caches and what the environment itself brings."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _CACHES]
        yield from (
            os.path.join(parent, name)  # noqa: PTH118  # see _judge
            for name in names
            if not (name in _OWN and parent == str(folder))
        )


def _owner(path: str, folder: Path) -> str:
    """Return the top-level name under site-packages: the best guess whose a stray file is."""
    return Path(path).relative_to(folder).parts[0]
