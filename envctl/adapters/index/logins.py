"""Logins for indexes: from the environment, netrc and the keyring, in that order, the same for every path.

They are kept in memory only, and go to the origin (scheme, host, port) that they are for and to no other.
"""

import base64
import netrc
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from envctl.domain.indexes.login import login_variable
from envctl.domain.indexes.mirrors import Transport
from envctl.ports import Runner

_OFF = ("disabled", "0", "false", "off")
_KEYRING_SECONDS = 60.0  # it may ask its user for a password


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Login:
    """A user name and a password; neither is ever shown."""

    user: str
    password: str

    def header(self) -> str:
        """Return the value of an ``Authorization`` header (RFC 7617)."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class _Realm:
    """An index or mirror: the addresses below ``root`` are its own."""

    url: str
    name: str | None
    login: Login | None

    def covers(self, parts: SplitResult) -> int:
        """Return how well an address fits: 0 is another origin; the longer the common path, the better."""
        own = urlsplit(self.url)
        if _origin(own) != _origin(parts):
            return 0
        root = own.path.removesuffix("/simple").rstrip("/")
        return 2 + len(root) if parts.path.startswith(f"{root}/") else 1


class Logins:
    """Finds logins for addresses. Thread-safe; the keyring is asked once for each place."""

    def __init__(
        self,
        environ: Mapping[str, str],
        transport: Transport | None = None,
        *,
        run: Runner | None = None,
    ) -> None:
        self._environ = environ
        self._run = run
        self._realms = tuple(_realms(transport or Transport()))
        self._asked: dict[str, Login | None] = {}
        self._lock = threading.Lock()
        self._netrc: netrc.netrc | None = None
        self._netrc_read = False

    def known(self, url: str) -> Login | None:
        """Return the login for an address without asking anybody: a mirror's own, the environment's, netrc's.

        One that the keyring gave before counts as well.
        """
        parts = urlsplit(url)
        realm = self._realm(parts)
        if realm and realm.login:
            return realm.login
        user, password = self._declared(realm)
        if user and password:
            return Login(user=user, password=password)
        return self._from_netrc(parts.hostname, user) or self._asked.get(_place(realm, parts))

    def ask(self, url: str) -> Login | None:
        """Ask the keyring, if there is one: its ``keyring`` program, by the index's address, then by the host."""
        parts = urlsplit(url)
        realm = self._realm(parts)
        place = _place(realm, parts)
        with self._lock:
            if place not in self._asked:
                services = dict.fromkeys((place, parts.netloc.rpartition("@")[2]))
                self._asked[place] = self._from_keyring(services, self._declared(realm)[0])
            return self._asked[place]

    @property
    def keyring(self) -> bool:
        """Whether there is a keyring to ask."""
        return self._run is not None and self._keyring_program() is not None

    def learned(self) -> bool:
        """Whether the keyring gave anything so far."""
        return any(self._asked.values())

    def variables(self) -> dict[str, str]:
        """Return what the keyring gave as variables that uv takes: ``UV_INDEX_<NAME>_USERNAME``, ``…_PASSWORD``."""
        found = {}
        for realm in self._realms:
            login = self._asked.get(realm.url)
            if realm.name and login:
                found[f"{login_variable(realm.name)}_USERNAME"] = login.user
                found[f"{login_variable(realm.name)}_PASSWORD"] = login.password
        return found

    def _realm(self, parts: SplitResult) -> _Realm | None:
        best = max(self._realms, key=lambda realm: realm.covers(parts), default=None)
        return best if best and best.covers(parts) else None

    def _declared(self, realm: _Realm | None) -> tuple[str | None, str | None]:
        if realm is None or realm.name is None:
            return None, None
        name = login_variable(realm.name)
        return self._environ.get(f"{name}_USERNAME"), self._environ.get(f"{name}_PASSWORD")

    def _from_netrc(self, host: str | None, user: str | None) -> Login | None:
        with self._lock:
            if not self._netrc_read:
                self._netrc, self._netrc_read = _read_netrc(self._environ), True
        found = self._netrc.authenticators(host) if self._netrc and host else None
        if not found or (user and found[0] and user != found[0]):
            return None
        return Login(user=found[0] or user or "", password=found[2] or "")

    def _from_keyring(self, services: Iterable[str], user: str | None) -> Login | None:
        program = self._keyring_program()
        if program is None or self._run is None:
            return None
        for service in services:
            # Without a name only newer keyrings answer (25.2).
            what = ["get", service, user] if user else ["--mode", "creds", "get", service]
            done = self._run([program, *what], timeout=_KEYRING_SECONDS)
            lines = done.stdout.splitlines()
            if done.code == 0 and len(lines) >= (1 if user else 2):
                return Login(user=user or lines[0], password=lines[0 if user else 1])
        return None

    def _keyring_program(self) -> str | None:
        for name in ("UV_KEYRING_PROVIDER", "PIP_KEYRING_PROVIDER"):
            if self._environ.get(name, "").lower() in _OFF:
                return None
        return shutil.which("keyring", path=self._environ.get("PATH"))


def without_login(url: str) -> str:
    """Return the address without user name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _realms(transport: Transport) -> Iterable[_Realm]:
    for mirror in transport.mirrors.values():
        parts = urlsplit(mirror)
        login = None
        if parts.username or parts.password:
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            login = Login(user=user, password=password)
        yield _Realm(url=without_login(mirror), name=None, login=login)
    for index in transport.indexes:
        yield _Realm(url=index.url, name=index.name, login=None)


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _place(realm: _Realm | None, parts: SplitResult) -> str:
    return realm.url if realm else f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _read_netrc(environ: Mapping[str, str]) -> netrc.netrc | None:
    home = environ.get("HOME", "")
    named = [environ["NETRC"]] if environ.get("NETRC") else []
    for path in map(Path, named or [f"{home}/.netrc", f"{home}/_netrc"] if home or named else []):
        try:
            return netrc.netrc(str(path))
        except FileNotFoundError:
            continue
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            return None  # as pip and uv do; what asks for a login says so then
    return None
