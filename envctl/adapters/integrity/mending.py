"""A file that was edited in place has the edit under all its names: in uv's cache, in every other environment.

Putting a right file in its place mends one of them. So the right bytes are written into the file itself, and all are as
they were, their owners need do nothing.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from envctl.adapters.integrity import oddities, records, snapshot
from envctl.disk import contents
from envctl.disk.tree import Tree
from envctl.domain.environment import FileProblem, Stamp

_BLOCK = 1 << 20


def mend(
    environment: Path, stamp: Stamp, fresh: Path, problems: Iterable[FileProblem]
) -> tuple[FileProblem, ...]:
    """Put right the shared files among ``problems``, from a ``fresh`` environment; return those that could not be.

    Only the very files that were installed are written to (a link to a file of the user's is another file), only from
    bytes that have the hash in the RECORD, and only where they differ.
    """
    shared = [each for each in problems if each.shared]
    then = snapshot.read(environment, stamp.files) if shared else None
    if then is None:
        return tuple(shared)
    # By the fresh one's RECORDs: the other's may have been edited with the files.
    rows = records.known(fresh, records.read(fresh))
    left = []
    for each in shared:
        expected = rows.get(each.path, ("", ""))[1] or then.hashes.get(each.path, "")
        try:
            right = _right(fresh / each.path, expected)
            with _opened(environment / each.path, then.stats[each.path][2]) as file:
                _copy(fresh / each.path, file)
                time = then.stats[each.path][1]
                os.utime(file, ns=(time, time))
            if _hash(environment / each.path) != right:
                left.append(each)
        except OSError:
            left.append(each)
    return tuple(left)


def _right(path: Path, expected: str) -> str:
    """Return the hash of a fresh file; raises ``OSError`` where it is not the one that the RECORD means."""
    actual = _hash(path)
    odd = oddities.other(expected, actual) in oddities.known()  # as its wheel brought it
    if not expected or not (odd or records.fits(path, actual, expected)):
        raise FileNotFoundError(path)
    return actual


def _hash(path: Path) -> str:
    """Return a file's SHA-256 as a RECORD spells it; raises ``OSError``."""
    size = path.lstat().st_size
    [digest] = contents.hashed(str(path.parent), Tree([path.name], [size, 0, 0], {}))
    return records.spelled(digest)


@contextmanager
def _opened(path: Path, inode: int) -> Iterator[int]:
    """Open a file for writing, also one that is read-only; raises ``OSError`` where it is not that inode."""
    with _descriptor(path, os.O_RDONLY) as reader:
        found = os.fstat(reader)
        if not stat.S_ISREG(found.st_mode) or found.st_ino != inode:
            raise FileNotFoundError(path)
        locked = not found.st_mode & stat.S_IWUSR
        if locked:
            os.fchmod(reader, stat.S_IMODE(found.st_mode) | stat.S_IWUSR)
        try:
            with _descriptor(path, os.O_RDWR) as file:
                if os.fstat(file).st_ino != inode:
                    raise FileNotFoundError(path)
                yield file
        finally:
            if locked:
                os.fchmod(reader, stat.S_IMODE(found.st_mode))


@contextmanager
def _descriptor(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _copy(source: Path, target: int) -> None:
    """Write the blocks that differ: a process that has the file mapped sees no other byte change."""
    at = 0
    with source.open("rb") as right:
        while block := right.read(_BLOCK):
            if os.pread(target, len(block), at) != block:
                _write(target, block, at)
            at += len(block)
    if os.fstat(target).st_size != at:
        os.ftruncate(target, at)
    os.fsync(target)


def _write(target: int, block: bytes, at: int) -> None:
    rest = memoryview(block)
    while rest:
        count = os.pwrite(target, rest, at)
        rest, at = rest[count:], at + count
