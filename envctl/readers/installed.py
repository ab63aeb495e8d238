"""The metadata of an installed package: METADATA, RECORD, WHEEL, direct_url.json; and that of older kinds.

Core metadata specification; "Recording installed projects"; PEP 610. Whatever is in these files, nothing is raised:
what cannot be read is a fault of the package, said in a sentence.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from envctl.domain.captured.packages import Origin
from envctl.readers import addresses

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_HASH = re.compile(r"sha(256|384|512)=[A-Za-z0-9_-]+")
_UNKNOWN = Origin(kind="archive", url=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """What a package says of itself, as far as it can be understood."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """A RECORD: every path, and the hash (``sha256=…``, base64) of those that have one."""

    paths: tuple[str, ...]
    hashes: Mapping[str, str]


def read_metadata(text: str, folder: str) -> Metadata | None:
    """Read METADATA or PKG-INFO; a missing name or version is taken from the folder's; ``None``: there is none."""
    head = HeaderParser().parsestr(re.split(r"\r?\n\r?\n", text, maxsplit=1)[0] + "\n\n")
    stem = re.sub(r"(\.dist-info|\.egg-info|\.egg)$", "", folder)
    named, _, rest = stem.partition("-")
    own_name, own_version = _name(str(head.get("Name", ""))), _version(str(head.get("Version", "")))
    name = own_name or _name(named)
    version = own_version or _version(rest.partition("-py")[0])
    if name is None or version is None:
        return None
    faults = [] if own_name and own_version else ["its metadata is broken"]
    requires, bad = _requirements(str(each) for each in head.get_all("Requires-Dist", []))
    faults += [f"its requirement `{addresses.redacted(each)}` cannot be read" for each in bad]
    extras = [_name(str(each)) for each in head.get_all("Provides-Extra", [])]
    return Metadata(
        name=name,
        version=version,
        requires=requires,
        extras=tuple(sorted({extra for extra in extras if extra})),
        faults=tuple(faults),
    )


def read_requires_txt(text: str) -> tuple[str, ...]:
    """Read an egg's ``requires.txt``: requirements in sections ``[extra]``, ``[:marker]`` or ``[extra:marker]``."""
    found: list[str] = []
    condition = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            extra, _, marker = line[1:-1].partition(":")
            parts = [f"({marker})"] if marker else []
            parts += [f"extra == '{_name(extra)}'"] if _name(extra) else []
            condition = " and ".join(parts)
        elif line and not line.startswith("#"):
            found.append(f"{line} ; {condition}" if condition else line)
    return _requirements(found)[0]


def read_record(text: str) -> Rows | None:
    """Read a RECORD; ``None`` when it is none."""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row and row[0]]
    except csv.Error:
        return None
    if not rows or any("\0" in row[0] for row in rows):
        return None
    hashes = {row[0]: row[1] for row in rows if len(row) > 1 and _HASH.fullmatch(row[1])}
    return Rows(paths=tuple(dict.fromkeys(row[0] for row in rows)), hashes=hashes)


def read_tags(text: str) -> tuple[str, ...]:
    """Read the tags out of a WHEEL file."""
    found = HeaderParser().parsestr(text).get_all("Tag", [])
    return tuple(str(each).strip() for each in found)


def read_direct_url(text: str) -> Origin:
    """Read ``direct_url.json`` (PEP 610)."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return _UNKNOWN
    if not isinstance(table, dict) or not isinstance(table.get("url"), str):
        return _UNKNOWN
    if isinstance(where := table.get("dir_info"), dict):
        editable = where.get("editable") is True
        return Origin(kind="editable" if editable else "folder", url=_path(table["url"]))
    url = addresses.public(table["url"])
    if isinstance(found := table.get("vcs_info"), dict):
        return Origin(kind="vcs", url=url and _with_commit(url, found, table))
    hashes = table.get("archive_info")
    return Origin(kind="archive", url=url and _with_hash(url, hashes, table))


def _with_commit(url: str, vcs: Mapping[str, Any], table: Mapping[str, Any]) -> str | None:
    kind, commit = vcs.get("vcs"), vcs.get("commit_id")
    if kind != "git" or not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        return None
    return _checked(f"git+{url.removeprefix('git+')}@{commit}{_fragment(table)}")


def _with_hash(url: str, info: object, table: Mapping[str, Any]) -> str | None:
    found = info.get("hashes") if isinstance(info, dict) else None
    digest = found.get("sha256") if isinstance(found, dict) else None
    known = isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest)
    return _checked(url + _fragment(table, f"sha256={digest}" if known else ""))


def _fragment(table: Mapping[str, Any], *more: str) -> str:
    inner = table.get("subdirectory")
    parts = [f"subdirectory={inner}"] if isinstance(inner, str) and inner else []
    parts += [each for each in more if each]
    return f"#{'&'.join(parts)}" if parts else ""


def _checked(url: str) -> str | None:
    """Return an address that a requirement can hold as it is."""
    try:
        return url if Requirement(f"x @ {url}").url == url and url.isprintable() else None
    except InvalidRequirement:
        return None


def _path(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    path = unquote(parts.path) if parts.scheme == "file" else ""
    return path if path.isprintable() else ""


def _requirements(texts: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return those that can be read, and those that cannot."""
    good: dict[str, None] = {}
    bad: list[str] = []
    for text in texts:
        try:
            good[str(Requirement(" ".join(text.split())))] = None
        except InvalidRequirement:
            bad.append(_printable(text)[:100])
    return tuple(good), tuple(bad)


def _name(text: str) -> str | None:
    try:
        return canonicalize_name(text.strip(), validate=True)
    except InvalidName:
        return None


def _version(text: str) -> str | None:
    try:
        return str(Version(text.replace("_", "-") if "_" in text else text))
    except InvalidVersion:
        return None


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())
