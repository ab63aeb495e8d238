"""The way to a registry: https with whose certificate, http for this machine alone, proxies, and nobody at home."""

import socket
from pathlib import Path

import pytest

from envctl.adapters.registry.client import RegistryClient
from envctl.adapters.registry.places import loopback, places
from envctl.adapters.registry.within import within
from envctl.errors import RegistryFailure
from tests.registry.images import MadeImage, Pusher
from tests.registry.proxy import Proxy
from tests.registry.server import RealRegistry, certificate

NAME = "registry.example"


def test_only_this_machine_is_asked_without_https() -> None:
    for host in ("localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"):
        assert list(places(host)) == [f"https://{host}", f"http://{host}"]
    for host in ("127.0.0.1.example:5000", "localhost.example", "10.0.0.1:5000", "0.0.0.0", NAME):
        assert list(places(host)) == [f"https://{host}"]
    assert not loopback("")
    assert not loopback("[")


def test_a_mirror_that_is_elsewhere_needs_https() -> None:
    mirrors = (
        "http://10.0.0.1:5000",
        "ftp://127.0.0.1",
        "https://m.example/",
        "http://127.0.0.1:1/",
    )
    assert list(places("docker.io", mirrors)) == [
        "https://m.example",
        "http://127.0.0.1:1",
        "https://registry-1.docker.io",
    ]
    assert list(places(NAME, mirrors)) == [f"https://{NAME}"]


def test_https_by_the_company_s_certificate(
    tmp_path: Path, push: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem, key = certificate(tmp_path, f"DNS:{NAME},IP:127.0.0.1")
    with RealRegistry(certificate=(pem, key), port=0) as registry, Proxy(registry.port) as proxy:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        digest = Pusher(registry).image(MadeImage(), "1")
        monkeypatch.delenv("SSL_CERT_FILE")
        trusted = {"SSL_CERT_FILE": str(pem)}

        found = RegistryClient(trusted).described(f"{registry.name}/team/base:1")
        assert found is not None
        assert found.digest == digest

        # Not trusted: no second try without https, not even on this machine.
        with pytest.raises(RegistryFailure, match="certificate is not trusted") as caught:
            RegistryClient({}).described(f"{registry.name}/team/base:1")
        assert "SSL_CERT_FILE" in (caught.value.hint or "")

        # Where docker has the certificate of one registry.
        folder = tmp_path / f"root/etc/docker/certs.d/{registry.name}"
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes(pem.read_bytes())
        known = {"ENVCTL_SYSROOT": str(tmp_path / "root")}
        assert RegistryClient(known).described(f"{registry.name}/team/base:1") is not None
        (folder / "ca.crt").write_text("no certificate")
        with pytest.raises(RegistryFailure, match="cannot be read"):
            RegistryClient(known).described(f"{registry.name}/team/base:1")

        # Elsewhere through a proxy, by a name that only the proxy knows.
        monkeypatch.setenv("https_proxy", proxy.url)
        found = RegistryClient(trusted).described(f"{NAME}/team/base:1")
        assert found is not None
        assert found.digest == digest
        assert set(proxy.asked) == {f"CONNECT {NAME}:443"}
        # This machine itself is not asked through the proxy.
        assert RegistryClient(trusted).described(f"{registry.name}/team/base:1") is not None
        assert set(proxy.asked) == {f"CONNECT {NAME}:443"}


def test_a_registry_elsewhere_without_https_is_refused(
    push: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    push.image(MadeImage(), "1")
    with Proxy(push.registry.port) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(RegistryFailure, match="does not speak https"):
            RegistryClient({}).described(f"{NAME}:5000/{push.repository}:1")
        assert proxy.asked == [f"CONNECT {NAME}:5000"]


def test_who_never_answers_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("envctl.adapters.registry.client._SILENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RegistryFailure, match="took too long"):
            RegistryClient({}).described(f"{host}/team/base:1")


def test_a_limit_holds_for_what_has_none() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(TimeoutError):
            within(0.05, lambda: ours.recv(1))
        theirs.send(b"x")
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)
    assert within(5, lambda: 7) == 7
