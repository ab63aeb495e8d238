"""The one door to package indexes over HTTP.

Project pages are asked for as JSON and taken as HTML where an index has no JSON (PEP 691).
"""

import hashlib
import http.client
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request

from envctl.adapters.index import transport as index_transport
from envctl.adapters.index.doorman import Doorman
from envctl.adapters.index.logins import Logins
from envctl.adapters.staging import refused
from envctl.errors import IndexFailure
from envctl.readers.index_page import ACCEPT, IndexFile, read_index_page

_K = TypeVar("_K")
_T = TypeVar("_T")
_THREADS = 8
_PAGE_SECONDS = 120.0
_PAUSES = (0.2, 1.0)  # before the second and the third try
_GLANCE = 4.0  # seconds that a question may take whose answer could be done without
_REVALIDATE = {"Cache-Control": "max-age=0"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A project's page: its files, and what the index says of how long it may be kept (``ETag``, ``Cache-Control``).

    ``files`` is ``None`` for a page that is as it was when it had the entity tag which was asked for.
    """

    files: tuple[IndexFile, ...] | None
    tag: str = ""
    lifetime: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Digest:
    """What a download amounts to."""

    sha256: str
    size: int


class IndexClient:
    """Fetches project pages and files. Raises ``IndexFailure``; thread-safe.

    ``hurried``: an answer that does not come at once is done without.
    """

    def __init__(
        self, environ: Mapping[str, str], logins: Logins | None = None, *, hurried: bool = False
    ) -> None:
        self.logins = logins or Logins(environ)
        self._opener = index_transport.opener(environ, Doorman(self.logins))
        silence = index_transport.silence(environ)
        self._silence = min(silence, _GLANCE) if hurried else silence
        self._page_seconds = _GLANCE if hurried else _PAGE_SECONDS
        self._pauses = () if hurried else _PAUSES
        self._projects: dict[tuple[str, str], tuple[IndexFile, ...] | None] = {}

    def projects(
        self, wanted: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[IndexFile, ...] | None]:
        """Return what ``project`` says of each (index, project name), a few pages at a time."""
        keys = list(dict.fromkeys(wanted))
        return dict(zip(keys, _together(lambda key: self.project(*key), keys), strict=True))

    def project(self, index: str, name: str) -> tuple[IndexFile, ...] | None:
        """Return the files of one project; ``None`` when that index does not have it. Each page is read once."""
        if (index, name) not in self._projects:
            self.page(index, name)
        return self._projects[index, name]

    def page(self, index: str, name: str, known: str = "") -> Page | None:
        """Read a project's page; ``None`` when that index does not have it. ``known``: an entity tag of before."""
        url = f"{index.rstrip('/')}/{name}/"
        found = self._persistently(lambda: self._page(url, known), url)
        if found is None or found.files is not None:
            self._projects[index, name] = found.files if found else None
        return found

    def file(self, url: str, headers: Mapping[str, str], method: str) -> http.client.HTTPResponse:
        """Open a file's address; the caller reads and closes it. 304, 404 and 416 are answers as well."""
        return self._persistently(lambda: self._file(url, headers, method), url)

    def digests(self, urls: Iterable[str]) -> dict[str, Digest]:
        """Download files and hash them, a few at a time."""
        keys = list(dict.fromkeys(urls))
        return dict(zip(keys, _together(self.digest, keys), strict=True))

    def digest(self, url: str) -> Digest:
        """Download a file and hash it."""
        return self._persistently(lambda: self._hashed(url), url)

    def download(self, url: str, file: BinaryIO) -> None:
        """Write what lies at an address into a file that can be begun anew."""
        self._persistently(lambda: self._written(url, file), url)

    def part(self, url: str, wanted: str, *, most: int) -> tuple[int, bytes, int]:
        """Return some bytes of a file: where they begin, they themselves, and the file's size.

        ``wanted`` is a range (RFC 9110, "Range"). A server without ranges gives the whole file, if it is no larger
        than ``most`` bytes.
        """
        return self._persistently(lambda: self._part(url, wanted, most), url)

    def _page(self, url: str, known: str) -> Page | None:
        headers = {"Accept": ACCEPT, "Accept-Encoding": "gzip", **_REVALIDATE}
        if known:
            headers["If-None-Match"] = known
        try:
            with self._open(url, headers) as answer:
                text = index_transport.page_text(answer, self._page_seconds)
        except HTTPError as error:
            if error.code == 304:
                error.close()
                return Page(files=None, tag=known, lifetime=error.headers.get("Cache-Control", ""))
            if error.code in (404, 410):
                error.close()
                return None
            raise
        media = answer.headers.get_content_type()
        return Page(
            files=read_index_page(text, url=answer.url or url, media=media),
            tag=answer.headers.get("ETag", ""),
            lifetime=answer.headers.get("Cache-Control", ""),
        )

    def _file(self, url: str, headers: Mapping[str, str], method: str) -> http.client.HTTPResponse:
        try:
            return self._open(url, headers, method)
        except HTTPError as error:
            if error.code in (304, 404, 410, 416):
                return error  # type: ignore[return-value]  # it is an answer as well
            raise

    def _part(self, url: str, wanted: str, most: int) -> tuple[int, bytes, int]:
        with self._open(url, {"Accept": "*/*", "Range": wanted}) as answer:
            start, size = index_transport.content_range(answer)
            data = b"".join(index_transport.chunks(answer, most=most))
        return start, data, size or len(data)

    def _written(self, url: str, file: BinaryIO) -> None:
        file.seek(0)
        file.truncate()
        with self._open(url, {"Accept": "*/*"}) as answer:
            for chunk in index_transport.chunks(answer):
                try:
                    file.write(chunk)
                except OSError as error:  # a full disk, not the index
                    raise refused(error, Path(file.name), "written") from error

    def _hashed(self, url: str) -> Digest:
        seen, size = hashlib.sha256(), 0
        with self._open(url, {"Accept": "*/*", **_REVALIDATE}) as answer:
            for chunk in index_transport.chunks(answer):
                seen.update(chunk)
                size += len(chunk)
        return Digest(sha256=seen.hexdigest(), size=size)

    def _open(
        self, url: str, headers: Mapping[str, str], method: str = "GET"
    ) -> http.client.HTTPResponse:
        known = {"User-Agent": "envctl", **headers}
        request = Request(url, headers=known, method=method)  # noqa: S310  # _persistently has seen the scheme
        answer: http.client.HTTPResponse = self._opener.open(request, timeout=self._silence)
        return answer

    def _persistently(self, fetch: Callable[[], _T], url: str) -> _T:
        """Fetch, and try again where that may help."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise IndexFailure(
                "only addresses with http:// or https:// can be read",
                where=url,
                hint='use `resolver = "uv"`, or serve the folder over HTTP',
            )
        pauses = iter(self._pauses)
        while True:
            try:
                return fetch()
            except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
                if isinstance(error, HTTPError):
                    error.close()  # it holds the connection
                pause = next(pauses, None)
                if pause is None or not index_transport.may_pass(error):
                    logged_in = self.logins.known(url) is not None
                    raise index_transport.failure(error, url, logged_in=logged_in) from error
                time.sleep(pause)


def _together(fetch: Callable[[_K], _T], keys: Iterable[_K]) -> list[_T]:
    """Do it for each key in a few threads; at the first failure the rest is not begun."""
    pool = ThreadPoolExecutor(max_workers=_THREADS)
    patient = True
    try:
        return list(pool.map(fetch, keys))
    except KeyboardInterrupt:
        patient = False  # whoever presses Ctrl-C does not wait for a slow index
        raise
    finally:
        pool.shutdown(wait=patient, cancel_futures=True)
