"""Tar headers that every reader takes alike: those that Python and an engine would read differently are refused.

Engines read layers with Go's archive/tar. Where a header tells that and Python's tarfile two stories, an image could
show envctl other files than a container gets. No tool that makes images writes such a header.
"""

import re
import tarfile
from collections.abc import Mapping
from typing import ClassVar, Self

# Mode, owner, group, size, time, checksum (POSIX ustar): octal, or base 256 (GNU) for what is too large.
_NUMBERS = ((100, 108), (108, 116), (116, 124), (124, 136), (136, 148), (148, 156))
_OCTAL = re.compile(rb" *[0-7]*[ \0]*")
_BASE_256 = 0x80
_ORDINARY, _PAX, _LONG = b"0123456", b"x", b"LK"
_MAGIC, _PREFIX, _TRAILER = slice(257, 265), slice(345, 500), slice(508, 512)
_USTAR, _OTHERS = b"ustar\x0000", (b"ustar  \x00", bytes(8))
_MEANINGFUL = ("path", "linkpath", "size")


class OddLayerError(Exception):
    """A layer that no engine would make: its message says what."""


class Header(tarfile.TarInfo):
    """One header; make a class of its own for each archive (``headers``), for it knows what came before."""

    before: ClassVar[set[bytes]]

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header's 512 bytes; raises ``OddLayerError``, and ``tarfile``'s own at the end."""
        if not any(buf):  # the end
            return super().frombuf(buf, encoding, errors)
        try:
            made = super().frombuf(buf, encoding, errors)
        except tarfile.TarError as error:  # tarfile would take it for the end
            raise OddLayerError(f"one of its headers is damaged ({error})") from error
        data = bytes(buf)
        kind = data[156:157]
        _plain(data, kind)
        if kind in _ORDINARY:
            cls.before = set()
        elif cls.before & {_PAX, kind} or (kind == _PAX and cls.before):
            raise OddLayerError("one of its files has two names")
        else:
            cls.before = {*cls.before, kind}
        return made


def headers() -> type[Header]:
    """Return the class of one archive's headers."""
    return type("OneArchive", (Header,), {"before": set()})


def checked(told: Mapping[str, str]) -> None:
    """Raise ``OddLayerError`` for extended headers (PAX) that are not read alike; ``told``: those of one file."""
    for name, text in told.items():
        if (name in _MEANINGFUL and not text) or name.startswith(("GNU.sparse", "hdrcharset")):
            raise OddLayerError(f"one of its files has an odd header: {name}={text!r}")


def _plain(data: bytes, kind: bytes) -> None:
    if kind not in _ORDINARY + _PAX + _LONG or not kind:
        raise OddLayerError(f"one of its files is of no kind that images have: {kind!r}")
    for start, end in _NUMBERS:
        field = data[start:end]
        if field[0] != _BASE_256 and not _OCTAL.fullmatch(field):
            raise OddLayerError(f"one of its headers has an odd number: {field!r}")
    known = data[_MAGIC]
    # Only in ustar's own form does the prefix belong to the name.
    right = known == _USTAR and data[_TRAILER] != b"tar\0"
    if not right and not (known in _OTHERS and not data[_PREFIX].strip(b"\0")):
        raise OddLayerError("one of its headers is of no form that images have")
