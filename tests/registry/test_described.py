"""What the client says of images in a real registry: digests, platforms, labels; and what it does not believe."""

import http.server
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from envctl.adapters.containers import registry_digest
from envctl.adapters.registry.client import RegistryClient
from envctl.errors import ImageError, RegistryFailure
from tests.registry.images import DOCKER_MANIFEST, MadeImage, Pusher, sha256
from tests.registry.server import free_port

AMD = MadeImage(labels={"io.envctl.python": "3.11"}, env=("PATH=/bin", "PYTHON_VERSION=3.11.9"))
ARM = MadeImage(platform="linux/arm64/v8", labels={"io.envctl.python": "3.12"})


def client(mirrors: tuple[str, ...] = (), **environ: str) -> RegistryClient:
    return RegistryClient(environ, mirrors=lambda: mirrors)


@pytest.mark.parametrize("docker", [False, True])
def test_one_image_is_described_without_its_layers(push: Pusher, docker: bool) -> None:
    digest = push.image(
        MadeImage(labels={"a": 'b"\n'}, env=("A=b=c", "EMPTY=", "ODD"), history=("step",)),
        "1.0",
        docker=docker,
    )
    found = client().described(f"{push.registry.name}/{push.repository}:1.0")
    assert found is not None
    assert found.digest == digest
    assert found.platforms == ("linux/amd64",)
    assert found.labels == {"a": 'b"\n'}
    assert found.env == {"A": "b=c", "EMPTY": "", "ODD": ""}
    assert (found.user, found.history, found.platform) == ("10001:0", ("step",), "linux/amd64")
    assert 0 < found.size < 1000
    asked = re.findall(r'"GET \S+/(manifests|blobs)/(\S+) HTTP[^"]*" 200 .*"envctl"', own(push))
    assert [kind for kind, _ in asked] == ["manifests", "blobs"]


def own(push: Pusher) -> str:
    """Return what the registry's log has of a test's own repository."""
    return "\n".join(line for line in push.registry.log.splitlines() if push.repository in line)


@pytest.mark.parametrize("docker", [False, True])
def test_an_index_has_its_own_digest_and_each_platform_its_labels(
    push: Pusher, docker: bool
) -> None:
    digest = push.index([ARM, AMD], "1", docker=docker, attested=True)
    name = f"{push.registry.name}/{push.repository}"
    found = client().described(f"{name}:1")
    assert found is not None
    assert found.digest == digest
    assert found.platforms == ("linux/amd64", "linux/arm64/v8")
    assert (found.platform, found.labels) == ("linux/amd64", AMD.labels)
    assert found.env["PYTHON_VERSION"] == "3.11.9"
    assert found.serves("x86_64")
    assert found.serves("aarch64")
    assert not found.serves("ppc64le")
    for platform in ("linux/arm64/v8", "linux/arm64"):
        other = client().described(f"{name}@{digest}", platform=platform)
        assert other is not None
        assert (other.digest, other.labels) == (digest, ARM.labels)
        assert other.platform == "linux/arm64/v8"
    absent = client().described(f"{name}:1", platform="linux/arm")
    assert absent is not None
    assert (absent.platform, absent.labels) == (None, {})


def test_the_engine_gives_the_same_digest(push: Pusher) -> None:
    digest = push.index([AMD, ARM], "1")
    engines = registry_digest(f"{push.registry.name}/{push.repository}:1")
    assert engines in (digest, None)  # None: there is no engine here


def test_what_is_not_there_is_no_error(push: Pusher) -> None:
    digest = push.image(AMD, "1")
    name = f"{push.registry.name}/{push.repository}"
    assert client().described(f"{name}:2") is None
    assert client().described(f"{push.registry.name}/team/never:1") is None
    assert client().described(f"{name}@sha256:{'0' * 64}") is None
    push.delete(digest)
    assert client().described(f"{name}:1") is None
    assert client().described(f"{name}:1@{digest}") is None


def test_a_mirror_is_asked_for_the_hub_s_images(push: Pusher) -> None:
    digest = push.image(AMD, "3.11")
    hub = Pusher(push.registry, repository="library/zz-made")
    official = hub.image(ARM, "3.11")
    asked = client(mirrors=(push.registry.url,))
    for name, expected in ((push.repository, digest), ("zz-made", official)):
        found = asked.described(f"{name}:3.11")
        assert found is not None
        assert (found.digest, found.reference.partition("/")[0]) == (expected, "docker.io")


def test_a_name_that_is_none_is_refused_before_anybody_is_asked() -> None:
    for text in ("", "a b", "a:b:c", "http://x/y", "x@sha256:12", "../x", "x:" + "t" * 129):
        with pytest.raises(ImageError):
            client().described(text)


def test_nobody_there_is_said() -> None:
    with pytest.raises(RegistryFailure, match="cannot be asked: Connection refused"):
        client().described(f"127.0.0.1:{free_port()}/team/base:1")


@contextmanager
def liar(answers: Mapping[str, tuple[int, Mapping[str, str], bytes]]) -> Iterator[str]:
    """Serve these answers by the end of the path; yields ``host:port``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = next(
                (a for end, a in answers.items() if self.path.endswith(end)), (404, {}, b"")
            )
            self.send_response(status)
            for name, text in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()


MANIFEST = json.dumps(
    {"mediaType": DOCKER_MANIFEST, "config": {"digest": sha256(b"{}")}, "layers": []}
).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>log in</html>", "it is not JSON"),
        (b"[]", "it is not an object"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"schemaVersion": 1, "fsLayers": []}', "no image's manifest"),
        (b'{"config": {"digest": "sha256:../../etc"}, "layers": []}', "without its sha256"),
        (MANIFEST, "a part of the image is not there"),
        (b'{"manifests": [{"digest": 7, "platform": {"os": "linux", "architecture": "amd64"}}]}',
         "without its sha256"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_image_is_said(body: bytes, words: str) -> None:
    with liar({"/manifests/1": (200, {}, body)}) as host, pytest.raises(RegistryFailure) as caught:
        client().described(f"{host}/team/base:1")
    assert words in caught.value.message


def test_only_what_has_its_digest_is_believed() -> None:
    other = MANIFEST + b" "
    answers = {
        f"/manifests/{sha256(MANIFEST)}": (
            200,
            {"Docker-Content-Digest": sha256(MANIFEST)},
            other,
        ),
        "/manifests/1": (200, {"Docker-Content-Digest": f"sha256:{'0' * 64}"}, MANIFEST),
        f"/blobs/{sha256(b'{}')}": (200, {}, b'{"config": {"Labels": {"evil": "1"}}}'),
    }
    with liar(answers) as host:
        for asked in (f"@{sha256(MANIFEST)}", ":1"):
            with pytest.raises(RegistryFailure, match="not what its digest says"):
                client().described(f"{host}/team/base{asked}")


def test_the_digest_is_computed_not_read() -> None:
    answers = {
        "/manifests/1": (200, {"Docker-Content-Digest": f"sha256:{'0' * 64}"}, MANIFEST),
        f"/blobs/{sha256(b'{}')}": (200, {}, b"{}"),
    }
    with liar(answers) as host:
        found = client().described(f"{host}/team/base:1")
    assert found is not None
    assert found.digest == sha256(MANIFEST)


def test_an_endless_answer_ends() -> None:
    huge = b'{"a": "' + b"x" * (5 << 20) + b'"}'
    with (
        liar({"/manifests/1": (200, {}, huge)}) as host,
        pytest.raises(RegistryFailure, match="too large"),
    ):
        client().described(f"{host}/team/base:1")


@pytest.mark.parametrize(
    ("status", "words"),
    [(429, "answered too often"), (500, "answered 500"), (403, "asks for a login")],
)
def test_a_refusal_is_said(status: int, words: str) -> None:
    with (
        liar({"/manifests/1": (status, {}, b"")}) as host,
        pytest.raises(RegistryFailure, match=words) as caught,
    ):
        client().described(f"{host}/team/base:1")
    assert caught.value.hint
