"""The hashes of a lock that count: uv takes a file that any one of them fits, so one that is broken lets others in."""

import re
from collections.abc import Mapping
from typing import Any

from envctl.errors import LockError

STRONG = {"sha256": 64, "sha384": 96, "sha512": 128}
"""What pip's hash-checking mode takes too, each with its length in hexadecimal digits."""


def strong(hashes: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes that count, in lower case."""
    return {
        kind: digest.lower()
        for kind, digest in hashes.items()
        if (length := STRONG.get(kind)) and re.fullmatch(rf"[0-9a-fA-F]{{{length}}}", digest)
    }


def hardened(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a package's entry (TOML-able) with the hashes that count and no others.

    Raises ``LockError`` for a file that has only others.
    """
    found = dict(table)
    for key in ("sdist", "archive"):
        if key in found:
            found[key] = _file(found[key], table)
    if "wheels" in found:
        found["wheels"] = [_file(wheel, table) for wheel in found["wheels"]]
    return found


def _file(file: Mapping[str, Any], package: Mapping[str, Any]) -> dict[str, Any]:
    hashes = file.get("hashes") or {}
    kept = strong(hashes)
    if hashes and not kept:
        raise LockError(
            f"`{package.get('name')}` has no hash that holds, only {', '.join(sorted(hashes))}",
            where="the lock",
            hint=f"lock it anew with {', '.join(STRONG)}: `envctl lock`; if it stays so, ask who runs the index",
        )
    return {**file, "hashes": kept} if hashes else dict(file)
