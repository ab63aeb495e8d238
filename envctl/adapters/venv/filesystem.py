"""What a file system can: tried, since nothing tells it beforehand."""

import errno
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from envctl.adapters.staging import refused

PROBE = ".probe-"
# What Linux and macOS answer for FAT, exFAT and some network shares.
_UNABLE = frozenset(
    {errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.EMLINK}
)


def has_links(folder: Path) -> bool:
    """Whether symbolic links can be made there; raises ``ProjectError`` when nothing can be written at all."""
    probe = folder / f"{PROBE}{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.unlink(missing_ok=True)
        probe.symlink_to("nowhere")
        probe.unlink()
    except OSError as error:
        if error.errno in _UNABLE and not probe.is_symlink():
            return False
        raise refused(error, folder, "written to") from error
    return True


def copying(cache: Path, folder: Path) -> str | None:
    """Say why files from ``cache`` are copied into ``folder`` instead of hard-linked; ``None``: they are linked."""
    source, probe = cache / f"{PROBE}{os.getpid()}", folder / f"{PROBE}{os.getpid()}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        source.touch()
        probe.unlink(missing_ok=True)
        os.link(source, probe)
    except OSError as error:
        if error.errno == errno.EXDEV:
            return f"uv's cache ({cache}) is on another file system than {folder}: files are copied"
        if error.errno in _UNABLE and source.exists():
            return f"the file system of {folder} has no hard links: files are copied"
        return None  # whoever installs will say what is wrong
    finally:
        for path in (source, probe):
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return None


def cache_of_uv(environ: Mapping[str, str]) -> Path | None:
    """Return the folder of uv's cache; ``None`` where it is chosen how files get out of it.

    As docs.astral.sh/uv/concepts/cache has it, "Cache directory".
    """
    if environ.get("UV_LINK_MODE") in ("clone", "copy"):
        return None
    if chosen := environ.get("UV_CACHE_DIR"):
        return Path(chosen).absolute()
    base = environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME', '')}/.cache"
    return Path(base) / "uv" if Path(base).is_absolute() else None
