"""The gate by itself: who gets an answer, and which."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

import pytest

from envctl.adapters.index.client import IndexClient
from envctl.adapters.index.gate import Gate
from envctl.adapters.index.logins import Logins
from envctl.adapters.index.server import opened
from envctl.domain.indexes.mirrors import Transport
from envctl.domain.manifest import Index
from envctl.errors import HashMismatchError, IndexFailure
from envctl.readers.index_page import read_index_page
from tests.index.server import LocalIndex
from tests.index.wheels import Wheel

LIB = Wheel("zz-made-lib", "1.0", requires_python=">=3.9")
LOGIN = ("me", "s3cret")
NAMED = {"UV_INDEX_PRIVATE_USERNAME": LOGIN[0], "UV_INDEX_PRIVATE_PASSWORD": LOGIN[1]}


@pytest.fixture
def team() -> Iterator[LocalIndex]:
    with LocalIndex("json") as index:
        index.add(LIB, Wheel("zz-made-priv-x", "99"))
        yield index


@pytest.fixture
def private() -> Iterator[LocalIndex]:
    with LocalIndex("json", auth=LOGIN) as index:
        index.add(Wheel("zz-made-priv-x", "1.0"), Wheel("zz-made-lib", "77"))
        yield index


@pytest.fixture
def gate(team: LocalIndex, private: LocalIndex) -> Iterator[Gate]:
    transport = Transport(
        indexes=(
            Index(name="team", url=team.url),
            Index(name="private", url=private.url, packages=("zz-made-priv-*",)),
        )
    )
    with opened(transport, IndexClient(NAMED, Logins(NAMED, transport))) as found:
        yield found


def get(
    gate: Gate, url: str, headers: Mapping[str, str] | None = None, *, method: str = "GET"
) -> tuple[HTTPResponse, bytes]:
    parts = urlsplit(url)
    with closing(HTTPConnection(parts.netloc, timeout=20)) as connection:
        shown = {"Authorization": gate.login.header(), **(headers or {})}
        connection.request(method, parts.path, headers=shown)
        answer = connection.getresponse()
        return answer, answer.read()


def entrances(gate: Gate) -> dict[str, str]:
    return {index.name: url for index, url in gate.entrances()}


def page(gate: Gate, index: str, name: str) -> tuple[int, list[str]]:
    url = f"{entrances(gate)[index]}/{name}/"
    answer, body = get(gate, url)
    if answer.status != 200:
        return answer.status, []
    media = answer.headers.get_content_type()
    return 200, [file.url for file in read_index_page(body.decode(), url=url, media=media)]


def test_each_index_answers_for_its_own(gate: Gate, team: LocalIndex, private: LocalIndex) -> None:
    assert page(gate, "team", "zz-made-priv-x") == (404, [])
    assert page(gate, "private", "zz-made-lib") == (404, [])
    assert page(gate, "team", "ZZ.made_PRIV-x") == (404, [])
    assert team.requests == private.requests == []
    assert page(gate, "team", "zz-made-lib")[0] == 200
    assert page(gate, "private", "zz-made-priv-x")[0] == 200
    assert page(gate, "team", "zz-made-none") == (404, [])


def test_a_file_is_fetched_here_only_if_it_needs_a_login(
    gate: Gate, team: LocalIndex, private: LocalIndex
) -> None:
    [there] = page(gate, "team", "zz-made-lib")[1]
    assert there == team.origin + team.files("zz-made-lib")[0].path
    [here] = page(gate, "private", "zz-made-priv-x")[1]
    [file] = private.files("zz-made-priv-x")
    assert here.startswith(gate.origin)
    assert gate.canonical(here) == private.origin + file.path
    assert get(gate, here)[1] == file.content
    answer, body = get(gate, here, {"Range": "bytes=0-3"})
    assert (answer.status, body) == (206, b"PK\x03\x04")
    assert answer.headers["Content-Range"] == f"bytes 0-3/{file.size}"
    answer, body = get(gate, here, method="HEAD")
    assert (answer.status, body, answer.headers["Content-Length"]) == (200, b"", str(file.size))
    assert get(gate, f"{here}.metadata")[1] == file.metadata
    assert gate.failures == []


@pytest.mark.parametrize("shown", ["", "Basic ZW52Y3RsOng=", "Bearer x", "Basic \xe4"])
def test_only_who_has_the_password_gets_an_answer(gate: Gate, team: LocalIndex, shown: str) -> None:
    url = f"{entrances(gate)['team']}/zz-made-lib/"
    assert get(gate, url, {"Authorization": shown})[0].status == 401
    assert team.requests == []


@pytest.mark.parametrize(
    "path",
    ["/", "/x/simple/zz-made-lib/", "/{door}/simple/", "/{door}/simple/zz-made-lib", "/{door}"],
)
def test_there_is_nothing_else(gate: Gate, team: LocalIndex, path: str) -> None:
    door = urlsplit(entrances(gate)["team"]).path.split("/")[1]
    assert get(gate, gate.origin + path.format(door=door))[0].status == 404
    assert team.requests == []


def test_a_page_that_did_not_change_is_not_sent_again(gate: Gate, team: LocalIndex) -> None:
    url = f"{entrances(gate)['team']}/zz-made-lib/"
    first, _ = get(gate, url)
    assert first.headers["Cache-Control"] == "max-age=600"
    again, body = get(gate, url, {"If-None-Match": first.headers["ETag"]})
    assert (again.status, body) == (304, b"")
    team.add(Wheel("zz-made-lib", "2.0"))
    changed, body = get(gate, url, {"If-None-Match": first.headers["ETag"]})
    assert changed.status == 200
    assert len(json.loads(body)["files"]) == 2


def test_what_goes_wrong_is_kept_and_no_client_looks_elsewhere(
    gate: Gate, private: LocalIndex
) -> None:
    private.fault = "down"
    assert page(gate, "private", "zz-made-priv-x") == (424, [])
    with pytest.raises(IndexFailure, match="hung up without an answer") as caught:
        gate.raise_failure()
    assert caught.value.where == f"{private.url}/zz-made-priv-x/"


def test_a_file_that_is_cut_off_is_cut_off_here(gate: Gate, private: LocalIndex) -> None:
    [here] = page(gate, "private", "zz-made-priv-x")[1]
    private.fault = "truncate"
    with pytest.raises(IncompleteRead):
        get(gate, here)


def test_the_same_indexes_have_the_same_addresses(team: LocalIndex, private: LocalIndex) -> None:
    """The tools' caches go by address; other claims or another mirror are another address."""

    def urls(packages: tuple[str, ...], mirrors: Mapping[str, str]) -> list[str]:
        indexes = (
            Index(name="team", url=team.url),
            Index(name="private", url=private.url, packages=packages),
        )
        transport = Transport(indexes=indexes, mirrors=mirrors)
        with opened(transport, IndexClient({})) as gate:
            return [url for _, url in gate.entrances()]

    first = urls(("zz-made-priv-*",), {})
    assert urls(("zz-made-priv-*",), {}) == first
    assert set(urls(("zz-made-*",), {})).isdisjoint(first)
    assert first[0] not in urls(("zz-made-priv-*",), {private.url: "https://m.example/simple"})


def test_a_port_that_is_taken_is_left(team: LocalIndex) -> None:
    transport = Transport(indexes=(Index(name="team", url=team.url),))
    with opened(transport, IndexClient({})) as one, opened(transport, IndexClient({})) as other:
        assert one.port != other.port
        assert page(one, "team", "zz-made-lib")[0] == 200
        assert page(other, "team", "zz-made-lib")[0] == 200
        port = one.port
    with closing(socket.socket()) as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0  # nothing is left behind


def test_what_a_tool_said_is_told_with_real_addresses(
    gate: Gate, team: LocalIndex, private: LocalIndex
) -> None:
    [here] = page(gate, "private", "zz-made-priv-x")[1]
    file = private.origin + private.files("zz-made-priv-x")[0].path
    url = entrances(gate)["team"]
    with_login = url.replace("://", "://envctl:****@")
    said = f"error: `{here}`: ({url}/zz-made-lib/), {with_login}/x/\n{url}."
    plain = f"error: `{file}`: ({team.url}/zz-made-lib/), {team.url}/x/\n{team.url}."
    assert gate.plain(said) == plain


def test_a_mirrors_file_is_found_by_its_name_and_hash(team: LocalIndex) -> None:
    index = Index(name="far", url="https://index.example/simple")
    transport = Transport(indexes=(index,), mirrors={index.url: team.url})
    with opened(transport, IndexClient({})) as gate:
        [file] = team.files("zz-made-lib")
        url = gate.named_url(index.url, "zz-made-lib", (file.filename, file.sha256))
        assert get(gate, url)[1] == file.content
        assert get(gate, gate.named_url(index.url, "zz-made-lib", (file.filename, "")))[1]
        other = gate.named_url(index.url, "zz-made-lib", (file.filename, "0" * 64))
        assert get(gate, other)[0].status == 424
        none = gate.named_url(index.url, "zz-made-lib", ("none-1-py3-none-any.whl", file.sha256))
        assert get(gate, none)[0].status == 424
        assert [type(each) for each in gate.failures] == [HashMismatchError, IndexFailure]
        assert team.origin.removeprefix("http://") in gate.failures[0].message


def test_a_redirect_to_another_host_gets_no_login(private: LocalIndex) -> None:
    """Artifact stores send their clients to signed addresses elsewhere."""
    seen: list[str | None] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Sends(Elsewhere):
        def do_GET(self) -> None:
            seen.append(self.headers.get("Authorization"))
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{elsewhere.server_port}/file")
            self.send_header("Content-Length", "0")
            self.end_headers()

    elsewhere, sends = HTTPServer(("127.0.0.1", 0), Elsewhere), HTTPServer(("127.0.0.1", 0), Sends)
    for server in (elsewhere, sends):
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{sends.server_port}/simple"
    transport = Transport(indexes=(Index(name="private", url=url),))
    client = IndexClient(NAMED, Logins(NAMED, transport))
    with client.file(f"{url}/x", {}, "GET") as answer:
        assert answer.read() == b"ok"
    for server in (elsewhere, sends):
        server.shutdown()
        server.server_close()
    assert len(seen) == 2
    assert seen[0]
    assert seen[1] is None
