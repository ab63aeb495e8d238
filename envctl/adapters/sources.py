"""What lies in a project's folder, two levels deep: enough to know what its source is."""

import os
from pathlib import Path


def paths(root: Path) -> tuple[str, ...]:
    """Return files and folders as ``train.py``, ``vision/__init__.py``, ``src/vision/``; nothing hidden."""
    found: list[str] = []
    for name, folder in _entries(root):
        if folder:
            found += (f"{name}/{inner}" + "/" * deeper for inner, deeper in _entries(root / name))
        else:
            found.append(name)
    return tuple(sorted(found))


def _entries(folder: Path) -> list[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            return [(e.name, e.is_dir()) for e in entries if not e.name.startswith(".")]
    except OSError:  # a folder that may not be read holds no source that could be copied
        return []
