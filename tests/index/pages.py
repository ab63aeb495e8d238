"""Pages of the simple repository API, from the files that an index holds.

HTML is PEP 503 with PEP 592 (yanked) and, where wanted, PEP 714 (metadata);
JSON is PEP 691 with PEP 700 (sizes, upload times, versions).
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

JSON = "application/vnd.pypi.simple.v1+json"
HTML_V1 = "application/vnd.pypi.simple.v1+html"
HTML = "text/html"


@dataclass(frozen=True)
class IndexedFile:
    """A wheel or sdist as the index knows it; `content` is in memory or on disk."""

    project: str
    version: str
    filename: str
    content: bytes | Path
    size: int
    sha256: str
    requires_python: str | None
    metadata: bytes | None
    uploaded: datetime
    yanked: str | None = None

    @property
    def digest(self) -> str:
        """Enough of the hash for an address."""
        return self.sha256[:16]

    @property
    def path(self) -> str:
        """Path on the server.

        The hash is in it: a file replaced by another of the same name gets a new
        address, so that "immutable" stays true.
        """
        return f"/files/{self.digest}/{quote(self.filename)}"

    @property
    def metadata_sha256(self) -> str | None:
        """Hash of the `.metadata` file (PEP 658)."""
        return None if self.metadata is None else hashlib.sha256(self.metadata).hexdigest()


@dataclass(frozen=True)
class Style:
    """What the pages of an index tell."""

    origin: str
    rich: bool
    hashes: bool


def project_page(project: str, files: Sequence[IndexedFile], media: str, style: Style) -> bytes:
    """Render the page of one project."""
    if media == JSON:
        return _dump(_project(project, files, style))
    links = (_link(file, style) for file in files)
    return _document(f"Links for {project}", links)


def root_page(projects: Sequence[str], media: str) -> bytes:
    """Render the list of projects."""
    if media == JSON:
        return _dump({"meta": _META, "projects": [{"name": name} for name in projects]})
    return _document("Simple index", (f'<a href="{name}/">{name}</a><br>' for name in projects))


def _document(title: str, lines: Iterable[str]) -> bytes:
    body = "\n".join(lines)
    return (
        "<!DOCTYPE html>\n<html>\n<head>\n"
        '<meta name="pypi:repository-version" content="1.0">\n'
        f"<title>{title}</title>\n</head>\n<body>\n<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    ).encode()


def _link(file: IndexedFile, style: Style) -> str:
    # Relative here and absolute in JSON, so that clients meet both.
    address = f"../..{file.path}" + (f"#sha256={file.sha256}" if style.hashes else "")
    attributes = [("href", address)]
    if file.requires_python is not None:
        attributes.append(("data-requires-python", file.requires_python))
    if file.yanked is not None:
        attributes.append(("data-yanked", file.yanked))
    if style.rich and file.metadata is not None:
        attributes.append(("data-core-metadata", f"sha256={file.metadata_sha256}"))
        attributes.append(("data-dist-info-metadata", f"sha256={file.metadata_sha256}"))
    written = " ".join(f'{key}="{html.escape(value)}"' for key, value in attributes)
    return f"<a {written}>{html.escape(file.filename)}</a><br>"


_META = {"api-version": "1.1"}


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _project(project: str, files: Sequence[IndexedFile], style: Style) -> dict[str, Any]:
    return {
        "meta": _META,
        "name": project,
        "versions": list(dict.fromkeys(file.version for file in files)),
        "files": [_entry(file, style) for file in files],
    }


def _entry(file: IndexedFile, style: Style) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "filename": file.filename,
        "url": style.origin + file.path,
        "hashes": {"sha256": file.sha256} if style.hashes else {},
        "size": file.size,
        "upload-time": file.uploaded.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        # PEP 592: `true` when nobody said why.
        "yanked": False if file.yanked is None else file.yanked or True,
    }
    if file.requires_python is not None:
        entry["requires-python"] = file.requires_python
    if file.metadata is not None:
        entry["core-metadata"] = {"sha256": file.metadata_sha256}
    return entry


def releases(files: Sequence[IndexedFile], style: Style) -> bytes:
    """Render the older per-project JSON, the only place where pip-tools looks for hashes."""
    versions: dict[str, list[dict[str, Any]]] = {}
    for file in files:
        kind = "bdist_wheel" if file.filename.endswith(".whl") else "sdist"
        entry = {
            "filename": file.filename,
            "packagetype": kind,
            "url": style.origin + file.path,
            "size": file.size,
            "digests": {"sha256": file.sha256},
        }
        versions.setdefault(file.version, []).append(entry)
    return _dump({"info": {"name": files[0].project}, "releases": versions})
