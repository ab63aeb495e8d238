"""A package index on 127.0.0.1 for tests and benchmarks.

`mode="html"` is the poorest index that people really have: PEP 503 pages and
nothing else.  `mode="json"` is a good one: PEP 691 by content negotiation with
PEP 700 fields, PEP 658/714 metadata files, entity tags and cache lifetimes.

    with LocalIndex(mode="json") as index:
        index.add(Wheel("demo", "1.0"))
        subprocess.run(["uv", "pip", "install", "--index-url", index.url, "demo"])
        index.fault = "wrong-hash"

On its own: `python -m tests.index.server --folder DIR --mode json`.
"""

from __future__ import annotations

import argparse
import hashlib
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.index import answers, pages, wheels
from tests.index.answers import Answer, Request
from tests.index.catalogue import UPLOADED, Catalogue, from_disk
from tests.index.pages import IndexedFile
from tests.index.wheels import Wheel

Mode = Literal["html", "json"]
Fault = Literal["down", "slow", "truncate", "wrong-hash", "login-page", "500", "404"]

#: Faults that answer without looking at what was asked for.
_REFUSALS = {
    "down": answers.UNANSWERED,
    "login-page": answers.LOGIN_PAGE,
    "500": answers.BROKEN,
    "404": answers.NOT_FOUND,
}
_FILE_LIFETIME = "max-age=365000000, immutable"
_POLL = 0.02  # seconds that closing an index may take


class Exchange(NamedTuple):
    """One request and the status of its answer; 0 is a connection closed unanswered."""

    method: str
    path: str
    status: int


class LocalIndex:
    """A package index in this process, from `with` to the end of its block.

    `fault` breaks it, for requests whose path starts with `fault_paths` ("/files/"
    spares the pages, "/simple/" the files); "slow" waits `delay` seconds.

    `max_age` is the lifetime of pages in json mode: a client that saw a page may
    not ask again for so long, not even after `add`.  `ranges=False` and
    `hashes=False` make an index poorer still.
    """

    def __init__(
        self,
        mode: Mode = "html",
        *,
        auth: tuple[str, str] | None = None,
        port: int = 0,
        max_age: int = 600,
        ranges: bool = True,
        hashes: bool = True,
    ) -> None:
        self.mode = mode
        self.auth = auth
        self.max_age = max_age
        self.ranges = ranges
        self.hashes = hashes
        self.fault: Fault | None = None
        self.fault_paths = "/"
        self.delay = 1.0
        self._catalogue = Catalogue()
        self._exchanges: list[Exchange] = []
        self._closing = threading.Event()
        self._server = _Server(port, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="local-index", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving: from now on connections are refused."""
        self._closing.set()
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()

    # Where it is

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """What to give as `--index-url`."""
        return f"{self.origin}/simple"

    @property
    def url_with_login(self) -> str:
        """`url` with user and password in it, where the index has `auth`."""
        if self.auth is None:
            return self.url
        user, password = (quote(part, safe="") for part in self.auth)
        return self.url.replace("://", f"://{user}:{password}@", 1)

    # What it holds

    def add(self, *made: Wheel, uploaded: datetime = UPLOADED) -> None:
        """Serve these wheels; one with a known file name replaces the old one."""
        for wheel in made:
            filename, data = wheels.build(wheel)
            self._put(wheel, filename, data, wheels.metadata(wheel), uploaded)

    def add_sdist(
        self, *made: Wheel, static_metadata: bool = True, uploaded: datetime = UPLOADED
    ) -> None:
        """Serve an sdist of each, beside its wheel where that was added too."""
        for wheel in made:
            filename, data = wheels.sdist(wheel, static_metadata=static_metadata)
            self._put(wheel, filename, data, None, uploaded)

    def _put(
        self, wheel: Wheel, filename: str, data: bytes, metadata: bytes | None, uploaded: datetime
    ) -> None:
        self._catalogue.put(
            IndexedFile(
                project=wheel.project,
                version=str(Version(wheel.version)),
                filename=filename,
                content=data,
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                requires_python=wheel.requires_python,
                metadata=metadata,
                uploaded=uploaded,
            )
        )

    def serve_folder(self, folder: Path) -> None:
        """Serve the wheels and sdists that lie in `folder`, each hashed once, now."""
        paths = sorted([*folder.glob("*.whl"), *folder.glob("*.tar.gz")])
        with ThreadPoolExecutor() as pool:
            for file in pool.map(from_disk, paths):
                self._catalogue.put(file)

    def remove(self, name: str, version: str | None = None) -> None:
        """Stop serving a version, or the whole project."""
        self._catalogue.remove(canonicalize_name(name), version)

    def yank(self, name: str, version: str, reason: str = "") -> None:
        """Mark every file of a version as yanked (PEP 592)."""
        self._catalogue.yank(canonicalize_name(name), version, reason)

    def files(self, name: str) -> tuple[IndexedFile, ...]:
        """Return the files of a project, oldest version first."""
        return self._catalogue.files(canonicalize_name(name))

    # What was asked of it (append and copy of a list are atomic: no lock)

    @property
    def exchanges(self) -> list[Exchange]:
        """Every request so far with its answer's status."""
        return self._exchanges.copy()

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path of every request so far."""
        return [(exchange.method, exchange.path) for exchange in self.exchanges]

    @property
    def downloads(self) -> list[str]:
        """Names of the wheels and sdists handed out so far, in whole or in part."""
        return [
            unquote(path.rpartition("/")[2])
            for method, path, status in self.exchanges
            if method == "GET"
            and path.startswith("/files/")
            and status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT)
            and not path.endswith(".metadata")
        ]

    def forget_requests(self) -> None:
        """Empty the log."""
        self._exchanges.clear()

    # Answering

    def answer(self, request: Request) -> Answer:
        """Answer a request and log it, before the client can know the answer."""
        answer = self._answer(request)
        self._exchanges.append(Exchange(request.method, request.path, int(answer.status)))
        return answer

    def _answer(self, request: Request) -> Answer:
        fault = self.fault if request.path.startswith(self.fault_paths) else None
        if fault in _REFUSALS:
            return _REFUSALS[fault]
        if fault == "slow":
            self._closing.wait(self.delay)
        if self.auth is not None and not answers.has_login(request, *self.auth):
            return answers.UNAUTHORIZED
        return self._route(request, fault)

    def _route(self, request: Request, fault: Fault | None) -> Answer:
        match [unquote(part) for part in request.path.split("/")]:
            case ["", "simple"] | ["", "simple", _] if not request.path.endswith("/"):
                return answers.moved(f"{request.path}/")
            case ["", "simple", ""]:
                media = self._media(request)
                return self._page(
                    pages.root_page(self._catalogue.projects(), media), media, request
                )
            case ["", "simple", name, ""]:
                return self._project(name, request)
            case ["", "files", digest, filename]:
                return self._file(digest, filename, request, fault)
            case ["", name, "json"] if self.mode == "json":
                return self._releases(name, request)
        return answers.NOT_FOUND

    def _project(self, name: str, request: Request) -> Answer:
        project = canonicalize_name(name)
        if project != name:
            return answers.moved(f"/simple/{project}/")
        media = self._media(request)
        body = self._catalogue.page(project, media, self._style)
        return answers.NOT_FOUND if body is None else self._page(body, media, request)

    def _releases(self, name: str, request: Request) -> Answer:
        files = self.files(name)
        if not files:
            return answers.NOT_FOUND
        return self._page(pages.releases(files, self._style), "application/json", request)

    @property
    def _style(self) -> pages.Style:
        return pages.Style(self.origin, rich=self.mode == "json", hashes=self.hashes)

    def _media(self, request: Request) -> str:
        if self.mode == "html":
            return pages.HTML
        return answers.negotiated(request, (pages.JSON, pages.HTML_V1, pages.HTML), pages.HTML)

    def _page(self, body: bytes, media: str, request: Request) -> Answer:
        answer = Answer(HTTPStatus.OK, {"Content-Type": media}, body)
        if self.mode == "html":
            return answer
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        lifetime = {"ETag": tag, "Cache-Control": f"max-age={self.max_age}", "Vary": "Accept"}
        answer = replace(answer, headers={**answer.headers, **lifetime})
        return answers.unless_known(answer, tag, request)

    def _file(self, digest: str, name: str, request: Request, fault: Fault | None) -> Answer:
        file = self._catalogue.at(digest, name.removesuffix(".metadata"))
        if file is None:
            return answers.NOT_FOUND
        if name.endswith(".metadata"):
            if self.mode == "html" or file.metadata is None:
                return answers.NOT_FOUND
            return self._immutable(file.metadata, f'"{file.sha256}-metadata"', request)
        content = _forged(file) if fault == "wrong-hash" else file.content
        answer = self._immutable(content, f'"{file.sha256}"', request)
        return replace(answer, cut=fault == "truncate")

    def _immutable(self, content: bytes | Path, tag: str, request: Request) -> Answer:
        headers = {"Content-Type": "application/octet-stream"}
        if self.ranges:
            headers["Accept-Ranges"] = "bytes"
        if self.mode == "json":
            headers |= {"ETag": tag, "Cache-Control": _FILE_LIFETIME}
            answer = answers.unless_known(Answer(HTTPStatus.OK, headers, content), tag, request)
        else:
            answer = Answer(HTTPStatus.OK, headers, content)
        if self.ranges and answer.status == HTTPStatus.OK:
            return answers.ranged(answer, tag, request)
        return answer


def _forged(file: IndexedFile) -> bytes:
    """Change one bit of a timestamp: same size, still an archive, another hash."""
    content = file.content
    data = bytearray(content if isinstance(content, bytes) else content.read_bytes())
    data[4 if file.filename.endswith(".gz") else 10] ^= 1
    return bytes(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, index: LocalIndex) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.index = index
        self._open: set[socket.socket] = set()

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        assert isinstance(request, socket.socket)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        assert isinstance(request, socket.socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End kept connections, which would be served on after the listener is gone."""
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # its thread was quicker

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        # Clients may leave at any moment; any other error is ours and must be seen.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one packet, at once: otherwise each answer on a kept
    # connection waits for the client's delayed acknowledgement.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the index has a log of its own."""

    def _serve(self) -> None:
        assert isinstance(self.server, _Server)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command or "", urlsplit(self.path).path, headers)
        answer = self.server.index.answer(request)
        if answer.status == answers.UNANSWERED.status:
            self.close_connection = True
        else:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        has_body = answer.status != HTTPStatus.NOT_MODIFIED
        if has_body:
            self.send_header("Content-Length", str(answer.size))
        self.end_headers()
        if has_body and self.command != "HEAD":
            self._send_body(answer)

    def _send_body(self, answer: Answer) -> None:
        count = answer.size
        if answer.cut:
            # The length promised is the whole one, as when a connection breaks.
            count //= 2
            self.close_connection = True
        if isinstance(answer.body, bytes):
            self.wfile.write(answer.body[answer.start : answer.start + count])
        elif count:
            self.wfile.flush()
            with answer.body.open("rb") as file:
                self.connection.sendfile(file, answer.start, count)


def main(arguments: list[str] | None = None) -> None:
    """Serve folders until interrupted; the address is the first line on stdout."""
    parser = argparse.ArgumentParser(prog="python -m tests.index.server", description=main.__doc__)
    parser.add_argument("--folder", type=Path, action="append", required=True)
    parser.add_argument("--mode", choices=["html", "json"], default="json")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args(arguments)
    with LocalIndex(options.mode, port=options.port) as index:
        for folder in options.folder:
            index.serve_folder(folder)
        if options.delay:
            index.fault, index.delay = "slow", options.delay
        print(index.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
