"""The RECORDs of an environment ("Recording installed projects"): which package brought which file, with which hash."""

import base64
import csv
import hashlib
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from envctl.adapters import installed
from envctl.domain.fingerprint import Recorded

CACHES = "__pycache__/"
_CROOKED = ("/.", "//", "\n.", "\n/", CACHES, '"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One package's RECORD: what it says, where it stands (from the environment), and the hash of its own bytes.

    ``plain``: all its paths lead straight down to files of the package, and to none that Python byte-compiled.
    """

    package: Recorded
    path: str
    own_hash: str
    plain: bool


def read(environment: Path) -> tuple[Record, ...]:
    """Read every RECORD; a package without one, or with one that cannot be read, has no rows."""
    folder = installed.site_packages(environment)
    if folder is None:
        return ()
    site = folder.relative_to(environment).as_posix()
    return tuple(_read(info, site) for info in sorted(folder.glob("*.dist-info")) if info.is_dir())


def _read(info: Path, site: str) -> Record:
    try:
        content = (info / "RECORD").read_bytes()
    except OSError:
        content = b""
    name, version = installed.name_and_version(info.name)
    text = content.decode("utf-8", "surrogateescape")
    rows = _rows(text)
    return Record(
        package=Recorded(name=name, version=version, folder=info.name, rows=rows),
        path=f"{site}/{info.name}/RECORD",
        own_hash=spelled(hashlib.sha256(content).digest()),
        plain=not (text[:1] in './"' or any(part in text for part in _CROOKED)),
    )


def _rows(text: str) -> dict[str, str]:
    if '"' in text:  # seldom, and five times as slow
        try:
            rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
        except csv.Error:
            return {}
    else:
        rows = [line.rsplit(",", 2) for line in text.replace("\r\n", "\n").split("\n")]
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows if row[0]}


def known(environment: Path, records: Iterable[Record]) -> dict[str, tuple[str, str]]:
    """Return path from the environment → its package and its hash, which may be empty.

    Where two packages have one path, as happens, the last one installed has the file: either hash will do, and both are
    returned, with a space between them.
    Left out are byte-compiled files, and rows that lead out of the environment: they are nobody's business here.
    """
    folder = installed.site_packages(environment)
    site = folder.relative_to(environment).as_posix() if folder else ""
    found: dict[str, tuple[str, str]] = {}
    for record in records:
        rows = dict(_straight(environment, site, record))
        for path in found.keys() & rows.keys():
            both = {*found[path][1].split(), *rows[path][1].split()}
            rows[path] = (rows[path][0], " ".join(sorted(both)))
        found |= rows
    return found


def _straight(
    environment: Path, site: str, record: Record
) -> Iterable[tuple[str, tuple[str, str]]]:
    name, rows = record.package.name, record.package.rows
    if record.plain:
        return {f"{site}/{row}": (name, expected) for row, expected in rows.items()}.items()
    found = {}
    for row, expected in rows.items():
        path = f"{site}/{row}"
        if any(part in path for part in _CROOKED):  # the row may be absolute, too
            path = os.path.relpath(os.path.normpath(environment / site / row), environment)
        if CACHES not in path and not path.startswith("../"):
            found[path] = (name, expected)
    return found.items()


def spelled(digest: bytes) -> str:
    """Return a SHA-256 as a RECORD has it."""
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def fits(path: Path, actual: str, expected: str) -> bool:
    """Whether a file, whose SHA-256 is ``actual``, has one of the hashes that are expected of it, of whichever kind."""
    return any(each == actual or _other_fits(path, each) for each in expected.split())


def _other_fits(path: Path, expected: str) -> bool:
    algorithm, _, value = expected.partition("=")
    if algorithm == "sha256":
        return False
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, algorithm).digest()
    except (OSError, ValueError):
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == value
