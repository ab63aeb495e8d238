"""The files that an index holds, and the pages made from them."""

from __future__ import annotations

import hashlib
import re
import threading
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from tests.index import pages
from tests.index.pages import IndexedFile

#: When a file was uploaded, unless the test says otherwise (PEP 700 `upload-time`).
UPLOADED = datetime(2024, 1, 1, tzinfo=UTC)


class Catalogue:
    """Files by project and by address, safe between threads; pages are made once."""

    def __init__(self) -> None:
        # Reentrant, so that one change may be made of others.
        self._lock = threading.RLock()
        self._projects: dict[str, dict[str, IndexedFile]] = {}
        self._by_address: dict[tuple[str, str], IndexedFile] = {}
        self._pages: dict[tuple[str, str], bytes] = {}

    def put(self, file: IndexedFile) -> None:
        """Take a file in; one of the same name is replaced."""
        with self._lock:
            self._drop(file.project, file.filename)
            self._projects.setdefault(file.project, {})[file.filename] = file
            self._by_address[file.digest, file.filename] = file
            self._pages.clear()

    def remove(self, project: str, version: str | None) -> None:
        """Drop a version, or all of them."""
        with self._lock:
            for file in self._select(project, version):
                self._drop(project, file.filename)
            self._pages.clear()

    def yank(self, project: str, version: str, reason: str) -> None:
        """Mark a version as yanked (PEP 592)."""
        with self._lock:
            for file in self._select(project, version):
                self.put(replace(file, yanked=reason))

    def projects(self) -> list[str]:
        """Return the names of all projects."""
        with self._lock:
            return sorted(self._projects)

    def files(self, project: str) -> tuple[IndexedFile, ...]:
        """Return the files of a project, oldest version first."""
        with self._lock:
            files = self._projects.get(project, {}).values()
            return tuple(sorted(files, key=lambda file: (Version(file.version), file.filename)))

    def at(self, digest: str, filename: str) -> IndexedFile | None:
        """Return the file at this address."""
        with self._lock:
            return self._by_address.get((digest, filename))

    def page(self, project: str, media: str, style: pages.Style) -> bytes | None:
        """Return a project's page; nothing where there is no such project."""
        with self._lock:
            if project not in self._projects:
                return None
            if (project, media) not in self._pages:
                made = pages.project_page(project, self.files(project), media, style)
                self._pages[project, media] = made
            return self._pages[project, media]

    def _select(self, project: str, version: str | None) -> list[IndexedFile]:
        chosen = [
            file
            for file in self._projects.get(project, {}).values()
            if version is None or Version(version) == Version(file.version)
        ]
        if not chosen:
            # A test that removes what is not there tests nothing.
            raise KeyError(f"{project} {version or ''}".rstrip())
        return chosen

    def _drop(self, project: str, filename: str) -> None:
        files = self._projects.get(project, {})
        if filename in files:
            file = files.pop(filename)
            del self._by_address[file.digest, filename]
            if not files:
                del self._projects[project]


def from_disk(path: Path) -> IndexedFile:
    """Describe a wheel or an sdist that lies in a folder."""
    if path.suffix == ".whl":
        name, version, *_ = parse_wheel_filename(path.name)
        metadata = _metadata(path)
    else:
        name, version = parse_sdist_filename(path.name)
        metadata = None
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return IndexedFile(
        project=name,
        version=str(version),
        filename=path.name,
        content=path,
        size=path.stat().st_size,
        sha256=sha256,
        requires_python=None if metadata is None else _requires_python(metadata),
        metadata=metadata,
        uploaded=UPLOADED,
    )


def _metadata(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if re.fullmatch(r"[^/]+\.dist-info/METADATA", name):
                return archive.read(name)
    raise ValueError(f"{path} has no METADATA")


def _requires_python(metadata: bytes) -> str | None:
    value = BytesHeaderParser().parsebytes(metadata)["Requires-Python"]
    return None if value is None else str(value)
