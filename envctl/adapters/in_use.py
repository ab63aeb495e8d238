"""Who still uses an environment: a process that `envctl run` started, or one that names it."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from envctl.domain.environment import STAMP

_NAME = rb"([^/\0\n:]+)"
_MENTION = re.compile(rb"([^\0\n:]*?)\.envctl/envs/" + _NAME)


def leased(path: Path) -> bool:
    """Whether a process started by ``envctl run`` still holds the environment (a shared lock on its stamp)."""
    try:
        with (path / STAMP).open("rb") as stamp:
            fcntl.flock(stamp, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def mentioned(root: Path) -> set[str]:
    """Return the environments of a project (by folder name) that a process has in its command, variables or files.

    Only of processes that we may look at (proc_pid_cmdline(5), proc_pid_environ(5), proc_pid_maps(5)).
    """
    names: set[str] = set()
    real = os.fsencode(os.path.realpath(root / ".envctl" / "envs")) + b"/"
    # proc_pid_maps(5) has always the resolved path, with an escaped line end.
    straight = [
        re.compile(re.escape(each) + _NAME) for each in {real, real.replace(b"\n", b"\\012")}
    ]
    for process in Path("/proc").glob("[0-9]*"):
        for file in ("cmdline", "environ", "maps"):
            with suppress(OSError):
                content = (process / file).read_bytes()
                for pattern in straight:
                    names.update(os.fsdecode(name) for name in pattern.findall(content))
                if b".envctl/envs/" in content:
                    names.update(_of(root, content, process / "cwd"))
    return names


def _of(root: Path, content: bytes, cwd: Path) -> Iterator[str]:
    known: dict[bytes, bool] = {}
    for before, name in set(_MENTION.findall(content)):
        if before not in known:
            known[before] = any(_same(root, each) for each in _places(before, os.fsencode(cwd)))
        if known[before]:
            yield os.fsdecode(name)


def _places(before: bytes, cwd: bytes) -> Iterator[bytes]:
    """Yield what folder may be meant: a variable's name or columns may stand before a path, which may be relative."""
    starts = [number for number, byte in enumerate(before) if byte == ord("/")]
    yield from (before[start:] for start in starts[:3])
    yield cwd + b"/" + before


def _same(root: Path, place: bytes) -> bool:
    """Whether that is the project's folder: it has more than one path, through a link to a home folder."""
    with suppress(OSError, ValueError):
        return root.samefile(os.fsdecode(place))
    return False
