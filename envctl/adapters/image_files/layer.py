"""One layer's tar, read as it comes: every file is hashed, and of a few more is kept."""

import hashlib
import re
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, cast

from envctl.adapters import elf
from envctl.adapters.image_files.headers import OddLayerError, checked, headers
from envctl.domain.image import secrets
from envctl.domain.image.contents import Entry, Kind, Layer, Needs

ENVIRONMENT = "opt/venv"
_BLOCK = 1 << 20
_KEPT = 32 << 20  # bytes; a RECORD of 300,000 files
_SEARCHED = 4 << 20  # bytes; larger files are no configuration
_IN_MEMORY = 16 << 20
_HEAD = 16  # PEP 552
_REMOVED, _EMPTIED = ".wh.", ".wh..wh..opq"
_CAPABILITY = "SCHILY.xattr.security.capability"
_WANTED = ("RECORD", "METADATA", "entry_points.txt", "WHEEL")
_FIXED = (
    "etc/os-release",
    "usr/lib/os-release",
    "etc/passwd",
    "etc/ld.so.preload",
    "etc/ld.so.conf",
)
# The exact version of the base image's Python; its `bin` says it to nobody who does not run it.
_PATCH_LEVEL = re.compile(r"usr/(?:local/)?include/python3\.[0-9]+/patchlevel\.h")
_OWN = (f"{ENVIRONMENT}/pyvenv.cfg", "opt/envctl/", "etc/ld.so.conf.d/")


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


@dataclass(slots=True)
class Seen:
    """What was read of a layer, besides its entries. ``marks``: kind of secret and path."""

    texts: dict[str, bytes] = field(default_factory=dict)
    objects: dict[str, Needs] = field(default_factory=dict)
    marks: list[tuple[str, str]] = field(default_factory=list)


def read(stream: IO[bytes], seen: Seen) -> Layer:
    """Read a layer from a stream to its end; raises ``OddLayerError``, ``tarfile.TarError``."""
    hashed = Hashed(stream)
    entries: dict[str, Entry] = {}
    removed, emptied = set(), set()
    # `|`: the stream cannot be sought.
    with tarfile.open(
        fileobj=cast("IO[bytes]", hashed),
        mode="r|",
        bufsize=_BLOCK,
        errorlevel=2,
        tarinfo=headers(),
    ) as tar:
        for member in tar:
            checked(member.pax_headers)
            path = _path(member.name)
            folder, _, name = path.rpartition("/")
            if name == _EMPTIED:
                emptied.add(folder)
            elif name.startswith(_REMOVED):
                removed.add(f"{folder}/{name[len(_REMOVED) :]}".lstrip("/"))
            elif path:
                entries[path] = _entry(tar, member, path, entries, seen)
            elif not member.isdir():
                raise OddLayerError("one of its files has no name")
    hashed.drain()
    return Layer(
        digest=f"sha256:{hashed.digest()}",
        entries=entries,
        removed=frozenset(removed),
        emptied=frozenset(emptied),
    )


def _path(name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise OddLayerError(f"the path {name!r} leads out of it")
    return "/".join(parts)


def _entry(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    path: str,
    entries: dict[str, Entry],
    seen: Seen,
) -> Entry:
    if member.islnk():
        return entries.get(_path(member.linkname)) or Entry(kind="other", mode=member.mode)
    kind: Kind = "file" if member.isreg() else "folder" if member.isdir() else "other"
    digest, head = "", b""
    if member.issym():
        kind = "link"
    elif kind == "file" and (content := tar.extractfile(member)) is not None:
        digest, head = _file(content, member.size, path, seen)
    return Entry(
        kind=kind,
        mode=member.mode,
        owner=member.uid,
        size=member.size,
        digest=digest,
        target=member.linkname if kind == "link" else "",
        capable=_CAPABILITY in member.pax_headers,
        head=head,
    )


def _file(content: IO[bytes], size: int, path: str, seen: Seen) -> tuple[str, bytes]:
    state = hashlib.sha256()
    whole = b""
    if size <= _SEARCHED or (size <= _KEPT and _kept(path)):
        whole = content.read()
        state.update(whole)
    else:
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            wanted = False
            for number, block in enumerate(_blocks(content)):
                state.update(block)
                wanted = wanted if number else _object(path, block)
                if wanted:
                    spool.write(block)
            _look(spool, state.hexdigest(), seen, wanted=wanted)
    digest = state.hexdigest()
    if whole:
        _small(whole, digest, path, seen)
    elif what := secrets.in_name(path):
        seen.marks.append((what, path))
    return digest, whole[:_HEAD] if path.endswith(".pyc") else b""


def _small(whole: bytes, digest: str, path: str, seen: Seen) -> None:
    if _kept(path):
        seen.texts[digest] = whole
    if what := secrets.in_name(path):
        seen.marks.append((what, path))
    else:
        seen.marks += [(each, path) for each in secrets.in_bytes(whole)]
    if _object(path, whole):
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            spool.write(whole)
            _look(spool, digest, seen, wanted=True)


def _look(spool: IO[bytes], digest: str, seen: Seen, *, wanted: bool) -> None:
    if wanted and digest not in seen.objects and (found := elf.needs(spool)):
        seen.objects[digest] = found


def _object(path: str, start: bytes) -> bool:
    return path.startswith(f"{ENVIRONMENT}/") and start.startswith(elf.MAGIC)


def _kept(path: str) -> bool:
    name = path.rpartition("/")[2]
    if path.startswith(f"{ENVIRONMENT}/"):
        return (".dist-info/" in path and name in _WANTED) or path.endswith((".pth", "pyvenv.cfg"))
    return path in _FIXED or path.startswith(_OWN) or bool(_PATCH_LEVEL.fullmatch(path))


def _blocks(content: IO[bytes]) -> Iterator[bytes]:
    while block := content.read(_BLOCK):
        yield block


class Hashed:
    """A stream whose bytes are hashed as they are read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._state = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read, and hash what was read."""
        block = self._stream.read(size)
        self._state.update(block)
        return block

    def drain(self) -> None:
        """Read the rest."""
        while self.read(_BLOCK):
            pass

    def digest(self) -> str:
        """Return the hash of all that was read, in hex."""
        return self._state.hexdigest()
