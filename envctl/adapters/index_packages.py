"""Pins turned into a lock's packages: each with its index and its files, as the index's pages list them."""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, unquote, urldefrag, urlsplit

from packaging.markers import Marker
from packaging.pylock import Package, Pylock

from envctl.adapters import piptools
from envctl.adapters.index_client import IndexClient
from envctl.adapters.index_files import Chosen, Taste, choose, version_in, with_hashes
from envctl.domain.lock_entry import CREATOR
from envctl.domain.manifest import Index
from envctl.errors import HashMismatchError, ResolutionError
from envctl.readers.compiled import Compiled
from envctl.readers.index_page import IndexFile

_UV = 'use `resolver = "uv"` in [tool.envctl]'
_Pages = Mapping[tuple[str, str], tuple[IndexFile, ...] | None]


def sources(name: str, indexes: Sequence[Index]) -> tuple[str, ...]:
    """Return the indexes from which a package may come: those that claim its name, or else the open ones."""
    claiming = [index.url for index in indexes if any(_claims(p, name) for p in index.packages)]
    opened = [index.url for index in indexes if not index.packages]
    return tuple(claiming or opened or [piptools.default_index()])


def fetch(
    pins: Sequence[Compiled],
    markers: Mapping[str, Marker | None],
    indexes: Sequence[Index],
    taste: Taste,
    client: IndexClient,
) -> tuple[Package, ...]:
    """Read the pages of all pinned packages and return their entries, sorted by name."""
    places = {pin.name: sources(pin.name, indexes) for pin in pins if pin.version}
    pages = client.projects((index, name) for name, urls in places.items() for index in urls)
    homes: dict[str, str] = {}
    chosen: dict[str, Chosen] = {}
    for pin in pins:
        if pin.version:
            found = _served(pin.name, pin.version, places[pin.name], pages, taste)
            homes[pin.name], chosen[pin.name] = found
    chosen = with_hashes(chosen, client)
    tables = []
    for pin in sorted(pins, key=lambda pin: pin.name):
        table: dict[str, Any] = {"name": pin.name}
        if markers.get(pin.name):
            table["marker"] = str(markers[pin.name])
        if pin.version:
            table |= {"version": pin.version, "index": homes[pin.name]}
            table |= chosen[pin.name].table()
        else:
            table |= _direct(pin, client)
        tables.append(table)
    whole = {"lock-version": "1.0", "created-by": CREATOR, "packages": tables}
    return tuple(Pylock.from_dict(whole).packages)


def _claims(pattern: str, name: str) -> bool:
    """Whether a pattern means a package: written as anyone writes names, compared as PEP 503 has it."""
    return fnmatchcase(name, re.sub(r"[-_.]+", "-", pattern).lower())


def _served(
    name: str, version: str, urls: Sequence[str], pages: _Pages, taste: Taste
) -> tuple[str, Chosen]:
    """Return the first index that has usable files of that version, with these."""
    for index in urls:
        chosen = choose(pages[index, name] or (), version, taste)
        if chosen:
            return index, chosen
    raise ResolutionError(
        f"`{name}` {version} was found, but not with a usable file on {' or '.join(urls)}, "
        "from where alone it may come",
        where="tool.envctl.index",
        hint=f"pip looks on all indexes for every package; {_UV}, which keeps them apart, "
        f"or ask for a version of `{name}` that is there",
    )


def lockable(name: str, url: str) -> None:
    """Refuse a direct reference that is no file on a server: only uv locks repositories and folders."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        raise ResolutionError(
            f"pip-tools gives no lock entry for `{name} @ {parts.scheme}:…`",
            where="pyproject.toml",
            hint=f"{_UV}, which locks repositories and folders too",
        )


def _direct(pin: Compiled, client: IndexClient) -> dict[str, Any]:
    """Return the entry of a wheel or sdist that a requirement names by its address."""
    lockable(pin.name, pin.url or "")
    address, fragment = urldefrag(pin.url or "")
    named = dict(parse_qsl(fragment))
    digest = client.digest(address)
    if named.get("sha256", digest.sha256).lower() != digest.sha256:
        raise HashMismatchError(
            f"the file for `{pin.name}` is not the one that its requirement names",
            where=address,
            hint="correct the #sha256=… in the requirement, or ask whoever serves the file",
        )
    table: dict[str, Any] = {
        "archive": {"url": address, "size": digest.size, "hashes": {"sha256": digest.sha256}}
    }
    if "subdirectory" in named:
        table["archive"]["subdirectory"] = named["subdirectory"]
    version = version_in(unquote(urlsplit(address).path.rpartition("/")[2]))
    return ({"version": str(version)} if version else {}) | table
