"""A token service for a real registry (distribution, "Token Authentication Implementation"): RS256 by openssl."""

import base64
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

SERVICE, ISSUER, IDENTITY = "made-registry", "made-issuer", "zz-made-identity-token"


@dataclass
class TokenService:
    """Gives a pull token to who shows a login it knows, or its identity token; ``asked`` has every request."""

    folder: Path
    logins: Sequence[str] = ()
    """``Authorization`` values that it takes; without any, everybody gets a token."""
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    @property
    def pem(self) -> Path:
        return self.folder / "token.crt"

    def auth(self) -> dict[str, Any]:
        """Return the registry's setting."""
        return {
            "token": {
                "realm": self.realm,
                "service": SERVICE,
                "issuer": ISSUER,
                "rootcertbundle": str(self.pem),
            }
        }

    @property
    def realm(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    def token(self, access: Sequence[Mapping[str, Any]]) -> str:
        """Return a signed token for some access."""
        now = int(time.time())
        der = subprocess.run(
            ["openssl", "x509", "-in", str(self.pem), "-outform", "der"],
            check=True,
            capture_output=True,
        ).stdout
        head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
        claims = {
            "iss": ISSUER,
            "sub": "made",
            "aud": SERVICE,
            "iat": now,
            "nbf": now - 60,
            "exp": now + 600,
            "jti": "made",
            "access": list(access),
        }
        signed = f"{_packed(json.dumps(head).encode())}.{_packed(json.dumps(claims).encode())}"
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.folder / "token.key")],
            input=signed.encode(),
            check=True,
            capture_output=True,
        ).stdout
        return f"{signed}.{_packed(signature)}"

    def __enter__(self) -> Self:
        made = "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=made"
        named = ["-keyout", str(self.folder / "token.key"), "-out", str(self.pem)]
        subprocess.run(["openssl", *made.split(), *named], check=True, capture_output=True)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._give(parse_qs(urlsplit(self.path).query))

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", "0"))
                self._give(parse_qs(self.rfile.read(size).decode()))

            def _give(self, said: Mapping[str, list[str]]) -> None:
                words = {name: texts[0] for name, texts in said.items()}
                shown = self.headers.get("Authorization")
                service.asked.append({**words, "method": self.command, "login": shown})
                known = not service.logins or shown in service.logins
                if self.command == "POST":
                    known = words.get("refresh_token") == IDENTITY
                answer = b"{}"
                if known:
                    kind, name, actions = words["scope"].split(":")
                    granted = {"type": kind, "name": name, "actions": actions.split(",")}
                    key = "access_token" if self.command == "POST" else "token"
                    answer = json.dumps({key: service.token([granted])}).encode()
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
