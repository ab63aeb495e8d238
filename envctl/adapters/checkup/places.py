"""The folders that envctl writes to, and their disks: looked at, never written to."""

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from platformdirs import user_cache_path

from envctl.domain.checkup.places import Place, Role

_COUNTING_S = 1.0


def look(environ: Mapping[str, str], root: Path | None) -> tuple[Place, ...]:
    """Return the project's folder, the caches and where temporary files go."""
    found = [_place("the project", root)] if root else []
    cache = _cache_of_uv(environ)
    if cache:
        found.append(_place("uv's cache", cache, count=True))
    found.append(_place("envctl's cache", user_cache_path("envctl"), count=True))
    found.append(_place("temporary files", _temporary(environ)))
    return tuple(found)


def _cache_of_uv(environ: Mapping[str, str]) -> Path | None:
    """As docs.astral.sh/uv/concepts/cache has it, "Cache directory"."""
    if chosen := environ.get("UV_CACHE_DIR"):
        return Path(chosen).absolute()
    home = environ.get("HOME")
    base = environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else "")
    return Path(base) / "uv" if base.startswith("/") else None


def _temporary(environ: Mapping[str, str]) -> Path:
    for name in ("TMPDIR", "TEMP", "TMP"):
        if environ.get(name):
            return Path(environ[name])
    return Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())  # noqa: S108  # looked at only


def _place(role: Role, path: Path, *, count: bool = False) -> Place:
    try:
        there = _nearest(path)
        disk = os.statvfs(there)
        device = there.stat().st_dev
    except OSError as error:
        why = (error.strerror or "it cannot be looked at").lower()
        return Place(role=role, path=str(path), there=False, problem=why)
    used, more = _used(path) if count and there == path else (None, False)
    return Place(
        role=role,
        path=str(path),
        there=there == path,
        device=device,
        free=disk.f_bavail * disk.f_frsize,
        files=disk.f_favail if disk.f_files else None,
        writable=os.access(there, os.W_OK | os.X_OK),
        read_only=bool(disk.f_flag & os.ST_RDONLY),
        startable=not disk.f_flag & getattr(os, "ST_NOEXEC", 0),
        used=used,
        more=more,
    )


def _nearest(path: Path) -> Path:
    """Return the folder itself, or the one above in which it would be made."""
    return next((each for each in (path, *path.parents) if each.exists()), Path("/"))


def _used(folder: Path) -> tuple[int, bool]:
    """Return the size of what lies in a folder, and whether the count was given up: it takes a second at most."""
    end = time.monotonic() + _COUNTING_S
    waiting, total = [str(folder)], 0
    seen: set[tuple[int, int]] = set()
    while waiting:
        if time.monotonic() > end:
            return total, True
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        for entry in entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_blocks * 512
    return total, False
