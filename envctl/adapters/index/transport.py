"""How the index client reaches a server: proxies, CA bundle, time limits, and what went wrong in plain words."""

import http
import http.client
import re
import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    BaseHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from envctl.errors import IndexFailure

_CA_BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_SILENCE = 30.0  # seconds without a byte
_LARGEST = 256 << 20  # bytes; the largest project pages are some 20 MB
_CHUNK = 1 << 18
LOOPBACK = "127.0.0.1"
_NETWORK = "check the network, the proxy and the CA bundle (SSL_CERT_FILE), then run it again"
_LOGIN = (
    "put your login for it into ~/.netrc, your keyring, or UV_INDEX_<NAME>_USERNAME and "
    "UV_INDEX_<NAME>_PASSWORD with the index's name"
)
_ADDRESS = "correct the index's address in tool.envctl.index, or ask whoever runs it"


class NoDowngrade(HTTPRedirectHandler):
    """Follows redirects, but not from https to http: the hashes of a lock come from these pages."""

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise URLError("it redirects to an address without https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def opener(environ: Mapping[str, str], doorman: BaseHandler | None = None) -> OpenerDirector:
    """Return what opens addresses: with the environment's CA bundle and proxies (urllib's rules, or PIP_PROXY).

    ``doorman`` shows logins.
    """
    proxy = environ.get("PIP_PROXY")
    proxies = ProxyHandler({"http": proxy, "https": proxy} if proxy else None)
    own = (doorman,) if doorman else ()
    return build_opener(proxies, HTTPSHandler(context=trust(environ)), NoDowngrade(), *own)


def trust(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return which certificates are believed: those of the environment's CA bundle, else the system's."""
    name = next((name for name in _CA_BUNDLES if environ.get(name)), None)
    try:
        return ssl.create_default_context(cafile=environ[name] if name else None)
    except OSError as error:  # ssl.SSLError is one: a file without certificates
        raise IndexFailure(
            f"the CA bundle `{environ[name or '']}` cannot be read: {error.strerror or error}",
            where=name,
            hint="correct or unset that variable",
        ) from error


def silence(environ: Mapping[str, str]) -> float:
    """Return how many seconds a server may say nothing: uv's or pip's own setting, or half a minute."""
    for name in ("UV_HTTP_TIMEOUT", "PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"):
        try:
            seconds = float(environ.get(name, ""))
        except ValueError:
            continue
        if 0 < seconds < float("inf"):
            return seconds
    return _SILENCE


def chunks(
    answer: http.client.HTTPResponse, seconds: float | None = None, most: int | None = None
) -> Iterator[bytes]:
    """Yield the body; an end before the announced length is an error, as is one after ``seconds`` or ``most`` bytes."""
    end = time.monotonic() + seconds if seconds else None
    size = 0
    announced = answer.headers.get("Content-Length", "")
    if most and announced.isdecimal() and int(announced) > most:
        raise ValueError("it is too large")
    while chunk := answer.read(_CHUNK):
        size += len(chunk)
        if most and size > most:
            raise ValueError("it is too large")
        yield chunk
        if end and time.monotonic() > end:
            raise TimeoutError
    if announced.isdecimal() and size < int(announced):
        raise http.client.IncompleteRead(b"", int(announced) - size)


def content_range(answer: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Return where the bytes of an answer begin in the file, and the file's size if it is told."""
    if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0, None
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
    if found is None:
        raise ValueError("it does not say which part of the file it is")
    return int(found[1]), int(found[2])


def page_text(answer: http.client.HTTPResponse, seconds: float) -> str:
    """Return a whole page as text, unpacked where it came packed."""
    found = bytearray()
    for chunk in chunks(answer, seconds):
        found += chunk
        if len(found) > _LARGEST:
            raise ValueError("it is too large for a page")
    if answer.headers.get("Content-Encoding", "").lower() == "gzip":
        unpacker = zlib.decompressobj(wbits=31)
        found = bytearray(unpacker.decompress(found, _LARGEST))
        if not unpacker.eof:
            raise http.client.IncompleteRead(b"")
    return found.decode(errors="replace")


def may_pass(error: Exception) -> bool:
    """Say whether trying again could help: a broken connection, a busy server."""
    if isinstance(error, HTTPError):
        return error.code in (429, 500, 502, 503, 504)
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ConnectionRefusedError):
        return False
    return isinstance(cause, (ConnectionError, http.client.IncompleteRead))


def failure(error: Exception, url: str, *, logged_in: bool = False) -> IndexFailure:
    """Turn what urllib raised into one clear error; ``logged_in``: a login was shown."""
    if isinstance(error, HTTPError):
        return _refusal(error, url, logged_in=logged_in)
    cause = error.reason if isinstance(error, URLError) else error
    reason, hint = _reason(cause)
    host = urlsplit(url).netloc.rpartition("@")[2]
    return IndexFailure(
        f"cannot read from the index at {host}: {reason}",
        where=url,
        hint=hint,
        details=repr(error),
    )


def _reason(cause: object) -> tuple[str, str]:
    found = str(cause) or type(cause).__name__, _ADDRESS
    match cause:
        case ssl.SSLCertVerificationError():
            hint = "name your company's CA bundle in SSL_CERT_FILE"
            found = f"its certificate is not trusted ({cause.verify_message})", hint
        case socket.gaierror():
            found = "there is no such host", f"{_ADDRESS}; {_NETWORK}"
        case TimeoutError():
            found = "it took too long to answer", _NETWORK
        case http.client.IncompleteRead() | zlib.error():
            found = "its answer was cut off", "run it again; a proxy may have a size limit"
        case http.client.RemoteDisconnected():
            found = "it hung up without an answer", _NETWORK
        case OSError():
            found = cause.strerror or str(cause), _NETWORK
        case _:
            pass
    return found


def _refusal(error: HTTPError, url: str, *, logged_in: bool) -> IndexFailure:
    host = urlsplit(url).netloc.rpartition("@")[2]
    if error.code in (401, 403):
        what = "refuses the login that was found for it" if logged_in else "asks for a login"
        message, hint = f"the index at {host} {what} ({error.code})", _LOGIN
    elif error.code == 407:
        message, hint = "the proxy asks for a login (407)", "put it into the proxy's variable"
    elif error.code in (404, 410):
        message, hint = f"the index at {host} does not have this file ({error.code})", _ADDRESS
    else:
        message = f"the index at {host} answered {error.code} {error.reason}"
        hint = "run it again later, or ask whoever runs the index"
    return IndexFailure(message, where=url, hint=hint, details=repr(error))


def beside_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep a proxy from being asked for 127.0.0.1."""
    spared = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    both = f"{spared},{LOOPBACK}" if spared else LOOPBACK
    return {"NO_PROXY": both, "no_proxy": both}
