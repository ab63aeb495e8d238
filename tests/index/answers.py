"""Requests and answers as values, and the parts of HTTP that an index needs (RFC 9110).

Header names are in lower case in a `Request`, as HTTP does not tell them apart.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    path: str
    headers: Mapping[str, str]

    def header(self, name: str) -> str:
        """Return a header, empty where there is none."""
        return self.headers.get(name, "")


@dataclass(frozen=True)
class Answer:
    """What the index says; `cut` breaks the connection in the middle of the body.

    Status 0 stands for closing the connection without a word.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path = b""
    start: int = 0
    length: int | None = None
    cut: bool = False

    @property
    def size(self) -> int:
        """How many bytes of the body are to be sent."""
        if self.length is not None:
            return self.length
        return len(self.body) if isinstance(self.body, bytes) else self.body.stat().st_size


UNANSWERED = Answer(0)
NOT_FOUND = Answer(HTTPStatus.NOT_FOUND, {"Content-Type": "text/plain"}, b"not found\n")
BROKEN = Answer(
    HTTPStatus.INTERNAL_SERVER_ERROR, {"Content-Type": "text/plain"}, b"internal error\n"
)
LOGIN_PAGE = Answer(
    HTTPStatus.OK,
    {"Content-Type": "text/html"},
    b"<!DOCTYPE html><html><body><form>Please log in to this network.</form></body></html>",
)
UNAUTHORIZED = Answer(
    HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": 'Basic realm="local index"'}, b"who are you?\n"
)


def moved(location: str) -> Answer:
    """Send the client elsewhere."""
    return Answer(HTTPStatus.MOVED_PERMANENTLY, {"Location": location})


def has_login(request: Request, user: str, password: str) -> bool:
    """Tell whether the request carries this login (RFC 7617)."""
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    return request.header("authorization") == f"Basic {login}"


def negotiated(request: Request, offered: tuple[str, ...], default: str) -> str:
    """Choose the client's favourite among `offered`, `default` where it has none."""
    wishes: dict[str, float] = {}
    for wish in request.header("accept").split(","):
        media, _, parameters = wish.partition(";")
        quality = re.search(r"\bq=([\d.]+)", parameters)
        wishes[media.strip()] = float(quality[1]) if quality else 1.0
    best = max(offered, key=lambda media: wishes.get(media, 0.0), default=default)
    return best if wishes.get(best, 0.0) > 0 else default


def unless_known(answer: Answer, tag: str, request: Request) -> Answer:
    """Say 304 to a client that has this very body."""
    known = request.header("if-none-match")
    if tag in known or known == "*":
        return Answer(HTTPStatus.NOT_MODIFIED, answer.headers)
    return answer


def ranged(answer: Answer, tag: str, request: Request) -> Answer:
    """Answer with the one range that was asked for; anything else gets the whole body."""
    wanted = re.fullmatch(r"bytes=(?:(\d+)-(\d*)|-(\d+))", request.header("range"))
    if wanted is None or request.header("if-range") not in ("", tag):
        return answer
    total = answer.size
    first, last, suffix = wanted.groups()
    start = int(first) if first else max(total - int(suffix), 0)
    end = min(int(last), total - 1) if last else total - 1
    if start > end:
        headers = {"Content-Range": f"bytes */{total}"}
        return Answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
    headers = {**answer.headers, "Content-Range": f"bytes {start}-{end}/{total}"}
    return replace(
        answer,
        status=HTTPStatus.PARTIAL_CONTENT,
        headers=headers,
        start=start,
        length=end - start + 1,
    )
