"""The metadata folder of an installed package, mended after uv (binary distribution format, PEP 376, PEP 610)."""

import base64
import csv
import hashlib
import io
import json
from contextlib import suppress
from pathlib import Path

from packaging.utils import canonicalize_name

_NOTE = "uv_cache.json"
_DIRECT = "direct_url.json"


def tidy(site: Path) -> None:
    """Remove what uv notes about wheels from this machine's disk: their times, which differ on each."""
    for info in site.glob("*.dist-info"):
        if (info / _NOTE).exists():
            (info / _NOTE).unlink()
            _rewrite(info / "RECORD", f"{info.name}/{_NOTE}")


def lead(site: Path, name: str, folder: Path) -> None:
    """Say that a package is installed editable from a folder, as its installer should (PEP 610)."""
    for info in site.glob("*.dist-info"):
        if canonicalize_name(info.name.partition("-")[0]) == name:
            url = {"url": folder.as_uri(), "dir_info": {"editable": True}}
            text = json.dumps(url, separators=(",", ":")).encode()
            (info / _DIRECT).write_bytes(text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
            path = f"{info.name}/{_DIRECT}"
            row = [path, f"sha256={digest}", str(len(text))]
            _rewrite(info / "RECORD", path, row)


def installer(site: Path, name: str) -> str:
    """Return the tool that installed a package ("Recording installed projects", INSTALLER), if it says so."""
    for info in site.glob("*.dist-info"):
        if canonicalize_name(info.name.partition("-")[0]) == name:
            with suppress(OSError, UnicodeDecodeError):
                return (info / "INSTALLER").read_text(encoding="utf-8").strip()[:40]
    return ""


def _rewrite(record: Path, less: str, *more: list[str]) -> None:
    """Write a RECORD anew without a path and replace it: in place would reach whatever else it is linked to."""
    with record.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines) if row and row[0] != less]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*rows, *more])
    fresh = record.with_name("RECORD.envctl")
    fresh.write_text(text.getvalue(), encoding="utf-8", newline="")
    fresh.replace(record)
