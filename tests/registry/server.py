"""Debian's ``docker-registry`` on a port of its own: open, with a login (htpasswd), or with tokens; plain or by TLS."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

USER, PASSWORD = "zz-made-user", "zz-made-password"
# bcrypt of that password (htpasswd -B); the registry takes no other.
_HTPASSWD = f"{USER}:$2y$04$abcdefghijklmnopqrstuucTrhfLYp6z8VMgyTSR/UCLPj9pEQ5d.\n"


class RegistryMissing(Exception):
    """There is no ``docker-registry``."""


@dataclass
class RealRegistry:
    """A registry as a context manager; what it holds is gone afterwards."""

    htpasswd: bool = False
    certificate: tuple[Path, Path] | None = None
    """The server's certificate and its key: it then speaks https."""
    auth: Mapping[str, Any] = field(default_factory=dict)
    port: int = 0
    _process: "subprocess.Popen[bytes] | None" = None
    _folder: Path = Path()

    @property
    def name(self) -> str:
        """What stands before the repository in a reference."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://{self.name}"

    def __enter__(self) -> Self:
        program = shutil.which("docker-registry", path=f"{os.environ.get('PATH', '')}:/usr/bin")
        if program is None:
            raise RegistryMissing("apt-get install docker-registry")
        self._folder = Path(tempfile.mkdtemp(prefix="envctl-registry-"))
        self.port = self.port or free_port()
        (self._folder / "htpasswd").write_text(_HTPASSWD)
        (self._folder / "registry.yml").write_text(json.dumps(self._configuration()))
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, "serve", str(self._folder / "registry.yml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def log(self) -> str:
        """What it wrote: each request with its user agent."""
        return (self._folder / "log").read_text(errors="replace")

    def _configuration(self) -> dict[str, Any]:
        http: dict[str, Any] = {"addr": self.name}
        if self.certificate:
            pem, key = self.certificate
            http["tls"] = {"certificate": str(pem), "key": str(key)}
        auth = dict(self.auth)
        if self.htpasswd:
            auth = {"htpasswd": {"realm": "made", "path": str(self._folder / "htpasswd")}}
        return {
            "version": 0.1,
            "log": {"level": "info"},
            "storage": {
                "filesystem": {"rootdirectory": str(self._folder / "data")},
                "delete": {"enabled": True},
            },
            "http": http,
            **({"auth": auth} if auth else {}),
        }

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the registry does not start:\n{self.log}") from None
                time.sleep(0.02)
            else:
                return


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificate(folder: Path, names: str) -> tuple[Path, Path]:
    """Make a certificate that signs itself: ``names`` as in ``DNS:registry.example,IP:127.0.0.1``."""
    pem, key = folder / "made.crt", folder / "made.key"
    made = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=made"
    )
    named = ["-addext", f"subjectAltName={names}", "-keyout", str(key), "-out", str(pem)]
    subprocess.run(["openssl", *made.split(), *named], check=True, capture_output=True)
    return pem, key


def call(
    method: str, address: str, data: bytes = b"", headers: Mapping[str, str] | None = None
) -> Any:
    """Send one request past any proxy; returns the answer's headers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(
        address, data=data or None, method=method, headers=dict(headers or {})
    )
    with opener.open(request, timeout=30) as answer:
        answer.read()
        return answer.headers
