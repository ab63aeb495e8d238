"""Requirements that name no index: repositories, folders and files, as uv takes them and as a lock has them.

A lock lies in the project's folder and its paths start from there (PEP 751); uv works in a folder of its own.
"""

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.pylock import Package
from packaging.requirements import Requirement

from envctl.domain.resolution import Pin

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


class Paths:
    """The relative paths that a project's requirements name, and where they lead from ``root``."""

    def __init__(self, root: str | None) -> None:
        self._root = root
        self._relative: dict[str, str] = {}

    def absolute(self, texts: Iterable[str]) -> list[str]:
        """Return requirements with their relative paths made absolute, which uv wants."""
        return [self._absolute(text) for text in texts]

    def _absolute(self, text: str) -> str:
        if "@" not in text or self._root is None:
            return text
        requirement = Requirement(text)
        address, mark, fragment = (requirement.url or "").partition("#")
        relative = _relative(address)
        if relative is None:
            return text
        path = os.path.normpath(Path(self._root, relative))
        self._relative[path] = posixpath.normpath(relative)
        requirement.url = f"{Path(path).as_uri()}{mark}{fragment}"
        return str(requirement)

    def restored(self, packages: Iterable[Package]) -> Iterator[Package]:
        """Yield packages with the paths as the requirements have them."""
        for package in packages:
            folder, file = package.directory, package.archive
            if folder and folder.path in self._relative:
                folder = replace(folder, path=self._relative[folder.path])
            if file and file.path in self._relative:
                file = replace(file, path=self._relative[file.path or ""])
            yield replace(package, directory=folder, archive=file)


def commit(pin: Pin) -> dict[str, Any] | None:
    """Return the entry of a ``uv.lock`` by which uv stays with a commit, whatever its branch has become."""
    if pin.vcs is None or pin.vcs.type != "git" or not pin.vcs.url:
        return None
    asked = {"subdirectory": pin.vcs.subdirectory, "rev": pin.vcs.requested_revision}
    query = "&".join(f"{key}={value}" for key, value in asked.items() if value)
    address = f"{pin.vcs.url}{f'?{query}' if query else ''}#{pin.vcs.commit_id}"
    return {"name": pin.name, "source": {"git": address}}


def has_version(source: Mapping[str, Any]) -> bool:
    """Whether a lock tells the version of what comes from there: a folder may become another (PEP 751)."""
    return not source.keys() & {"directory", "editable", "virtual"}


def _relative(address: str) -> str | None:
    """Return the relative path that an address is, if it is one: ``./libs/x``, ``file:libs/x``, ``./a%20b``."""
    if address.startswith("file:") and not address.startswith("file:/"):
        return unquote(address.removeprefix("file:"))
    if not address or address.startswith("/") or _SCHEME.match(address):
        return None
    return unquote(address)
