"""Opens the gate: a server at a port of 127.0.0.1, for as long as a tool runs."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from envctl.adapters.index.answers import GateServer
from envctl.adapters.index.client import IndexClient
from envctl.adapters.index.gate import Gate
from envctl.domain.indexes.mirrors import Transport
from envctl.errors import IndexFailure

_PORTS = range(20_000, 32_000)  # below those that systems give to outgoing connections
_TRIES = 5


@contextmanager
def opened(transport: Transport, client: IndexClient) -> Iterator[Gate]:
    """Open a gate before the indexes of ``transport``, among which there must be an open one."""
    for index in transport.indexes:
        if urlsplit(index.url).scheme not in ("http", "https"):
            raise IndexFailure(
                f"the index `{index.name}` is a folder: packages cannot be kept apart there",
                where=index.url,
                hint="serve the folder over HTTP",
            )
    gate = Gate(transport, client)
    server = _listening(gate)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield gate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listening(gate: Gate) -> GateServer:
    """Return a server at the port that these indexes always get, or at another one where that is taken.

    Tools keep what they got from an address: so it stays the same.
    """
    first = int.from_bytes(hashlib.sha256(" ".join(gate.doors).encode()).digest()[:4], "big")
    for number in range(_TRIES):
        with suppress(OSError):
            return GateServer(_PORTS[(first + number) % len(_PORTS)], gate)
    return GateServer(0, gate)
