"""What may be pasted into an issue: a text without the user, the machine, logins and tokens.

It takes out too much rather than too little. Names that installers and images give everyone (``root``, ``ubuntu``)
name nobody and stay, because they are words of messages and commands as well.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from envctl.domain.image.secrets import in_bytes
from envctl.domain.variables import classify

_NAMES = """
admin app build conda container debian docker envctl fedora git gpu guest home host jovyan localhost main nobody none
podman pip python root runner shell test tools ubuntu user users uv vagrant vscode
"""
_COMMON = frozenset(_NAMES.split())
_EMPTY = frozenset(
    ("true", "false", "none", "null", "auto", "default")
)  # what a switch may be set to
_SHORTEST = 4  # characters: a shorter secret would take words apart, and is none
_HIDDEN = "***"
_LOGIN = re.compile(r"(?<=://)[^\s\"'`<>]*@")
_BARE_LOGIN = re.compile(r"(?<![\w/@.-])[^\s/@:\"'`<>()]+:(?!//)[^\s@\"'`<>()]+@(?=[\w.\[-])")
_QUERY = re.compile(r"(://[^\s\"'`<>?#]*)[?#][^\s\"'`<>]*")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_HOMES = re.compile(r"(?P<root>/home/|/Users/|[A-Za-z]:\\Users\\)[^/\\:;,\s\"'`]+")
_ASSIGNED = re.compile(r"\b([A-Za-z_][A-Za-z0-9_]*)=(\"[^\"]*\"|'[^']*'|[^\s\"'`]+)")
_WORD = re.compile(r"[^\s\"'`<>(),;]+")
_INDEX_LOGIN = re.compile(r"UV_INDEX_\w+_(USERNAME|PASSWORD)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who and where we are; ``secrets`` are values that no text may hold."""

    homes: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)


def secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables that are secret by their name, and the logins in addresses; longest first."""
    found = {
        form
        for name, value in environ.items()
        for secret in _secrets(name, value)
        for form in (secret, unquote(secret), quote(secret, safe=""))
        if len(form) >= _SHORTEST and form.lower() not in _EMPTY
    }
    return tuple(sorted(found, key=lambda each: (-len(each), each)))


def _secrets(name: str, value: str) -> Iterator[str]:
    if classify(name) == "secret" or _INDEX_LOGIN.fullmatch(name):
        yield value
        yield from value.splitlines()
    for login in _LOGIN.findall(value):
        user, _, password = login[:-1].partition(":")
        yield from (user, password)


def redacted(text: str, person: Person) -> str:
    """Return the text without what names a person or a machine, or opens something."""
    for secret in person.secrets:
        text = text.replace(secret, _HIDDEN)
    text = _LOGIN.sub(f"{_HIDDEN}@", text)
    text = _BARE_LOGIN.sub(f"{_HIDDEN}@", text)
    text = _QUERY.sub(rf"\1?{_HIDDEN}", text)
    text = _ASSIGNED.sub(_unassigned, text)
    text = _WORD.sub(_no_token, text)
    text = _MAIL.sub(_HIDDEN, text)
    for home in sorted(filter(_is_home, person.homes), key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-]){re.escape(home.rstrip('/'))}(?![\w.-])", "~", text)
    text = _HOMES.sub(r"\g<root>USER", text)
    text = _named(text, person.hosts, "HOST")
    return _named(text, person.users, "USER")


def _is_home(path: str) -> bool:
    return path.startswith("/") and path.strip("/") != ""


def _unassigned(found: re.Match[str]) -> str:
    return f"{found[1]}={_HIDDEN}" if classify(found[1]) == "secret" else found[0]


def _no_token(found: re.Match[str]) -> str:
    return _HIDDEN if any(in_bytes(found[0].encode("utf-8", "surrogateescape"))) else found[0]


def _named(text: str, names: tuple[str, ...], instead: str) -> str:
    for name in sorted(names, key=len, reverse=True):
        if len(name) > 1 and name.lower() not in _COMMON:
            shape = rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"
            text = re.sub(shape, instead, text, flags=re.IGNORECASE)
    return text
