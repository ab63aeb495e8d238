"""Logins for real registries: htpasswd, tokens, identity tokens, helpers; and where none is ever shown."""

import base64
import json
import stat
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from envctl.adapters.process import run
from envctl.adapters.registry.client import RegistryClient
from envctl.errors import RegistryFailure
from tests.registry.images import MadeImage, Pusher, basic
from tests.registry.server import PASSWORD, USER, RealRegistry
from tests.registry.test_described import liar
from tests.registry.tokens import IDENTITY, TokenService


def config(folder: Path, **keys: object) -> dict[str, str]:
    """Write docker's configuration; return the variables by which it is found."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(keys))
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}


def auth(user: str = USER, password: str = PASSWORD) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def helper(folder: Path, body: str) -> None:
    """Put a credential helper on the PATH that ``config`` gives."""
    path = folder / "docker-credential-zz-made"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def described(environ: dict[str, str], push: Pusher) -> str:
    found = RegistryClient(environ, run=run).described(f"{push.registry.name}/{push.repository}:1")
    assert found is not None
    return found.digest


def test_a_login_of_docker_opens_a_registry(closed_push: Pusher, tmp_path: Path) -> None:
    digest = closed_push.image(MadeImage(), "1")
    name = closed_push.registry.name
    for key in (name, f"https://{name}", f"https://{name}/v1/"):
        assert described(config(tmp_path / "d", auths={key: auth()}), closed_push) == digest
    home = tmp_path / "home"
    home.mkdir()
    config(home / ".docker", auths={name: auth()})
    assert described({"HOME": str(home)}, closed_push) == digest


def test_a_login_of_podman_opens_a_registry(closed_push: Pusher, tmp_path: Path) -> None:
    digest = closed_push.image(MadeImage(), "1")
    path = tmp_path / "auth.json"
    path.write_text(json.dumps({"auths": {closed_push.registry.name: auth()}}))
    assert described({"REGISTRY_AUTH_FILE": str(path)}, closed_push) == digest
    (tmp_path / "containers").mkdir()
    path.rename(tmp_path / "containers/auth.json")
    assert described({"XDG_RUNTIME_DIR": str(tmp_path)}, closed_push) == digest


@pytest.mark.parametrize("key", ["credsStore", "credHelpers"])
def test_a_credential_helper_opens_a_registry(
    closed_push: Pusher, tmp_path: Path, key: str
) -> None:
    digest = closed_push.image(MadeImage(), "1")
    name = closed_push.registry.name
    environ = config(tmp_path, **{key: "zz-made" if key == "credsStore" else {name: "zz-made"}})
    answer = json.dumps({"ServerURL": name, "Username": USER, "Secret": PASSWORD})
    helper(tmp_path, f"read server; test \"$1 $server\" = 'get {name}' && echo '{answer}'")
    assert described(environ, closed_push) == digest


def test_without_a_login_it_says_which_command_makes_one(
    closed_push: Pusher, tmp_path: Path
) -> None:
    closed_push.image(MadeImage(), "1")
    name = closed_push.registry.name
    with pytest.raises(RegistryFailure, match="asks for a login") as caught:
        described({"HOME": str(tmp_path)}, closed_push)
    assert f"docker login {name}" in (caught.value.hint or "")
    with pytest.raises(RegistryFailure, match="refuses the login") as caught:
        described(config(tmp_path, auths={name: auth(password="zz-wrong")}), closed_push)
    shown = f"{caught.value} {caught.value.hint} {caught.value.details}"
    assert "zz-wrong" not in shown


@pytest.mark.parametrize(
    "body",
    ["exit 1", "echo nothing", "echo '{}'", "echo '[]'", 'echo \'{"Username": "", "Secret": ""}\''],
)
def test_a_helper_that_has_nothing_is_no_login(
    closed_push: Pusher, tmp_path: Path, body: str
) -> None:
    digest = closed_push.image(MadeImage(), "1")
    environ = config(tmp_path, credsStore="zz-made")
    helper(tmp_path, body)
    with pytest.raises(RegistryFailure, match="asks for a login"):
        described(environ, closed_push)
    beside = config(tmp_path, credsStore="zz-made", auths={closed_push.registry.name: auth()})
    assert described(beside, closed_push) == digest


def test_a_helper_that_is_missing_is_named(closed_push: Pusher, tmp_path: Path) -> None:
    closed_push.image(MadeImage(), "1")
    with pytest.raises(RegistryFailure, match="`docker-credential-zz-gone` could not give one"):
        described(config(tmp_path, credsStore="zz-gone"), closed_push)
    with pytest.raises(RegistryFailure, match="asks for a login"):
        described(config(tmp_path, credsStore="../../bin/sh"), closed_push)


@pytest.mark.parametrize(
    "text",
    [
        '{"auths": {"x": "zz-secret"}}',
        "zz-secret",
        '{"auths": {"x": {"auth": "zz-secret"}}}',
        "[1]",
    ],
)
def test_a_broken_configuration_is_named_and_not_shown(
    closed_push: Pusher, tmp_path: Path, text: str
) -> None:
    closed_push.image(MadeImage(), "1")
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RegistryFailure) as caught:
        described({"DOCKER_CONFIG": str(tmp_path)}, closed_push)
    assert "zz-secret" not in f"{caught.value} {caught.value.details} {caught.value.__cause__!r}"
    assert caught.value.where == str(tmp_path / "config.json")


def test_an_open_registry_is_shown_no_login(push: Pusher, tmp_path: Path) -> None:
    digest = push.image(MadeImage(), "1")
    environ = config(tmp_path, credsStore="zz-made")
    helper(tmp_path, f"touch {tmp_path}/asked; exit 1")
    assert described(environ, push) == digest
    assert not (tmp_path / "asked").exists()


class TestTokens:
    """A registry that sends its clients to a token service, as Docker Hub does."""

    def test_anybody_gets_a_token_where_none_is_needed(self, tmp_path: Path) -> None:
        with TokenService(tmp_path) as service, RealRegistry(auth=service.auth()) as registry:
            push = self._pushed(service, registry)
            described({}, push)
            assert [each["scope"] for each in service.asked] == ["repository:team/base:pull"]
            assert [each["login"] for each in service.asked] == [None]

    def test_the_login_is_shown_to_the_token_service(self, tmp_path: Path) -> None:
        login = basic(USER, PASSWORD)
        with (
            TokenService(tmp_path, logins=[login]) as service,
            RealRegistry(auth=service.auth()) as registry,
        ):
            push = self._pushed(service, registry)
            described(config(tmp_path / "d", auths={registry.name: auth()}), push)
            assert [each["login"] for each in service.asked] == [login]
            with pytest.raises(RegistryFailure, match="asks for a login"):
                described({}, push)

    def test_an_identity_token_is_exchanged(self, tmp_path: Path) -> None:
        with (
            TokenService(tmp_path, logins=["none"]) as service,
            RealRegistry(auth=service.auth()) as registry,
        ):
            push = self._pushed(service, registry)
            entry = {"auth": "", "identitytoken": IDENTITY}
            described(config(tmp_path / "d", auths={registry.name: entry}), push)
            assert service.asked[-1]["grant_type"] == "refresh_token"
            environ = config(tmp_path / "d", credsStore="zz-made")
            answer = json.dumps({"Username": "<token>", "Secret": IDENTITY})
            helper(tmp_path / "d", f"echo '{answer}'")
            described(environ, push)
            assert [each["method"] for each in service.asked] == ["POST", "POST"]

    def _pushed(self, service: TokenService, registry: RealRegistry) -> Pusher:
        access = {"type": "repository", "name": "team/base", "actions": ["pull", "push"]}
        push = Pusher(registry, token=service.token([access]))
        push.image(MadeImage(), "1")
        return push


@pytest.mark.parametrize(
    "realm",
    ["http://registry.example/token", "ftp://127.0.0.1/x", "file:///etc/passwd", "token", ""],
)
def test_a_login_goes_to_no_token_service_without_https(tmp_path: Path, realm: str) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'}
    with liar({"/manifests/1": (401, challenge, b"")}) as host:
        environ = config(tmp_path, auths={host: auth()})
        with pytest.raises(RegistryFailure) as caught:
            RegistryClient(environ, run=run).described(f"{host}/team/base:1")
    assert PASSWORD not in f"{caught.value} {caught.value.hint} {caught.value.details}"


def test_a_login_does_not_follow_a_redirect(tmp_path: Path) -> None:
    """The first place gets the login and leads elsewhere: there, nothing arrives."""
    shown: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            login = self.headers.get("Authorization")
            shown.append((self.headers["Host"], login))
            status = 403 if "elsewhere" in self.path else 307 if login else 401
            self.send_response(status)
            self.send_header("WWW-Authenticate", "Basic realm=x")
            self.send_header("Location", f"http://localhost:{port}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_address[1]
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        host = f"127.0.0.1:{port}"
        with pytest.raises(RegistryFailure):
            RegistryClient(config(tmp_path, auths={host: auth()}), run=run).described(
                f"{host}/team/base:1"
            )
        server.shutdown()
    assert shown == [
        (host, None),
        (host, basic(USER, PASSWORD)),
        (f"localhost:{port}", None),
    ]
