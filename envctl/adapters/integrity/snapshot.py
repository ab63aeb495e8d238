"""The snapshot of a finished environment: its files as ``sync`` left them, in ``envctl.files`` beside the stamp.

Sizes and times tell in a moment whether anything was changed. Not the inode's own time, nor its count of links: those
change whenever another environment takes the same files from uv's cache. The inode's number says later whether a
changed file is the one that was installed, and so shared, or another in its place.
"""

import hashlib
import json
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from envctl.adapters.integrity.records import Record, spelled
from envctl.disk import contents
from envctl.disk.tree import SNAPSHOT, Tree
from envctl.domain.environment.fingerprint import fingerprint

_SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """``stats``: path → size, mtime in ns, inode. ``hashes``: those of the files that no RECORD has a hash for.

    ``fingerprint``: see ``envctl.domain.environment.fingerprint``.
    """

    fingerprint: str
    stats: dict[str, tuple[int, int, int]]
    links: dict[str, str]
    hashes: dict[str, str]


def write(
    environment: Path,
    found: Tree,
    records: tuple[Record, ...],
    *,
    listed: Container[str],
    own: str | None,
) -> None:
    """Write the snapshot of what was just installed; ``own`` is the package that is the project itself.

    ``listed``: the files that a RECORD has a hash for. Not forced to the disk: a snapshot that a crash has torn does
    not fit its digest in the stamp, and then every byte counts.
    """
    hashes = {each.path: each.own_hash for each in records}
    rest = [path for path in found.paths if path not in listed and path not in hashes]
    table = {
        "schema": _SCHEMA,
        "hashes": hashes | digests(environment, found, rest),
        "links": found.links,
        "paths": found.paths,
        "stats": found.stats,
    }
    text = f"{fingerprint_of(records, own)}\n{json.dumps(table, separators=(',', ':'))}\n"
    (environment / SNAPSHOT).write_text(text, encoding="ascii")


def fingerprint_of(records: tuple[Record, ...], own: str | None) -> str:
    """Return the fingerprint that the RECORDs amount to."""
    return fingerprint(each.package for each in records if each.package.name != own)


def digests(environment: Path, found: Tree, paths: list[str]) -> dict[str, str]:
    """Hash some files: path → ``sha256=…``; links have none."""
    if not paths:
        return {}
    some = part(found, [path for path in paths if path not in found.links])
    hashed = contents.hashed(str(environment), some)
    return {path: spelled(digest) for path, digest in zip(some.paths, hashed, strict=True)}


def part(found: Tree, paths: list[str]) -> Tree:
    """Return only these of the files."""
    wanted = set(paths)
    at = [index for index, path in enumerate(found.paths) if path in wanted]
    stats = [number for index in at for number in found.stats[3 * index : 3 * index + 3]]
    return Tree([found.paths[index] for index in at], stats, {})


def read(environment: Path, digest: str) -> Snapshot | None:
    """Return the snapshot that a stamp knows by its digest; ``None``: there is none, or it is another."""
    content = _content(environment)
    try:
        if not content or not digest or _digest(content) != digest:
            return None
        head, _, body = content.partition(b"\n")
        table = json.loads(body)
        if table["schema"] != _SCHEMA:
            return None
        numbers = iter(table["stats"])
        threes = zip(numbers, numbers, numbers, strict=True)
        return Snapshot(
            fingerprint=head.decode("ascii"),
            stats=dict(zip(table["paths"], threes, strict=True)),
            links=table["links"],
            hashes=table["hashes"],
        )
    except (ValueError, KeyError, TypeError):
        return None


def sealed(environment: Path) -> tuple[str, str]:
    """Return what a new stamp notes: the fingerprint, and the snapshot's digest; empty where there is none."""
    content = _content(environment)
    if not content:
        return "", ""
    return content.partition(b"\n")[0].decode("ascii", "replace"), _digest(content)


def _content(environment: Path) -> bytes:
    try:
        return (environment / SNAPSHOT).read_bytes()
    except OSError:
        return b""


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
