"""Several files written as one: staged beside their targets, then swapped in, or all put back.

A rename within one folder is atomic (POSIX.1-2017, rename), a series of them is not. So everything that can
fail for want of room or permission is done before the first rename, and earlier renames are undone when a later
one is refused. Only a kill between two renames can leave some files new and some old; each is then whole.
"""

import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from envctl.errors import ProjectError

MARK = ".envctl-"
_ABANDONED_AFTER = (
    3600.0  # seconds; nobody stages for an hour, so such a file is a killed command's
)


def replace_all(files: Mapping[Path, bytes]) -> None:
    """Write every file, or none; raises ``ProjectError`` that says which file could not be written."""
    staged: dict[Path, Path] = {}
    kept: dict[Path, Path] = {}
    made: list[Path] = []
    done: list[Path] = []
    target = Path()
    try:
        for name, content in files.items():
            target = Path(os.path.realpath(name))  # the file that a symlink leads to, not the link
            made += _make_folders(target.parent)
            _sweep(target)
            staged[target] = _stage(target, content)
            _keep(target, kept)
        for target, ready in staged.items():
            ready.replace(target)
            done.append(target)
        _sync_folders(staged)
    except BaseException as error:
        _undo(done, kept, made, staged)
        if isinstance(error, OSError):
            raise refused(error, target, "written") from error
        raise
    finally:
        for leftover in (*staged.values(), *kept.values()):
            with suppress(OSError):
                leftover.unlink(missing_ok=True)


def refused(error: OSError, path: Path, participle: str) -> ProjectError:
    """Turn what the system said about ``path`` into a failure with the next step."""
    reason = (error.strerror or str(error)).lower()
    hint = _HINTS.get(error.errno or 0, "see to that, then run the command again")
    return ProjectError(
        f"cannot be {participle}: {reason}",
        where=str(path),
        hint=hint.format(folder=path.parent, path=path),
    )


_HINTS = {
    errno.ENOSPC: "nothing was changed; make room on that disk, then run the command again",
    errno.EDQUOT: "nothing was changed; your disk quota is used up: make room and run it again",
    errno.EROFS: "the file system is mounted read-only; work in a copy that can be written to",
    errno.EACCES: "check who owns {folder} and its permissions (`ls -ld {folder}`)",
    errno.EPERM: "check who owns {path}, and whether it is marked immutable (`lsattr {path}`)",
    errno.EISDIR: "a folder stands where a file belongs: move {path} away",
    errno.ENOTDIR: "a file stands where a folder belongs: move it away ({folder})",
    errno.EEXIST: "something else stands in the way: move it away ({path})",
    errno.ELOOP: "its symbolic links lead in a circle: replace {path} by a real file",
    errno.ENAMETOOLONG: "the file system takes no name as long as that",
}


def _make_folders(folder: Path) -> list[Path]:
    """Create a folder and its parents; return those that were not there, the deepest last."""
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    made: list[Path] = []
    for each in reversed(missing):
        with suppress(FileExistsError):  # another process made it in between: as good
            each.mkdir()
            made.append(each)
    return made


def _stage(target: Path, content: bytes) -> Path:
    """Write the content to a new file beside the target, with the target's mode and owner."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    ready = _beside(target)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(ready, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _copy_rights(target, stream.fileno())
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        ready.unlink(missing_ok=True)
        raise
    return ready


def _beside(target: Path) -> Path:
    # 200: a name may have 255 bytes at most, and the mark needs some of them.
    return target.parent / f".{target.name[:200]}{MARK}{secrets.token_hex(6)}"


def _copy_rights(target: Path, descriptor: int) -> None:
    try:
        found = target.stat()
    except FileNotFoundError:
        return
    if hasattr(os, "fchown"):  # root edits a user's project: the file stays the user's
        with suppress(PermissionError):
            os.fchown(descriptor, found.st_uid, found.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(found.st_mode))


def _keep(target: Path, kept: dict[Path, Path]) -> None:
    """Hold the old content under a second name, without copying where the file system has links."""
    if not target.exists():
        return
    spare = _beside(target)
    kept[target] = spare
    try:
        os.link(target, spare)
    except OSError:
        shutil.copy2(target, spare)


def _undo(
    done: list[Path], kept: Mapping[Path, Path], made: list[Path], staged: Mapping[Path, Path]
) -> None:
    """Put back what was there: the old content under its name, new files and folders gone."""
    for target in reversed(done):
        with suppress(OSError):
            if target in kept:
                kept[target].replace(target)
            else:
                target.unlink()
    for leftover in staged.values():
        with suppress(OSError):
            leftover.unlink(missing_ok=True)
    for folder in reversed(made):
        with suppress(OSError):  # not empty: somebody else has put something there
            folder.rmdir()


def _sync_folders(staged: Mapping[Path, Path]) -> None:
    """Make the renames themselves durable, where the system can open a folder."""
    for folder in {target.parent for target in staged}:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _sweep(target: Path) -> None:
    """Remove what a command that was killed while staging this file has left."""
    start = f".{target.name[:200]}{MARK}"
    with suppress(OSError), os.scandir(target.parent) as entries:
        for entry in entries:
            if entry.name.startswith(start):
                age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                if age > _ABANDONED_AFTER:
                    Path(entry.path).unlink()
