"""The project's own files, by their hashes: what an image's copy of them is compared with."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

_MOST = 100_000


def hashes(root: Path, sources: Iterable[str]) -> dict[str, str]:
    """Return path → SHA-256 in hex of every regular file in these files and folders of the project."""
    return {
        path.relative_to(root).as_posix(): digest
        for number, path in enumerate(_files(root, sources))
        if number < _MOST and (digest := _digest(path))
    }


def _files(root: Path, sources: Iterable[str]) -> Iterator[Path]:
    for source in sources:
        top = root / source
        if top.is_file():
            yield top
        for parent, _, names in os.walk(top):
            yield from (Path(parent) / name for name in names)


def _digest(path: Path) -> str | None:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(file, "rb") as stream:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return None
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
