"""The unpacked wheels in uv's cache (docs.astral.sh/uv/concepts/cache): ``archive-v0/ID/`` has one each."""

import os
from pathlib import Path

from envctl.adapters import installed
from envctl.adapters.venv.filesystem import cache_of_uv


def owner(name: str, path: Path) -> str | None:
    """Return the package whose unpacked wheel has the very file ``path`` under ``name``; ``None``: none has."""
    cache = cache_of_uv(os.environ)
    if cache is None:
        return None
    for archive in cache.glob("archive-v*/*"):
        try:
            same = (archive / name).samefile(path)
        except OSError:
            continue
        if same:
            infos = [info.name for info in archive.glob("*.dist-info")]
            return installed.name_and_version(infos[0])[0] if infos else None
    return None
