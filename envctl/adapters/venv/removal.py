"""What is removed from ``.envctl/envs``, and what is not.

Only one envctl at a time removes, under the project's writer lock: so every staged thing there is a killed one's.
"""

import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

from envctl.adapters import in_use
from envctl.adapters.staging import MARK
from envctl.adapters.venv import filesystem, pending, place
from envctl.domain.environment import STAMP

STAGED = ".link-"
BESIDE = ".venv.envctl-link"
"""A link staged in the project's own folder, where ``.envctl`` lies on another file system."""
REPLACED = ".replaced-"
_GRACE = 24 * 60 * 60  # seconds
_STAGING = (STAGED, REPLACED, filesystem.PROBE)
_OURS = re.compile(r"[0-9a-f]{12}(-\d+)*")
"""A slice's digest, and a number where that name was taken (`names.free`)."""


def clean(
    home: Path, keep: Collection[str], spared: Callable[[Path], bool] = lambda _: False
) -> tuple[str, ...]:
    """Remove what killed envctls have left, and finished environments that are old, unused and not to be kept.

    ``spared``: which of them somebody else may use, of whom nothing is known here.
    Returns what is gone: what cannot be removed (it belongs to somebody else) stays, and is tried again.
    """
    removed = []
    for path in (*_staged(home), home.parents[1] / BESIDE):
        remove(path)
    candidates = [path for path in environments(home) if str(path) not in keep]
    doomed = [path for path in candidates if not _fresh(path)]
    busy = in_use.mentioned(home.parents[1]) if doomed else set()
    for path in doomed:
        if path.name in busy or in_use.leased(path) or spared(path):
            continue
        with suppress(OSError):
            (path / STAMP).unlink(missing_ok=True)  # first: half removed is unfinished
        remove(path)
        if not path.exists():
            removed.append(str(path))
    for each in keep:
        pending.clear(Path(each))
    return tuple(removed)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, as far as that is possible; not what is mounted in it."""
    with suppress(OSError):
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            return
    if place.mounted(path):
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.is_dir():  # perhaps its owner has write-protected folders in it
        for folder, _, _ in os.walk(path):
            with suppress(OSError):
                os.chmod(folder, stat.S_IRWXU)  # noqa: PTH101  # thousands of them
        shutil.rmtree(path, ignore_errors=True)


def environments(home: Path) -> list[Path]:
    """Return the folders of environments of ours, finished or not.

    One that somebody else made, and that was adopted, has no stamp.
    """
    return sorted(
        path
        for path in _entries(home)
        if (_OURS.fullmatch(path.name) or _displaced(path))
        and path.is_dir()
        and not path.is_symlink()
    )


def _displaced(path: Path) -> bool:
    """Whether that is one of ours which has the name of an adopted one."""
    return path.name.startswith(place.ADOPTED) and (path / STAMP).is_file()


def _staged(home: Path) -> Iterator[Path]:
    for path in _entries(home):
        hidden = path.name[0] == "." and (path.name.startswith(_STAGING) or MARK in path.name)
        if hidden or is_staged(path):
            yield path


def is_staged(path: Path) -> bool:
    """Whether that is a link made for ``.venv`` which has not become it, or no longer is."""
    if not path.is_symlink():
        return False
    home = path.parent
    target = os.path.normpath(home.parents[1] / path.readlink())
    return Path(target).parent == home


def _fresh(path: Path) -> bool:
    """Whether a finished environment was in use within a day: a shell that activated it says so nowhere.

    Its interpreter may be another machine's, which shares this folder.
    """
    try:
        return time.time() - (path / STAMP).stat().st_mtime < _GRACE
    except OSError:
        return False


def _entries(home: Path) -> list[Path]:
    try:
        return [] if home.is_symlink() else list(home.iterdir())
    except OSError:
        return []
