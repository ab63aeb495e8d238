"""Sdists as files: what they hold, and unpacking them where nothing can leave the folder.

An sdist is a stranger's file. Only regular files are taken, names are checked before anything is written, links
become copies of what they lead to inside the archive, and sizes are bounded while they are read (PEP 721 asks for
the same of tar files; ``tarfile``'s own filters came with Python 3.11.4).
"""

import bz2
import errno
import gzip
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from envctl.adapters.staging import refused
from envctl.errors import IndexFailure

_LARGEST = 4 << 30  # bytes unpacked; the largest sdists that people install are some 500 MB
_MOST = 200_000  # members
_HEADER = (
    16 << 20
)  # bytes that tarfile may want at once: headers are far smaller, contents come in pieces
_DEVICE = re.compile(r"[A-Za-z]:|.*\\")
_OPENERS: dict[str, Callable[..., Any]] = {"gz": gzip.open, "bz2": bz2.open}
# Why a file cannot be written that are not the archive's fault.
_OURS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error),
    *(EOFError, OSError, ValueError, KeyError, NotImplementedError, RuntimeError, OverflowError),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A regular file of an archive: its path below the one folder that an sdist has at its top (PEP 625)."""

    path: PurePosixPath
    executable: bool
    content: IO[bytes]


class _Refused(ValueError):
    """What an archive holds is not to be unpacked."""


class _Bounded(RawIOBase):
    """A file that is read in bounded pieces and to a bounded length."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _HEADER:
            raise _Refused("one of its headers is too large")
        return self._inner.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if offset > _LARGEST:
            raise _Refused("it is too large")
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()


@contextmanager
def members(path: Path) -> Iterator[Iterator[Member]]:
    """Lend the archive's files, each readable until the next is asked for.

    Raises ``IndexFailure`` when it is damaged, too large, or holds what must not be unpacked.
    """
    try:
        if path.name.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                yield _checked(_zipped(archive))
        else:
            opener = _OPENERS.get(path.name.rpartition(".")[2].replace("tgz", "gz"), open)
            with opener(path, "rb") as packed:
                bounded = cast("IO[bytes]", _Bounded(packed))
                with tarfile.open(fileobj=bounded, mode="r:") as tar:
                    yield _checked(_tarred(tar))
    except _BROKEN as error:
        reason = str(error) or type(error).__name__
        raise IndexFailure(
            f"the source distribution {path.name} cannot be unpacked: {reason}",
            where=str(path),
            hint="take another version of that package, or ask whoever publishes it",
            details=repr(error),
        ) from error


def unpack(path: Path, folder: Path) -> None:
    """Write the archive's files below ``folder``, which is empty; raises ``IndexFailure``, ``ProjectError``."""
    left = (
        _LARGEST  # counted here once more: of a link the header does not tell how much it leads to
    )
    with members(path) as found:
        for member in found:
            target = folder.joinpath(*member.path.parts)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.touch(mode=0o755 if member.executable else 0o644, exist_ok=False)
            except OSError as error:
                raise _whose(error, target) from error
            while piece := member.content.read(1 << 20):
                left -= len(piece)
                if left < 0:
                    raise _Refused("it is too large")
                _append(target, piece)


def _append(target: Path, piece: bytes) -> None:
    try:
        with target.open("ab") as out:
            out.write(piece)
    except OSError as error:
        raise _whose(error, target) from error


def _whose(error: OSError, target: Path) -> Exception:
    """Tell a full disk from an archive that has the same name twice, or a file where a folder should be."""
    if error.errno in _OURS:
        return refused(error, target, "written")
    return _Refused(f"`{target.name!r}`: {(error.strerror or str(error)).lower()}")


def _tarred(tar: tarfile.TarFile) -> Iterator[tuple[str, int, bool, IO[bytes]]]:
    for member in tar:
        if member.isdir():
            continue
        if not (member.isreg() or member.issym() or member.islnk()):
            raise _Refused(f"`{member.name}` is no regular file")
        # Of a link this is the file in the archive that it leads to; there is no other way to follow it.
        content = tar.extractfile(member)
        if content is None:
            raise _Refused(f"`{member.name}` is a link to a folder")
        yield member.name, member.size, bool(member.mode & stat.S_IXUSR), content


def _zipped(archive: zipfile.ZipFile) -> Iterator[tuple[str, int, bool, IO[bytes]]]:
    for info in archive.infolist():
        mode = info.external_attr >> 16
        if info.is_dir():
            continue
        if stat.S_ISLNK(mode):
            raise _Refused(f"`{info.filename}` is a link")
        with archive.open(info) as content:
            yield info.filename, info.file_size, bool(mode & stat.S_IXUSR), content


def _checked(found: Iterator[tuple[str, int, bool, IO[bytes]]]) -> Iterator[Member]:
    total = 0
    top: str | None = None
    for count, (name, size, executable, content) in enumerate(found, 1):
        total += size
        if total > _LARGEST or count > _MOST:
            raise _Refused("it is too large")
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or _DEVICE.match(name) or "\0" in name:
            raise _Refused(f"`{name!r}` leads out of it")
        if len(parts) < 2 or parts[0] != (top := top or parts[0]):
            raise _Refused("its files are not in one folder")
        yield Member(path=PurePosixPath(*parts[1:]), executable=executable, content=content)
