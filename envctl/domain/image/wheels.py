"""What a lock says of a wheel, checked before a build is told to fetch or to open it.

A lock is a file that many people and tools write, and a reviewer seldom reads. So its word counts for as much as it
can prove: a name that is a wheel's and nothing else, an address that a build may ask, a hash that holds.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from packaging.pylock import PackageWheel, PylockValidationError
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from envctl.domain.lock.hashes import STRONG, strong
from envctl.domain.lock.slices import Item
from envctl.errors import LockError

# The letters of "Escaping and Unicode" (binary distribution format), with the marks of versions.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,240}\.whl")
_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f\"'\\<>`{}|^]+", re.IGNORECASE)
_AGAIN = "run `envctl lock`; if it stays so, ask who wrote this file and whoever runs the index"


def checked(item: Item, where: str) -> PackageWheel:
    """Return the wheel that is installed for a package; raises ``LockError`` for one that a build must not see."""
    wheel = item.artefact
    if not isinstance(wheel, PackageWheel):
        raise TypeError(f"{item.name} is installed from no wheel")
    _name(item, wheel, where)
    _address(item, wheel.url or "", where)
    if not strong(wheel.hashes):
        raise LockError(
            f"the wheel of `{item.name}` has no hash that holds (it has: {', '.join(wheel.hashes)})",
            where=where,
            hint=f"a build takes {', '.join(STRONG)}: {_AGAIN}",
        )
    return wheel


def file_name(wheel: PackageWheel) -> str:
    """Return the file's name as the lock gives it; empty if it gives none."""
    try:
        return wheel.filename
    except PylockValidationError:
        return ""


def listed(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a package's entry (TOML-able) for an install list: its wheels by address and strong hashes alone."""
    wheels = [
        {key: value for key, value in wheel.items() if key != "path"}
        | {"hashes": strong(wheel["hashes"])}
        for wheel in table.get("wheels", ())
    ]
    return {**table, "wheels": wheels} if wheels else dict(table)


def _name(item: Item, wheel: PackageWheel, where: str) -> None:
    name = file_name(wheel)
    if not (_NAME.fullmatch(name) and _of(name, item.name, item.version)):
        raise LockError(
            f"{name!r} is not the name of a wheel of `{item.name}` {item.version}".rstrip(),
            where=where,
            hint=_AGAIN,
        )


def _of(name: str, project: str, version: str) -> bool:
    try:
        found = parse_wheel_filename(name)
    except InvalidWheelFilename:
        return False
    return found[0] == project and (not version or found[1] == Version(version))


def _address(item: Item, url: str, where: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not (_ADDRESS.fullmatch(url) and parts.hostname):
        raise LockError(
            f"the address of the wheel of `{item.name}` is none that a build may ask: {url!r}",
            where=where,
            hint=_AGAIN,
        )
    if "@" in parts.netloc:
        raise LockError(
            f"the address of the wheel of `{item.name}` holds a login, and a build's lists are committed",
            where=where,
            hint="put the login into ~/.netrc, take it out of the address, then run `envctl lock`",
        )
