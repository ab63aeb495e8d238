"""What the index says over HTTP, in each mode and under each fault."""

import base64
import hashlib
import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from tests.index.pages import HTML, HTML_V1, JSON
from tests.index.server import Fault, LocalIndex, Mode
from tests.index.wheels import Wheel, build, metadata, sdist, write

DEMO = Wheel("Zz.Demo", "1.0", requires_python=">=3.9", requires=["zz-base"])
PAGE = "/simple/zz-demo/"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    index: LocalIndex, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> Reply:
    connection = http.client.HTTPConnection(urlsplit(index.url).netloc, timeout=20)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        response = connection.getresponse()
        lowered = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, lowered, response.read())
    finally:
        connection.close()


class Links(HTMLParser):
    """The links of an HTML page, as any client would read them."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def links(index: LocalIndex, path: str = PAGE) -> list[dict[str, str | None]]:
    return Links(ask(index, path).body).found


def detail(index: LocalIndex, path: str = PAGE) -> dict[str, Any]:
    reply = ask(index, path, {"Accept": JSON})
    assert reply.headers["content-type"] == JSON
    page = json.loads(reply.body)
    assert isinstance(page, dict)
    return page


def file_path(index: LocalIndex, name: str = "zz-demo") -> str:
    return index.files(name)[0].path


@pytest.fixture(params=["html", "json"])
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


@pytest.fixture
def index(mode: Mode) -> Iterator[LocalIndex]:
    with LocalIndex(mode) as running:
        running.add(DEMO)
        yield running


@pytest.fixture
def poor() -> Iterator[LocalIndex]:
    with LocalIndex("html") as running:
        running.add(DEMO)
        yield running


@pytest.fixture
def good() -> Iterator[LocalIndex]:
    with LocalIndex("json") as running:
        running.add(DEMO)
        yield running


class TestPoorPages:
    def test_link_tells_name_hash_and_python_and_no_more(self, poor: LocalIndex) -> None:
        (link,) = links(poor)
        assert link.keys() == {"href", "data-requires-python"}
        assert link["data-requires-python"] == ">=3.9"
        address, _, fragment = str(link["href"]).partition("#")
        data = ask(poor, urljoin(PAGE, address)).body
        assert data == build(DEMO)[1]
        assert fragment == f"sha256={hashlib.sha256(data).hexdigest()}"

    def test_wish_for_json_is_ignored(self, poor: LocalIndex) -> None:
        reply = ask(poor, PAGE, {"Accept": JSON})
        assert reply.headers["content-type"] == HTML

    @pytest.mark.parametrize("what", ["page", "file"])
    def test_nothing_helps_a_cache(self, poor: LocalIndex, what: str) -> None:
        reply = ask(poor, PAGE if what == "page" else file_path(poor))
        assert not {"etag", "cache-control", "last-modified"} & reply.headers.keys()

    def test_there_is_no_metadata_file(self, poor: LocalIndex) -> None:
        assert ask(poor, f"{file_path(poor)}.metadata").status == 404

    def test_there_is_no_older_json(self, poor: LocalIndex) -> None:
        assert ask(poor, "/zz-demo/json").status == 404

    def test_it_can_be_poorer_still(self) -> None:
        with LocalIndex("html", ranges=False, hashes=False) as bare:
            bare.add(DEMO)
            (link,) = links(bare)
            assert "#" not in str(link["href"])
            reply = ask(bare, file_path(bare), {"Range": "bytes=0-3"})
            assert (reply.status, len(reply.body)) == (200, len(build(DEMO)[1]))
            assert "accept-ranges" not in reply.headers


class TestGoodPages:
    def test_file_is_described(self, good: LocalIndex) -> None:
        filename, data = build(DEMO)
        digest = hashlib.sha256(data).hexdigest()
        assert detail(good) == {
            "meta": {"api-version": "1.1"},
            "name": "zz-demo",
            "versions": ["1.0"],
            "files": [
                {
                    "filename": filename,
                    "url": f"{good.origin}/files/{digest[:16]}/{filename}",
                    "hashes": {"sha256": digest},
                    "size": len(data),
                    "upload-time": "2024-01-01T00:00:00.000000Z",
                    "yanked": False,
                    "requires-python": ">=3.9",
                    "core-metadata": {"sha256": hashlib.sha256(metadata(DEMO)).hexdigest()},
                }
            ],
        }

    def test_metadata_lies_beside_the_wheel(self, good: LocalIndex) -> None:
        assert ask(good, f"{file_path(good)}.metadata").body == metadata(DEMO)
        digest = hashlib.sha256(metadata(DEMO)).hexdigest()
        assert links(good)[0]["data-core-metadata"] == f"sha256={digest}"

    def test_sdist_has_no_metadata_file(self, good: LocalIndex) -> None:
        good.remove("zz-demo")
        good.add_sdist(DEMO)
        (file,) = detail(good)["files"]
        assert file["filename"] == "zz_demo-1.0.tar.gz"
        assert "core-metadata" not in file
        assert ask(good, f"{file_path(good)}.metadata").status == 404

    def test_upload_time_can_be_chosen(self, good: LocalIndex) -> None:
        good.add(DEMO, uploaded=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC))
        assert detail(good)["files"][0]["upload-time"] == "2026-05-04T03:02:01.000000Z"

    @pytest.mark.parametrize(
        ("accept", "media"),
        [
            ("", HTML),
            ("*/*", HTML),
            ("text/html", HTML),
            (f"{HTML};q=0.5, {JSON};q=0.1", HTML),
            (f"{JSON}, {HTML_V1};q=0.2, {HTML};q=0.01", JSON),
            (f"{HTML_V1}, {HTML};q=0.01", HTML_V1),
            ("image/png", HTML),
        ],
    )
    def test_form_is_the_one_asked_for(self, good: LocalIndex, accept: str, media: str) -> None:
        reply = ask(good, PAGE, {"Accept": accept})
        assert (reply.headers["content-type"], reply.headers["vary"]) == (media, "Accept")

    def test_page_known_is_not_sent_again(self, good: LocalIndex) -> None:
        first = ask(good, PAGE, {"Accept": JSON})
        assert first.headers["cache-control"] == "max-age=600"
        known = {"Accept": JSON, "If-None-Match": first.headers["etag"]}
        again = ask(good, PAGE, known)
        assert (again.status, again.body) == (304, b"")
        good.add(Wheel("zz-demo", "2.0"))
        assert ask(good, PAGE, known).status == 200

    def test_file_is_immutable(self, good: LocalIndex) -> None:
        first = ask(good, file_path(good))
        assert first.headers["cache-control"].endswith("immutable")
        again = ask(good, file_path(good), {"If-None-Match": first.headers["etag"]})
        assert (again.status, again.body) == (304, b"")

    def test_older_json_tells_the_hashes(self, good: LocalIndex) -> None:
        good.add_sdist(DEMO)
        releases = json.loads(ask(good, "/zz-demo/json").body)["releases"]
        assert [file["packagetype"] for file in releases["1.0"]] == ["bdist_wheel", "sdist"]
        digest = hashlib.sha256(sdist(DEMO)[1]).hexdigest()
        assert releases["1.0"][1]["digests"] == {"sha256": digest}
        assert ask(good, "/zz-none/json").status == 404


class TestBothModes:
    def test_root_lists_the_projects(self, index: LocalIndex) -> None:
        index.add(Wheel("zz-base", "1"))
        assert [link["href"] for link in links(index, "/simple/")] == ["zz-base/", "zz-demo/"]

    def test_root_in_json(self, good: LocalIndex) -> None:
        assert detail(good, "/simple/")["projects"] == [{"name": "zz-demo"}]

    @pytest.mark.parametrize("path", ["/simple/zz-demo", "/simple/Zz.Demo/"])
    def test_other_spellings_lead_to_the_page(self, index: LocalIndex, path: str) -> None:
        reply = ask(index, path)
        assert (reply.status, reply.headers["location"]) == (301, PAGE)

    @pytest.mark.parametrize(
        "path", ["/", "/simple/zz-none/", "/files/0000/zz_demo-1.0-py3-none-any.whl", "/a/b/c"]
    )
    def test_anything_else_is_not_there(self, index: LocalIndex, path: str) -> None:
        assert ask(index, path).status == 404

    def test_versions_are_in_order(self, index: LocalIndex) -> None:
        index.add(Wheel("zz-demo", "10.0"), Wheel("zz-demo", "9.0"))
        assert [file.version for file in index.files("Zz.Demo")] == ["1.0", "9.0", "10.0"]

    def test_local_version_is_quoted_in_addresses(self, index: LocalIndex) -> None:
        index.add(Wheel("zz-torch", "2.14.0+cu126"))
        path = file_path(index, "zz-torch")
        assert path.endswith("/zz_torch-2.14.0%2Bcu126-py3-none-any.whl")
        assert ask(index, path).status == 200
        assert ask(index, path.replace("%2B", "+")).status == 200
        assert index.downloads == ["zz_torch-2.14.0+cu126-py3-none-any.whl"] * 2

    def test_removed_version_is_gone(self, index: LocalIndex) -> None:
        path = file_path(index)
        index.add(Wheel("zz-demo", "2.0"))
        index.remove("zz.demo", "1")
        assert [file.version for file in index.files("zz-demo")] == ["2.0"]
        assert ask(index, path).status == 404
        index.remove("zz-demo")
        assert ask(index, PAGE).status == 404

    @pytest.mark.parametrize("version", ["7", None])
    def test_what_is_not_there_cannot_be_removed(
        self, index: LocalIndex, version: str | None
    ) -> None:
        with pytest.raises(KeyError):
            index.remove("zz-demo" if version else "zz-none", version)

    def test_replaced_file_gets_another_address(self, index: LocalIndex) -> None:
        old = file_path(index)
        index.add(Wheel("zz-demo", "1.0", files={"zz_demo.py": "other = 1\n"}))
        assert len(links(index)) == 1
        assert file_path(index) != old
        assert ask(index, old).status == 404

    def test_yanked_version_says_so(self, index: LocalIndex) -> None:
        index.yank("zz-demo", "1.0", "broken <b>")
        assert links(index)[0]["data-yanked"] == "broken <b>"

    @pytest.mark.parametrize(("reason", "value"), [("", True), ("broken", "broken")])
    def test_yanked_in_json(self, good: LocalIndex, reason: str, value: object) -> None:
        good.yank("zz-demo", "1.0", reason)
        assert detail(good)["files"][0]["yanked"] == value

    @pytest.mark.parametrize(
        ("wanted", "start", "end"),
        [("0-3", 0, 3), ("5-", 5, None), ("-7", -7, None), ("2-999999", 2, None)],
    )
    def test_part_of_a_file(
        self, index: LocalIndex, wanted: str, start: int, end: int | None
    ) -> None:
        data = build(DEMO)[1]
        reply = ask(index, file_path(index), {"Range": f"bytes={wanted}"})
        part = data[start:] if end is None else data[start : end + 1]
        first = data.index(part)
        assert (reply.status, reply.body) == (206, part)
        said = f"bytes {first}-{first + len(part) - 1}/{len(data)}"
        assert reply.headers["content-range"] == said

    def test_part_beyond_the_end(self, index: LocalIndex) -> None:
        reply = ask(index, file_path(index), {"Range": "bytes=999999-"})
        assert reply.status == 416
        assert reply.headers["content-range"] == f"bytes */{len(build(DEMO)[1])}"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Range": "bytes=0-1,3-4"},
            {"Range": "bytes=-"},
            {"Range": "lines=0-1"},
            {"Range": "bytes=0-1", "If-Range": '"another"'},
        ],
    )
    def test_part_that_cannot_be_given_is_the_whole(
        self, index: LocalIndex, headers: dict[str, str]
    ) -> None:
        assert ask(index, file_path(index), headers).status == 200

    def test_head_tells_the_size_only(self, index: LocalIndex) -> None:
        reply = ask(index, file_path(index), method="HEAD")
        assert (reply.headers["content-length"], reply.body) == (str(len(build(DEMO)[1])), b"")

    def test_requests_are_logged_and_forgotten(self, index: LocalIndex) -> None:
        ask(index, f"{PAGE}?a=b")
        ask(index, "/none", method="HEAD")
        assert index.requests == [("GET", PAGE), ("HEAD", "/none")]
        assert index.exchanges == [("GET", PAGE, 200), ("HEAD", "/none", 404)]
        index.forget_requests()
        assert index.requests == []

    def test_many_clients_at_once(self, index: LocalIndex) -> None:
        path = file_path(index)
        with ThreadPoolExecutor(16) as pool:
            replies = list(pool.map(lambda _: ask(index, path), range(200)))
        assert {reply.body for reply in replies} == {build(DEMO)[1]}
        assert len(index.requests) == 200

    def test_connection_is_kept(self, index: LocalIndex) -> None:
        connection = http.client.HTTPConnection(urlsplit(index.url).netloc, timeout=20)
        try:
            for _ in range(3):
                connection.request("GET", PAGE)
                assert connection.sock is not None
                own = connection.sock.getsockname()
                connection.getresponse().read()
                assert connection.sock is not None
                assert connection.sock.getsockname() == own
        finally:
            connection.close()


class TestLogin:
    @pytest.fixture
    def index(self, mode: Mode) -> Iterator[LocalIndex]:
        with LocalIndex(mode, auth=("me", "p@ss:word")) as running:
            running.add(DEMO)
            yield running

    @pytest.mark.parametrize("login", [None, "me:wrong", "p@ss:word"])
    def test_stranger_is_asked_who_he_is(self, index: LocalIndex, login: str | None) -> None:
        headers = {} if login is None else {"Authorization": basic(login)}
        reply = ask(index, PAGE, headers)
        assert reply.status == 401
        assert reply.headers["www-authenticate"].startswith("Basic ")

    def test_login_opens(self, index: LocalIndex) -> None:
        headers = {"Authorization": basic("me:p@ss:word")}
        assert ask(index, file_path(index), headers).status == 200

    def test_login_is_quoted_in_the_address(self, index: LocalIndex) -> None:
        assert urlsplit(index.url_with_login).netloc.startswith("me:p%40ss%3Aword@127.0.0.1:")

    def test_address_without_login(self, poor: LocalIndex) -> None:
        assert poor.url_with_login == poor.url


def basic(login: str) -> str:
    return f"Basic {base64.b64encode(login.encode()).decode()}"


class TestFaults:
    @pytest.mark.parametrize("path", [PAGE, "file"])
    def test_down_closes_the_connection(self, index: LocalIndex, path: str) -> None:
        index.fault = "down"
        with pytest.raises(http.client.RemoteDisconnected):
            ask(index, path.replace("file", file_path(index)))
        assert index.exchanges[-1].status == 0

    @pytest.mark.parametrize(("fault", "status"), [("500", 500), ("404", 404), ("login-page", 200)])
    def test_every_path_is_refused(self, index: LocalIndex, fault: Fault, status: int) -> None:
        index.fault = fault
        for path in (PAGE, file_path(index)):
            assert ask(index, path, {"Accept": JSON}).status == status

    def test_login_page_is_html_without_links(self, index: LocalIndex) -> None:
        index.fault = "login-page"
        reply = ask(index, PAGE, {"Accept": JSON})
        assert reply.headers["content-type"] == HTML
        assert Links(reply.body).found == []

    def test_slow_is_slow(self, index: LocalIndex) -> None:
        index.fault, index.delay = "slow", 0.2
        start = time.monotonic()
        assert ask(index, PAGE).status == 200
        assert time.monotonic() - start >= 0.2

    def test_closing_does_not_wait_for_the_slow(self, index: LocalIndex) -> None:
        index.fault, index.delay = "slow", 60
        with socket.create_connection(("127.0.0.1", urlsplit(index.url).port or 0)) as client:
            client.sendall(f"GET {PAGE} HTTP/1.1\r\nHost: index\r\n\r\n".encode())
            time.sleep(0.1)
            start = time.monotonic()
            index.close()
            client.settimeout(20)
            while client.recv(4096):
                pass
        assert time.monotonic() - start < 10

    def test_truncate_promises_all_and_sends_half(self, index: LocalIndex) -> None:
        index.fault = "truncate"
        with pytest.raises(http.client.IncompleteRead) as caught:
            ask(index, file_path(index))
        data = build(DEMO)[1]
        half = len(data) // 2
        assert (caught.value.partial, caught.value.expected) == (data[:half], len(data) - half)

    @pytest.mark.parametrize("source", [False, True], ids=["wheel", "sdist"])
    def test_wrong_hash_is_an_archive_of_the_same_size(
        self, index: LocalIndex, source: bool, tmp_path: Path
    ) -> None:
        index.remove("zz-demo")
        if source:
            index.add_sdist(DEMO)
        else:
            index.add(DEMO)
        index.fault = "wrong-hash"
        (file,) = index.files("zz-demo")
        data = ask(index, file.path).body
        assert len(data) == file.size
        assert hashlib.sha256(data).hexdigest() != file.sha256
        path = tmp_path / file.filename
        path.write_bytes(data)
        install = ["install", "--quiet", "--no-index", "--no-deps", "--no-cache-dir", "--isolated"]
        pip = [sys.executable, "-m", "pip", *install]
        subprocess.run([*pip, "--target", str(tmp_path / "to"), str(path)], check=True)

    def test_wrong_hash_spares_the_metadata(self, good: LocalIndex) -> None:
        good.fault = "wrong-hash"
        assert ask(good, f"{file_path(good)}.metadata").body == metadata(DEMO)

    def test_fault_can_be_kept_to_some_paths(self, index: LocalIndex) -> None:
        index.fault, index.fault_paths = "500", "/files/"
        assert ask(index, PAGE).status == 200
        assert ask(index, file_path(index)).status == 500

    def test_fault_can_be_mended(self, index: LocalIndex) -> None:
        index.fault = "500"
        ask(index, PAGE)
        index.fault = None
        assert ask(index, PAGE).status == 200


class TestClosing:
    def test_closed_index_refuses_connections(self, index: LocalIndex) -> None:
        index.close()
        with pytest.raises(ConnectionRefusedError):
            ask(index, PAGE)

    def test_kept_connection_ends_with_the_index(self, index: LocalIndex) -> None:
        connection = http.client.HTTPConnection(urlsplit(index.url).netloc, timeout=20)
        try:
            connection.request("GET", PAGE)
            connection.getresponse().read()
            index.close()
            assert connection.sock is not None
            assert connection.sock.recv(1) == b""
        finally:
            connection.close()

    def test_it_may_close_before_it_opened(self) -> None:
        LocalIndex().close()


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        write(DEMO, tmp_path)
        filename, data = sdist(Wheel("zz-base", "2.0"))
        (tmp_path / filename).write_bytes(data)
        (tmp_path / "README.txt").write_text("not a distribution")
        return tmp_path

    def test_files_are_served_as_if_made_here(self, mode: Mode, folder: Path) -> None:
        with LocalIndex(mode) as made, LocalIndex(mode) as lying:
            made.add(DEMO)
            lying.serve_folder(folder)
            assert links(lying) == links(made)
            (file,) = lying.files("zz-demo")
            assert (file.metadata, file.requires_python) == (metadata(DEMO), ">=3.9")
            assert ask(lying, file.path).body == build(DEMO)[1]
            part = ask(lying, file.path, {"Range": "bytes=10-19"})
            assert part.body == build(DEMO)[1][10:20]
            assert [link["href"] for link in links(lying, "/simple/")] == ["zz-base/", "zz-demo/"]

    @pytest.mark.parametrize("fault", ["truncate", "wrong-hash"])
    def test_files_can_be_broken(self, mode: Mode, folder: Path, fault: Fault) -> None:
        with LocalIndex(mode) as index:
            index.serve_folder(folder)
            index.fault = fault
            try:
                body = ask(index, file_path(index)).body
            except http.client.IncompleteRead as error:
                body = error.partial
            assert body != build(DEMO)[1]

    def test_wheel_without_metadata_is_refused(self, tmp_path: Path) -> None:
        # The end record of an empty zip file.
        (tmp_path / "zz_demo-1-py3-none-any.whl").write_bytes(b"PK\x05\x06" + bytes(18))
        index = LocalIndex()
        with pytest.raises(ValueError, match="METADATA"):
            index.serve_folder(tmp_path)
        index.close()

    def test_process_of_its_own(self, folder: Path, mode: Mode) -> None:
        command = [sys.executable, "-m", "tests.index.server", "--folder", str(folder)]
        with subprocess.Popen(
            [*command, "--mode", mode, "--delay", "0.01"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().strip()
                assert re.fullmatch(r"http://127\.0\.0\.1:\d+/simple", url)
                connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
                connection.request("GET", PAGE, headers={"Accept": JSON})
                media = connection.getresponse().headers["Content-Type"]
                connection.close()
            finally:
                process.terminate()
            assert process.communicate() == ("", "")
        assert media == (JSON if mode == "json" else HTML)
