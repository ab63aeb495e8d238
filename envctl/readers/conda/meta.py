"""What conda notes of a package that it installed: a file in ``conda-meta/``, and the files that belong to it.

conda documentation, "Package metadata"; the keys are those of conda's ``PrefixRecord``. Whatever is in such a file,
nothing is raised.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from envctl.domain.captured.packages import CondaPackage

_FOLDER = re.compile(r"(?:^|/)site-packages/([^/]+\.(?:dist-info|egg-info))(?:/|$)")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+!-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaRecord:
    """One package, and the hash (``sha256=…``, base64) of each of its files, by its path in the environment."""

    package: CondaPackage
    hashes: Mapping[str, str]


def read_conda_record(text: str) -> CondaRecord | None:
    """Read one file of ``conda-meta/``; ``None`` when it is no package's."""
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(table, dict):
        return None
    name, version = _word(table.get("name")), _word(table.get("version"))
    if not name or not version:
        return None
    files = [each for each in _list(table.get("files")) if isinstance(each, str)]
    folders = {found[1] for each in files if (found := _FOLDER.search(each))}
    spec = table.get("requested_spec")
    specs = [each for each in _list(table.get("requested_specs")) if isinstance(each, str)]
    return CondaRecord(
        package=CondaPackage(
            name=name.lower(),
            version=version,
            build=_word(table.get("build")) or "",
            requested=bool(specs) or (isinstance(spec, str) and spec not in ("", "None")),
            folders=tuple(sorted(folders)),
        ),
        hashes=_hashes(table.get("paths_data")),
    )


def _hashes(data: object) -> dict[str, str]:
    paths = _list(data.get("paths")) if isinstance(data, dict) else []
    found: dict[str, str] = {}
    for each in paths:
        if not isinstance(each, dict) or not isinstance(path := each.get("_path"), str):
            continue
        # What conda wrote its prefix into has a hash of its own.
        digest = each.get("sha256_in_prefix") or each.get("sha256")
        if isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest) and "\0" not in path:
            plain = base64.urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()
            found[path] = f"sha256={plain}"
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None
