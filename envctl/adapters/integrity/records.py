"""The RECORDs of an environment ("Recording installed projects"): which package brought which file, with which hash."""

import base64
import csv
import hashlib
import io
import os
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envctl.adapters import installed
from envctl.domain.environment.fingerprint import Recorded

CACHES = "__pycache__/"
_CROOKED = ("/.", "//", "\n.", "\n/", CACHES, '"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One package's RECORD: what it says, where it stands (from the environment), and the hash of its own bytes.

    ``plain``: all its paths lead straight down to files of the package, and to none that Python byte-compiled.
    ``sizes``: path, as it stands there → size in bytes, in digits, or empty.
    """

    package: Recorded
    path: str
    own_hash: str
    plain: bool
    sizes: Mapping[str, str]


def read(environment: Path) -> tuple[Record, ...]:
    """Read every RECORD; a package without one, or with one that cannot be read, has no rows."""
    folder = installed.site_packages(environment)
    if folder is None:
        return ()
    site = folder.relative_to(environment).as_posix()
    return tuple(_read(info, site) for info in sorted(folder.glob("*.dist-info")) if info.is_dir())


def _read(info: Path, site: str) -> Record:
    try:
        content = regular(info / "RECORD")
    except OSError:
        content = b""
    name, version = installed.name_and_version(info.name)
    text = content.decode("utf-8", "surrogateescape")
    rows = _rows(text)
    hashes = {row[0]: row[1] if len(row) > 1 else "" for row in rows if row[0]}
    return Record(
        package=Recorded(name=name, version=version, folder=info.name, rows=hashes),
        path=f"{site}/{info.name}/RECORD",
        own_hash=spelled(hashlib.sha256(content).digest()),
        plain=not (text[:1] in './"' or any(part in text for part in _CROOKED)),
        sizes={row[0]: row[2] for row in rows if len(row) > 2},
    )


def _rows(text: str) -> list[list[str]]:
    if '"' not in text:
        return [line.rsplit(",", 2) for line in text.replace("\r\n", "\n").split("\n")]
    try:  # seldom, and five times as slow
        return [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    except csv.Error:
        return []


def regular(path: Path) -> bytes:
    """Return what stands in a regular file; raises ``OSError`` for anything else: a pipe has no end."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise FileNotFoundError(path)
        return stream.read()


def owners(
    environment: Path, records: Iterable[Record], paths: Collection[str]
) -> dict[str, list[str]]:
    """Return every package that has one of these paths (from the environment), for each."""
    folder = installed.site_packages(environment)
    site = folder.relative_to(environment).as_posix() if folder else ""
    found: dict[str, list[str]] = {path: [] for path in paths}
    for record in records:
        for path in dict(_straight(environment, site, record)).keys() & found.keys():
            found[path].append(record.package.name)
    return found


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
        digest = hashlib.new(algorithm, regular(path)).digest()
    except (OSError, ValueError, TypeError):  # TypeError: shake_128 has no length of its own
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == value
