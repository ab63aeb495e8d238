import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from envctl.adapters.index.client import IndexClient
from envctl.errors import IndexFailure
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel

DEMO = Wheel("demo", "1.0", requires_python=">=3.9")
PAGE = '<a href="demo-1.0-py3-none-any.whl#sha256={}">x</a>'.format("ab" * 32).encode()
HTML = {"Content-Type": "text/html; charset=utf-8"}
Serve = Callable[[Mapping[str, str], bytes], str]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve one answer for every address; returns an index's address."""
    servers: list[ThreadingHTTPServer] = []

    def start(headers: Mapping[str, str], body: bytes) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302 if "Location" in headers else 200)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/simple"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("mode", ["html", "json"])
def test_both_kinds_of_page_tell_the_same_files(mode: str) -> None:
    with LocalIndex(mode) as index:  # type: ignore[arg-type]
        index.add(DEMO)
        index.add_sdist(DEMO)
        files = IndexClient({}).project(f"{index.url}/", "demo") or ()
        known = {file.filename: file for file in index.files("demo")}
        assert {file.name for file in files} == set(known)
        for file in files:
            assert file.hashes == {"sha256": known[file.name].sha256}
            assert file.url == index.origin + known[file.name].path
            assert file.requires_python == ">=3.9"
            assert file.size == (known[file.name].size if mode == "json" else None)
            assert (file.upload_time is not None) == (mode == "json")


def test_a_project_that_is_not_there_is_a_value() -> None:
    with LocalIndex("json") as index:
        index.add(DEMO)
        found = IndexClient({}).projects([(index.url, "demo"), (index.url, "absent")])
        assert len(found[index.url, "demo"] or ()) == 1
        assert found[index.url, "absent"] is None


def test_a_file_is_hashed() -> None:
    with LocalIndex("html", hashes=False) as index:
        index.add(DEMO)
        client = IndexClient({})
        (file,) = client.project(index.url, "demo") or ()
        assert file.hashes == {}
        assert client.digests([file.url])[file.url].sha256 == index.files("demo")[0].sha256


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("down", "hung up without an answer"),
        ("login-page", "most likely a login"),
        ("500", "answered 500"),
    ],
)
def test_each_fault_is_named(fault: str, message: str) -> None:
    with LocalIndex("html") as index:
        index.add(DEMO)
        index.fault = fault  # type: ignore[assignment]
        with pytest.raises(IndexFailure, match=message) as caught:
            IndexClient({}).project(index.url, "demo")
        assert caught.value.where == f"{index.url}/demo/"
        assert caught.value.hint


def test_what_may_pass_is_tried_again() -> None:
    with LocalIndex("html") as index:
        index.add(DEMO)
        index.fault = "500"
        threading.Timer(0.1, lambda: setattr(index, "fault", None)).start()
        assert IndexClient({}).project(index.url, "demo")
        assert [exchange.status for exchange in index.exchanges] == [500, 200]


def test_a_file_that_is_cut_off_is_not_hashed() -> None:
    with LocalIndex("html") as index:
        index.add(DEMO)
        (file,) = IndexClient({}).project(index.url, "demo") or ()
        index.fault = "truncate"
        with pytest.raises(IndexFailure, match="cut off"):
            IndexClient({}).digest(file.url)


def test_silence_has_a_limit() -> None:
    with LocalIndex("html") as index:
        index.fault, index.delay = "slow", 5.0
        with pytest.raises(IndexFailure, match="too long"):
            IndexClient({"PIP_TIMEOUT": "0.1"}).project(index.url, "demo")


def test_an_index_that_wants_a_login_says_so() -> None:
    with LocalIndex("html", auth=("me", "secret")) as index:
        index.add(DEMO)
        with pytest.raises(IndexFailure, match="asks for a login"):
            IndexClient({}).project(index.url, "demo")


def test_nobody_there() -> None:
    with LocalIndex("html") as index:
        url = index.url
    with pytest.raises(IndexFailure, match="refused") as caught:
        IndexClient({}).project(url, "demo")
    assert "proxy" in (caught.value.hint or "")


def test_only_http_is_read() -> None:
    with pytest.raises(IndexFailure, match="only addresses with http"):
        IndexClient({}).project("file:///srv/simple", "demo")


def test_a_packed_page_is_unpacked(serve: Serve) -> None:
    index = serve(HTML | {"Content-Encoding": "gzip"}, gzip.compress(PAGE, mtime=0))
    assert IndexClient({}).project(index, "demo")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (HTML | {"Content-Length": "9999"}, PAGE),
        (HTML | {"Content-Encoding": "gzip"}, gzip.compress(PAGE, mtime=0)[:-20]),
        (HTML | {"Content-Encoding": "gzip"}, PAGE),
        (HTML, PAGE[:-30]),
    ],
)
def test_a_page_that_is_cut_off_is_refused(
    serve: Serve, headers: Mapping[str, str], body: bytes
) -> None:
    with pytest.raises(IndexFailure, match="cut off"):
        IndexClient({}).project(serve(headers, body), "demo")


def test_a_redirect_moves_what_links_are_relative_to(serve: Serve) -> None:
    elsewhere = serve(HTML, PAGE)
    index = serve({"Location": f"{elsewhere}/moved/"}, b"")
    (file,) = IndexClient({}).project(index, "demo") or ()
    assert file.url == f"{elsewhere}/moved/demo-1.0-py3-none-any.whl"


def test_a_ca_bundle_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "absent.pem"):
        with pytest.raises(IndexFailure, match="CA bundle") as caught:
            IndexClient({"SSL_CERT_FILE": str(tmp_path / name)})
        assert caught.value.where == "SSL_CERT_FILE"


def test_the_proxy_of_pip_is_used(serve: Serve) -> None:
    proxy = serve(HTML, PAGE).removesuffix("/simple")
    client = IndexClient({"PIP_PROXY": proxy})
    (file,) = client.project("http://index.invalid/simple", "demo") or ()
    assert file.url.startswith("http://index.invalid/")
    assert hashlib.sha256(PAGE).digest() == bytes.fromhex(
        client.digest("http://index.invalid/file").sha256
    )
