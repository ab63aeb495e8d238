"""What an environment holds: its packages by their dist-info folders, its files by their hashes.

The layout is that of the binary distribution format (packaging.python.org, "Recording installed projects").
"""

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envctl.domain.environment import FileProblem
from envctl.emitters import inject

_CACHES = ("__pycache__",)
# Files that the environment itself brings, whatever is installed in it.
_OWN = frozenset({"_virtualenv.py", "_virtualenv.pth", inject.NAME})


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
    return dict(name_and_version(name) for name in sorted(names))


def name_and_version(folder: str) -> tuple[str, str]:
    """Return the normalised name and version that the name of a ``*.dist-info`` folder has."""
    name, _, version = folder.removesuffix(".dist-info").partition("-")
    return canonicalize_name(name), _normal(version)


def _normal(version: str) -> str:
    """Return a version as PEP 440 spells it: a wheel's folder may have it as `2023.03.01`."""
    try:
        return str(Version(version))
    except InvalidVersion:
        return version


def differing(rows: Iterable[tuple[str, str, str]]) -> list[FileProblem]:
    """Hash files, each given with its package and its hash in a RECORD (``sha256=…``); return those that differ."""
    with ThreadPoolExecutor(max_workers=4) as pool:  # hashlib lets go of the GIL
        judged = pool.map(_judge, rows, chunksize=256)
        return [problem for problem in judged if problem]


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
