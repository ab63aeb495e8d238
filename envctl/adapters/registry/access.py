"""What a registry's challenge is answered with: a login (RFC 7617), or a token that its token service gives for one."""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit
from urllib.request import Request, parse_http_list, parse_keqv_list

from envctl.adapters.registry.logins import Credentials
from envctl.adapters.registry.places import loopback

_CLIENT = "envctl"
Send = Callable[[Request], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """What a registry asks for (``WWW-Authenticate``): ``basic`` or ``bearer``, with what it says of that."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def read_challenge(headers: Iterable[str]) -> Challenge | None:
    """Return the first challenge that can be answered; a token is better than the login itself."""
    found = [each for text in headers if (each := _challenge(text))]
    return next((each for each in found if each.scheme == "bearer"), next(iter(found), None))


def authorization(
    challenge: Challenge, credentials: Credentials | None, *, place: str, scope: str, send: Send
) -> str | None:
    """Return the ``Authorization`` that answers; ``None`` when that takes a login and there is none.

    ``place`` is the registry's own address, ``scope`` what is wanted if it does not say itself. Raises what ``send``
    raises, and ``ValueError`` for a token service that envctl does not talk to, or that gives no token.
    (distribution, "Token Authentication Specification" and "OAuth2 Token Authentication")
    """
    if challenge.scheme == "basic":
        return _basic(credentials) if credentials and not credentials.identity else None
    answer = send(_token_request(challenge, credentials, place, challenge.scope or scope))
    try:
        table = json.loads(answer)
        token = table.get("token") or table.get("access_token")
    except (ValueError, AttributeError, RecursionError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise ValueError("its token service gives no token")
    return f"Bearer {token}"


def _challenge(text: str) -> Challenge | None:
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() not in ("basic", "bearer"):
        return None
    try:
        said = parse_keqv_list(parse_http_list(rest))
    except (ValueError, IndexError):
        said = {}
    if scheme.lower() == "bearer" and not said.get("realm"):
        return None
    return Challenge(
        scheme=scheme.lower(),
        realm=said.get("realm", ""),
        service=said.get("service", ""),
        scope=said.get("scope", ""),
    )


def _token_request(
    challenge: Challenge, credentials: Credentials | None, place: str, scope: str
) -> Request:
    realm = urlsplit(challenge.realm)
    plain = realm.scheme == "http" and loopback(realm.netloc) and loopback(urlsplit(place).netloc)
    if realm.scheme != "https" and not plain:
        raise ValueError("its token service is not reached by https")
    asked = {"service": challenge.service, "scope": scope}
    known = {name: text for name, text in asked.items() if text}
    if credentials and credentials.identity:
        form = {
            **known,
            "grant_type": "refresh_token",
            "client_id": _CLIENT,
            "refresh_token": credentials.identity,
        }
        return Request(challenge.realm, data=urlencode(form).encode(), method="POST")  # noqa: S310  # seen above
    query = "&".join(part for part in (realm.query, urlencode(known)) if part)
    request = Request(urlunsplit(realm._replace(query=query)))  # noqa: S310  # seen above
    if credentials:
        request.add_unredirected_header("Authorization", _basic(credentials))
    return request


def _basic(credentials: Credentials) -> str:
    pair = f"{credentials.user}:{credentials.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"
