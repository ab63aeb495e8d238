"""The RECORDs in an image: what they say of its files, which proves nothing, and whether they are their wheels'."""

import csv
import io
from collections.abc import Iterator, Mapping

from envctl.checks.built.findings import differs
from envctl.domain.finding import Finding
from envctl.domain.image.contents import Contents
from envctl.domain.image.proof import ENVIRONMENT, Evidence, Promise, hexadecimal

Rows = Mapping[str, tuple[str, tuple[str, ...]]]
"""Path from the environment → the package that brings it, and the hashes that will do."""
# What an installer notes of itself and its way ("Recording installed projects", PEP 610, uv).
_NOTES = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json")


def by_their_word(
    contents: Contents, promise: Promise, folders: Mapping[str, str]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return what packages say of their own files: of those that nothing here can be compared with."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    for name, folder in folders.items():
        for path, digest in _rows(contents, promise, folder):
            found[path] = (name, (digest,) if digest else ())
    return found


def _rows(contents: Contents, promise: Promise, folder: str) -> Iterator[tuple[str, str]]:
    """Yield the rows of a RECORD in the image: path from the environment, SHA-256 in hex or empty."""
    text = contents.text(f"{ENVIRONMENT}/{promise.site}/{folder}/RECORD") or ""
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row and row[0]]
    except csv.Error:
        return
    for row in rows:
        path = straight(promise.site, row[0])
        if path is not None and "__pycache__/" not in path:
            yield path, hexadecimal(row[1]) if len(row) > 1 else ""


def straight(site: str, row: str) -> str | None:
    """Return a RECORD's path from the environment; ``None``: it leads out of it."""
    parts: list[str] = [] if row.startswith("/") else site.split("/")
    text = row.removeprefix(f"/{ENVIRONMENT}/") if row.startswith(f"/{ENVIRONMENT}/") else row
    if text.startswith("/"):
        return None
    for part in text.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def check(
    contents: Contents, promise: Promise, evidence: Evidence, infos: Mapping[str, tuple[str, str]]
) -> Iterator[Finding]:
    """Yield the RECORDs that are not those of the wheels."""
    for name, each in evidence.brought.items():
        if name not in infos or name not in promise.packages:
            continue
        path = f"{promise.site}/{infos[name][1]}/RECORD"
        told = {
            row: digest
            for row, digest in _rows(contents, promise, infos[name][1])
            if not noted(row)
        }
        wanted = {row: digests for row, digests in each.rows.items() if not noted(row)}
        if told.keys() != wanted.keys() or any(
            wanted[row] and told[row] and told[row] not in wanted[row] for row in wanted
        ):
            said = f"the RECORD of `{name}` was rewritten: it is not that of its wheel"
            yield differs(path, said)


def noted(row: str) -> bool:
    """Whether it is a note of an installer's about itself and its way."""
    return ".dist-info/" in row and row.rpartition("/")[2] in _NOTES
