"""What the gate answers: pages as PEP 691 has them, files as they come."""

import hmac
import http.client
import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from envctl.adapters.index import transport as index_transport
from envctl.adapters.index.gate import Door, Gate, packed, unpacked
from envctl.errors import EnvctlError, HashMismatchError, IndexFailure
from envctl.readers.index_page import JSON, IndexFile

# A refusal that no client takes for "not here, ask another one", and that none tries again.
_FAILED = HTTPStatus.FAILED_DEPENDENCY
_ASKED = ("Range", "If-Range", "If-None-Match", "If-Modified-Since", "Cache-Control", "Accept")
_TOLD = (
    *("Content-Type", "Content-Length", "Content-Range", "Accept-Ranges"),
    *("ETag", "Last-Modified", "Cache-Control"),
)


class GateServer(ThreadingHTTPServer):
    """Serves a gate at a port of 127.0.0.1 (0: any); raises ``OSError`` where that is taken."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, gate: Gate) -> None:
        super().__init__(("127.0.0.1", port), Answers)
        self.gate = gate
        gate.port = self.server_port

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: the child hung up, or gets no answer and says so itself."""


class Answers(BaseHTTPRequestHandler):
    """Answers one connection of the child's."""

    protocol_version = "HTTP/1.1"
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer without a body."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Say nothing."""

    def _answer(self) -> None:
        gate = cast("GateServer", self.server).gate
        shown = self.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(shown, gate.login.header().encode()):
            self._say(HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": 'Basic realm="envctl"'})
            return
        try:
            self._route(gate)
        except EnvctlError as failure:
            gate.failures.append(failure)
            gate.trace(failure, self.path)
            self._say(_FAILED)

    def _route(self, gate: Gate) -> None:
        _, path, *rest = urlsplit(self.path).path.split("/")
        door = gate.doors.get(path)
        match rest:
            case ["simple", name, ""] if door:
                self._page(gate, door, canonicalize_name(unquote(name)))
            case ["files", text, name] if door:
                suffix = ".metadata" if name.endswith(".metadata") else ""
                self._file(gate, unpacked(text) + suffix)
            case ["named", project, digest, name] if door:
                self._file(gate, _found(gate, door, project, digest, unquote(name)))
            case _:
                self._say(HTTPStatus.NOT_FOUND)

    def _page(self, gate: Gate, door: Door, name: str) -> None:
        known = unpacked(self.headers.get("If-None-Match", "").strip('"'))
        page = (
            gate.client.page(door.upstream, name, known) if gate.admits(door.index, name) else None
        )
        if page is None:
            self._say(HTTPStatus.NOT_FOUND)
            return
        told = {"Cache-Control": page.lifetime or "max-age=0"}
        if page.tag:
            told["ETag"] = f'"{packed(page.tag)}"'
        if page.files is None:
            self._say(HTTPStatus.NOT_MODIFIED, told)
            return
        entries = [_entry(file, gate.file_url(door, file.url, file.name)) for file in page.files]
        table = {"meta": {"api-version": "1.0"}, "name": name, "files": entries}
        body = json.dumps(table, separators=(",", ":")).encode()
        self._say(HTTPStatus.OK, {"Content-Type": JSON, **told}, body)

    def _file(self, gate: Gate, url: str) -> None:
        asked = {key: value for key in _ASKED if (value := self.headers.get(key))}
        with gate.client.file(url, asked, self.command) as answer:
            self.send_response(answer.status)
            for key in _TOLD:
                if value := answer.headers.get(key):
                    self.send_header(key, value)
            if answer.headers.get("Content-Length") is None:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command == "HEAD" or answer.status == HTTPStatus.NOT_MODIFIED:
                return
            try:
                for chunk in index_transport.chunks(answer):
                    self.wfile.write(chunk)
            except (OSError, http.client.HTTPException):
                self.close_connection = True  # cut off here as it was there: the child sees it

    def _say(
        self, status: HTTPStatus, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _found(gate: Gate, door: Door, project: str, digest: str, name: str) -> str:
    """Return the address that a project's page has for a file; raises for one that is not there, or another one."""
    host = urlsplit(door.upstream).netloc
    same = [f for f in gate.client.project(door.upstream, project) or () if f.name == name]
    for file in same:
        if digest in ("-", file.hashes.get("sha256", digest)):
            return file.url
    if same:
        raise HashMismatchError(
            f"the mirror at {host} has another `{name}` than the lock (its hash differs)",
            where=f"{door.upstream}/{project}/",
            hint="ask whoever runs the mirror",
        )
    raise IndexFailure(
        f"the mirror at {host} does not have `{name}`",
        where=f"{door.upstream}/{project}/",
        hint="ask whoever runs the mirror; without its line in .envctl/local.toml, "
        "the file comes from the index itself",
    )


def _entry(file: IndexFile, url: str) -> dict[str, Any]:
    time = file.upload_time and file.upload_time.isoformat().replace("+00:00", "Z")
    table = {
        "filename": file.name,
        "url": url,
        "hashes": dict(file.hashes),
        "size": file.size,
        "upload-time": time,
        "requires-python": file.requires_python,
        "yanked": file.yanked,
        "core-metadata": file.metadata,
    }
    return {key: value for key, value in table.items() if value is not None}
