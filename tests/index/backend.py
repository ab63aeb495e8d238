"""The build backend that travels inside every test sdist (PEP 517).

`wheels` packs with the same function, so a wheel built from a test sdist is
byte for byte the wheel that the index serves beside it.  Standard library
only, and Python 3.9 syntax: it runs in the interpreter that builds the sdist.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

#: Folder of the sdist that holds the wheel's contents, all but RECORD.
TREE = "tree"
#: File of the sdist that holds the name of the wheel to build.
WHEEL_NAME = "wheel-name"

# Fixed, so that the same contents always give the same bytes.
_TIMESTAMP = (2024, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100644 << 16


def pack(entries: Mapping[str, bytes], dist_info: str) -> bytes:
    """Zip `entries` into a wheel and add its RECORD (binary distribution format)."""
    # The format asks for `.dist-info` at the end of the archive.
    order = sorted(entries, key=lambda name: (name.startswith(f"{dist_info}/"), name))
    record = f"{dist_info}/RECORD"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in order:
            archive.writestr(_info(name), entries[name])
        archive.writestr(_info(record), _record({name: entries[name] for name in order}, record))
    return packed.getvalue()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIMESTAMP)
    # Stored, because two zlibs need not compress to the same bytes.
    info.compress_type = zipfile.ZIP_STORED
    info.create_system = 3
    info.external_attr = _REGULAR_FILE
    return info


def _record(entries: Mapping[str, bytes], record: str) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for name, data in entries.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow([name, f"sha256={digest}", len(data)])
    rows.writerow([record, "", ""])
    return text.getvalue().encode()


def _tree() -> dict[str, bytes]:
    """Read what the sdist says the wheel contains (the front end starts us in its root)."""
    root = Path(TREE)
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def _dist_info(entries: Mapping[str, bytes]) -> str:
    return next(name.split("/")[0] for name in entries if name.endswith(".dist-info/METADATA"))


def build_wheel(
    wheel_directory: str,
    config_settings: Mapping[str, object] | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Hook of PEP 517."""
    entries = _tree()
    name = Path(WHEEL_NAME).read_text(encoding="utf-8").strip()
    Path(wheel_directory, name).write_bytes(pack(entries, _dist_info(entries)))
    return name


def prepare_metadata_for_build_wheel(
    metadata_directory: str, config_settings: Mapping[str, object] | None = None
) -> str:
    """Hook of PEP 517."""
    entries = _tree()
    dist_info = _dist_info(entries)
    Path(metadata_directory, dist_info).mkdir()
    for name, data in entries.items():
        if name.startswith(f"{dist_info}/"):
            Path(metadata_directory, name).write_bytes(data)
    return dist_info
