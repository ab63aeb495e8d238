"""A company's own certificate, and its index behind it: what a build must be told to trust."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def authority(folder: Path) -> Path:
    """Make an authority (``ca.pem``) and its certificate for 127.0.0.1; return the file of certificate and key."""
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=company -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout own.key -out own.csr",
        "x509 -req -days 2 -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile names -out own.crt",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    both = folder / "own.pem"
    both.write_text((folder / "own.key").read_text() + (folder / "own.crt").read_text())
    return both


@contextmanager
def behind(pem: Path, port: int) -> Iterator[int]:
    """Speak TLS on a port of its own for what listens on ``port``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(plain,), daemon=True).start()

    def serve(plain: socket.socket) -> None:
        with (
            suppress(OSError),
            context.wrap_socket(plain, server_side=True) as client,
            socket.create_connection(("127.0.0.1", port)) as server,
        ):
            answers = threading.Thread(target=pump, args=(server, client), daemon=True)
            answers.start()
            pump(client, server)
            answers.join(timeout=60)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Hand on what comes until it ends."""
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
