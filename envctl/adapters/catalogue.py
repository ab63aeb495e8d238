"""What package indexes have: the versions of a project, and the RECORD inside a wheel, without the rest of it."""

import http.client
import io
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from envctl.adapters.index.client import IndexClient
from envctl.adapters.index.files import version_in
from envctl.adapters.index.packages import sources
from envctl.domain.manifest import Index
from envctl.errors import IndexFailure
from envctl.readers.installed import read_record

_TAIL = 1 << 16  # bytes; most wheels' directory and RECORD are in there
_STEP = 1 << 18  # bytes
_MOST = 64 << 20  # bytes; a larger wheel is not read from a server that only gives whole files
_THREADS = 8


class IndexCatalogue:
    """Asks indexes (``envctl.ports.Catalogue``)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._client = IndexClient(environ)

    def versions(
        self, names: Collection[str], indexes: Sequence[Index]
    ) -> dict[str, dict[str, str]]:
        """Return each project's versions, with the index to take it from; raises ``IndexFailure``."""
        places = {name: sources(name, indexes) for name in names}
        pages = self._client.projects((url, name) for name, urls in places.items() for url in urls)
        found: dict[str, dict[str, str]] = {name: {} for name in names}
        for name, urls in places.items():
            for url in urls:
                for file in pages[url, name] or ():
                    if version := version_in(file.name):
                        found[name].setdefault(str(version), url)
        return found

    def records(self, urls: Iterable[str]) -> dict[str, Mapping[str, str] | None]:
        """Return the hashes in the RECORD of each wheel; ``None`` for one that could not be looked into."""
        keys = [url for url in dict.fromkeys(urls) if urlsplit(url).scheme in ("http", "https")]
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            return dict(zip(keys, pool.map(self._record, keys), strict=True))

    def _record(self, url: str) -> Mapping[str, str] | None:
        try:
            with zipfile.ZipFile(_Remote(self._client, url)) as wheel:
                names = [name for name in wheel.namelist() if _is_record(name)]
                if len(names) != 1 or wheel.getinfo(names[0]).file_size > _MOST:
                    return None
                rows = read_record(wheel.read(names[0]).decode(errors="replace"))
        except _TROUBLES:
            return None
        return rows.hashes if rows else None


_TROUBLES = (
    IndexFailure,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,  # a way of packing that zipfile does not know
    RuntimeError,  # an encrypted archive
    zipfile.BadZipFile,
    zlib.error,
    http.client.HTTPException,
)


class _Remote(io.RawIOBase):
    """A file on a server as one to seek in: its end is fetched at once, the rest by pieces (RFC 9110, "Range")."""

    def __init__(self, client: IndexClient, url: str) -> None:
        super().__init__()
        self._client = client
        self._url = url
        self._at = 0
        start, data, self._size = client.part(url, f"bytes=-{_TAIL}", most=_MOST)
        self._pieces = [(start, data)]

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._at + size)
        data = b"".join(self._between(self._at, end))
        self._at += len(data)
        return data

    def _between(self, start: int, end: int) -> Iterator[bytes]:
        while start < end:
            first, data = self._piece(start, end)
            found = data[start - first : end - first]
            yield found
            start += len(found)

    def _piece(self, start: int, end: int) -> tuple[int, bytes]:
        """Return bytes that ``start`` is among."""
        for first, data in self._pieces:
            if first <= start < first + len(data):
                return first, data
        last = min(self._size, max(end, start + _STEP)) - 1
        if last - start >= _MOST:
            raise ValueError("too much to read")
        first, data, _ = self._client.part(self._url, f"bytes={start}-{last}", most=_MOST)
        if not first <= start < first + len(data):
            raise EOFError
        self._pieces.append((first, data))
        return first, data


def _is_record(name: str) -> bool:
    folder, _, file = name.partition("/")
    return file == "RECORD" and folder.endswith(".dist-info")
