"""The gate: an index on 127.0.0.1 that stands before the real ones while a resolver or installer runs.

It keeps three promises that no tool's own options keep: a name is asked of the indexes that may have it and of no
other, be it asked for by a package, by a build or by pip, which asks everybody for everything; logins stay in this
process; and where this machine has a mirror, that is asked instead. Here is what it knows; ``index_answers`` is
what it says, ``index_server`` opens it.
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from envctl.adapters.index.client import IndexClient
from envctl.adapters.index.logins import Login, without_login
from envctl.adapters.index.transport import LOOPBACK, beside_proxies
from envctl.domain.indexes.mirrors import Key, Transport
from envctl.domain.indexes.routing import served_by
from envctl.domain.manifest import Index
from envctl.errors import EnvctlError, IndexFailure

PATIENCE = "150"  # seconds: what takes longer has failed behind the gate, and there it is known why

LOCAL_MIRROR = ".envctl/local.toml: mirror"


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """One index behind the gate: where it is reached (a mirror, perhaps), and the path that leads there."""

    index: Index
    upstream: str
    path: str


class Gate:
    """A gate before the indexes of ``transport``, among which there is an open one.

    ``failures``: what went wrong behind it, in order. Only who shows ``login`` gets an answer.
    """

    def __init__(self, transport: Transport, client: IndexClient) -> None:
        self.transport = transport
        self.client = client
        self.failures: list[EnvctlError] = []
        self.login = Login(user="envctl", password=secrets.token_urlsafe(24))
        self.doors = {door.path: door for door in _doors(transport)}
        self.port = 0

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://{LOOPBACK}:{self.port}"

    # What it tells the child

    def entrances(self) -> list[tuple[Index, str]]:
        """Return each index with its address here: those that claim names, then the open ones, the default last."""
        doors = list(self.doors.values())
        claimed = [door for door in doors if door.index.packages]
        first, *others = [door for door in doors if not door.index.packages]
        return [
            (door.index, f"{self.origin}/{door.path}/simple") for door in (*claimed, *others, first)
        ]

    def variables(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return uv's variables: the login, and that no proxy stands between."""
        found = beside_proxies(environ) | {"UV_HTTP_TIMEOUT": PATIENCE}
        for number in range(len(self.doors)):
            found[f"UV_INDEX_GATE{number}_USERNAME"] = self.login.user
            found[f"UV_INDEX_GATE{number}_PASSWORD"] = self.login.password
        return found

    def netrc(self) -> str:
        """Return the login as pip takes it without showing it in the list of processes."""
        return f"machine {LOOPBACK} login {self.login.user} password {self.login.password}\n"

    def entrance(self, index: str, name: str) -> str:
        """Return where a project of an index (by its canonical address) is found; itself where that has no door."""
        for each, url in self.entrances():
            if each.url == index.rstrip("/") and self.admits(each, name):
                return url
        return index

    def upstream(self, index: str) -> str:
        """Return where an index is read: at its mirror, where it has one."""
        return without_login(self.transport.mirror(index) or index)

    def named_url(self, index: str, project: str, file: Key) -> str:
        """Return where a file is fetched that its project, name and hash tell: the page is read when it is."""
        door = next(door for door in self.doors.values() if door.index.url == index.rstrip("/"))
        name, digest = file
        return f"{self.origin}/{door.path}/named/{project}/{digest or '-'}/{quote(name)}"

    # What it decides

    def admits(self, index: Index, name: str) -> bool:
        """Whether that index may be asked for a project."""
        return index in served_by(self.transport.indexes, name)

    def file_url(self, door: Door, url: str, name: str) -> str:
        """Return where a file is fetched: here, if only we know the way to it."""
        if self.transport.mirror(door.index.url) is None and not self.client.logins.known(url):
            return url
        return f"{self.origin}/{door.path}/files/{packed(url)}/{quote(name)}"

    # What it meant

    def canonical(self, url: str) -> str:
        """Return the real address for one of the gate's: of the index itself, of a file where it was found."""
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.netloc.rpartition("@")[2] != f"{LOOPBACK}:{self.port}":
            return url
        _, path, kind, *rest = parts.path.split("/")
        if path not in self.doors:
            return url
        index = self.doors[path].index.url
        if kind == "files":
            return unpacked(rest[0])
        return "/".join((index, *rest[: 1 if kind == "named" else None]))

    def plain(self, text: str) -> str:
        """Return a text with the real addresses in the place of the gate's."""
        mine = rf"http://(?:[^\s/@]*@)?{re.escape(LOOPBACK)}:{self.port}"
        ours = rf"{mine}/[^\s`'\"<>()\[\],;]*[^\s`'\"<>()\[\],;.:]"
        return re.sub(ours, lambda match: self.canonical(match[0]), text)

    def trace(self, failure: EnvctlError, path: str) -> None:
        """Say with a failure that the index is this machine's mirror, if it is: the manifest does not name it."""
        door = self.doors.get(path.split("/")[1] if "/" in path else "")
        if door and isinstance(failure, IndexFailure) and self.transport.mirror(door.index.url):
            hint = (failure.hint or "").replace("tool.envctl.index", LOCAL_MIRROR)
            failure.hint = f"it is a mirror of {door.index.url} ({LOCAL_MIRROR}): {hint}"

    def raise_failure(self) -> None:
        """Raise what went wrong first, if anything did."""
        if self.failures:
            raise self.failures[0]


def packed(text: str) -> str:
    """Return a text as it can stand in an address or tag."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpacked(text: str) -> str:
    """Return the text that was packed into an address or tag; empty for one that was not."""
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:  # binascii.Error and UnicodeError are such
        return ""


def _doors(transport: Transport) -> Iterator[Door]:
    """Yield a door for each index. Its path tells what lies behind it and who may be asked for what.

    Tools keep what they got from an address: with other indexes, claims or mirrors it must be another address, and
    with the same ones the same.
    """
    rules = [(index.name, index.url, sorted(index.packages)) for index in transport.indexes]
    for index in transport.indexes:
        upstream = without_login(transport.mirror(index.url) or index.url)
        seen = json.dumps([rules, index.name, upstream])
        path = hashlib.sha256(seen.encode()).hexdigest()[:16]
        yield Door(index=index, upstream=upstream, path=path)
