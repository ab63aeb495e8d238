"""The fingerprint of an environment: one digest over the hashes of every file that its packages brought.

Two environments of one slice have the same fingerprint, on two machines and in an image. So what differs between such
two is not in it: files without a hash, byte-compiled ones, what the installer noted about itself and its way, and the
project itself, which is a link to one machine's folder.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# "Recording installed projects" and PEP 610: who installed a package, whether it was asked for, from which address.
_NOTES = ("INSTALLER", "REQUESTED", "direct_url.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """An installed package and the rows of its RECORD: path, as it stands there → hash (``sha256=…``), or empty."""

    name: str
    version: str
    folder: str
    rows: Mapping[str, str]


def fingerprint(packages: Iterable[Recorded]) -> str:
    """Return ``sha256:`` and the digest of a line for each package, ``NAME VERSION``, and one for each of its files.

    Packages stand by name and version, below each its lines ``PATH HASH``, sorted by code point; UTF-8.
    """
    digest = hashlib.sha256()
    for each in sorted(packages, key=lambda package: (package.name, package.version)):
        notes = tuple(f"{each.folder}/{name}" for name in _NOTES)
        lines = [
            f"{path} {expected}"
            for path, expected in each.rows.items()
            if expected and path not in notes and "__pycache__/" not in path
        ]
        text = "\n".join([f"{each.name} {each.version}", *sorted(lines), ""])
        digest.update(text.encode("utf-8", "surrogateescape"))
    return f"sha256:{digest.hexdigest()}"
