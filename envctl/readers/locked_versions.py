"""The versions that another tool's lock holds, so that a project's first lock can keep them.

uv.lock, poetry.lock, pdm.lock, Pipfile.lock, and the exact pins of a requirements.txt. They are preferences only,
so a lock that cannot be read costs a note and nothing more.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envctl.domain.resolution import Pin
from envctl.errors import EnvctlError, LockError
from envctl.readers import addresses
from envctl.readers.requirements.files import Read, read_requirements
from envctl.readers.toml import read_toml

_REQUIREMENTS = "requirements.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedVersions:
    """Pins in the order of their file; ``index`` is ``None`` where the file does not name it.

    ``source``: the file, ``None`` where there is none. A package may have several versions, each for its own
    platform or Python.
    """

    pins: tuple[Pin, ...] = ()
    source: str | None = None
    notes: tuple[str, ...] = ()


def read_locked_versions(read: Read) -> LockedVersions:
    """Return the pins of the first lock that is there and holds any; never raises for what is in a file."""
    notes: list[str] = []
    for name, pins_of in LOCKS.items():
        try:
            text = read(name)
            pins = _unique(pins_of(text, read)) if text is not None else ()
        except EnvctlError as error:
            place = error.where or name
            notes.append(f"{place}: its versions are not kept: {addresses.redacted(error.message)}")
            continue
        if pins:
            return LockedVersions(pins=pins, source=name, notes=tuple(notes))
    return LockedVersions(notes=tuple(notes))


def _unique(pins: Iterable[Pin]) -> tuple[Pin, ...]:
    return tuple(dict.fromkeys(pins))


def _uv(text: str, _: Read) -> Iterator[Pin]:
    for package in _tables(_toml(text, "uv.lock"), "package", "uv.lock"):
        source = package.get("source")
        index = source.get("registry") if isinstance(source, Mapping) else None
        if isinstance(index, str):
            yield from _pin(package.get("name"), package.get("version"), index)


def _poetry(text: str, _: Read) -> Iterator[Pin]:
    for package in _tables(_toml(text, "poetry.lock"), "package", "poetry.lock"):
        source = package.get("source", {})
        if not source:
            yield from _pin(package.get("name"), package.get("version"))
        elif isinstance(source, Mapping) and source.get("type") == "legacy":
            yield from _pin(package.get("name"), package.get("version"), source.get("url"))


def _pdm(text: str, _: Read) -> Iterator[Pin]:
    for package in _tables(_toml(text, "pdm.lock"), "package", "pdm.lock"):
        if not package.keys() & {"git", "hg", "svn", "bzr", "url", "path", "revision"}:
            yield from _pin(package.get("name"), package.get("version"))


def _pipenv(text: str, _: Read) -> Iterator[Pin]:
    data = _json(text, "Pipfile.lock")
    meta = data.get("_meta", {})
    sources = meta.get("sources", []) if isinstance(meta, Mapping) else []
    tables = (
        [each for each in sources if isinstance(each, Mapping)] if isinstance(sources, list) else []
    )
    urls = {str(each.get("name")): each.get("url") for each in tables}
    for category, packages in data.items():
        if category == "_meta" or not isinstance(packages, Mapping):
            continue
        for name, entry in packages.items():
            version = entry.get("version") if isinstance(entry, Mapping) else None
            if isinstance(version, str) and version.startswith("=="):
                yield from _pin(name, version.lstrip("="), urls.get(str(entry.get("index"))))


def _pip(_: str, read: Read) -> Iterator[Pin]:
    for entry in read_requirements(_REQUIREMENTS, read).requirements:
        requirement = Requirement(entry.text) if entry.text else None
        for clause in requirement.specifier if requirement else ():
            if requirement and clause.operator in ("==", "==="):
                yield from _pin(requirement.name, clause.version)


def _pin(name: object, version: object, index: object = None) -> Iterator[Pin]:
    """Yield a pin, if name and version are what an index could have."""
    if not (isinstance(name, str) and isinstance(version, str)):
        return
    try:
        Version(version)
        plain = Requirement(name).name
    except (InvalidVersion, ValueError):
        return
    url = addresses.public(index) if isinstance(index, str) else None
    known = url.rstrip("/") if url and url.startswith(("http://", "https://")) else None
    if known and "${" in known:
        known = None
    yield Pin(name=canonicalize_name(plain), version=version, index=known)


def _toml(text: str, name: str) -> dict[str, Any]:
    return read_toml(text, name, failure=LockError)


def _json(text: str, name: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LockError("not JSON", where=name, hint="make that lock anew") from error
    if not isinstance(data, Mapping):
        raise LockError("not a lock", where=name, hint="make that lock anew")
    return data


def _tables(data: Mapping[str, Any], key: str, name: str) -> list[Mapping[str, Any]]:
    found = data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise LockError(f"`{key}` is no array of tables", where=name, hint="make that lock anew")
    return found


LOCKS: Mapping[str, Callable[[str, Read], Iterator[Pin]]] = {
    "uv.lock": _uv,
    "poetry.lock": _poetry,
    "pdm.lock": _pdm,
    "Pipfile.lock": _pipenv,
    _REQUIREMENTS: _pip,
}
"""What is looked for, in this order: the first that holds a version is taken."""
