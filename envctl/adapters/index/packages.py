"""Pins turned into a lock's packages: each with its index and its files, as the index's pages list them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urldefrag, urlsplit

from packaging.markers import Marker
from packaging.pylock import Package, Pylock

from envctl.adapters import resolver_words
from envctl.adapters.index.client import IndexClient
from envctl.adapters.index.default import default_index
from envctl.adapters.index.files import Chosen, Taste, choose, version_in, with_hashes
from envctl.adapters.index.way import Way
from envctl.domain.indexes.routing import complete, served_by
from envctl.domain.lock.entry import CREATOR
from envctl.domain.manifest import Index
from envctl.errors import HashMismatchError, ResolutionError
from envctl.readers.compiled import Compiled
from envctl.readers.index_page import IndexFile

_UV = 'use `resolver = "uv"` in [tool.envctl]'
_Pages = Mapping[tuple[str, str], tuple[IndexFile, ...] | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The indexes, among them an open one, and the way to them."""

    indexes: tuple[Index, ...]
    way: Way

    def places(self, name: str) -> tuple[str, ...]:
        """Return the addresses of the indexes from which a package may come."""
        return sources(name, self.indexes)

    def look(self, name: str) -> tuple[Sequence[IndexFile] | None, Sequence[str]]:
        """Return what the indexes that may have a package have of it, and these indexes' addresses."""
        urls = self.places(name)
        found = [self.way.client().project(self.way.upstream(url), name) for url in urls]
        if all(files is None for files in found):
            return None, urls
        return [file for files in found for file in files or ()], urls

    def pages(self, names: Iterable[str]) -> _Pages:
        """Read all pages on which a package may stand: by index, in its canonical address, and name."""
        upstream = {
            (url, name): self.way.upstream(url) for name in names for url in self.places(name)
        }
        found = self.way.client().projects((place, name) for (_, name), place in upstream.items())
        return {(url, name): found[place, name] for (url, name), place in upstream.items()}


def sources(name: str, indexes: Sequence[Index]) -> tuple[str, ...]:
    """Return the addresses of the indexes from which a package may come."""
    whole = complete(indexes, default_index())
    return tuple(index.url for index in served_by(whole, name))


def fetch(
    pins: Sequence[Compiled], markers: Mapping[str, Marker | None], taste: Taste, source: Source
) -> tuple[tuple[Package, ...], tuple[str, ...]]:
    """Read the pages of all pinned packages; return their entries, sorted by name, and a note for a yanked one."""
    pages = source.pages(pin.name for pin in pins if pin.version)
    homes: dict[str, str] = {}
    chosen: dict[str, Chosen] = {}
    for pin in pins:
        if pin.version:
            found = _served(pin.name, pin.version, source.places(pin.name), pages, taste)
            homes[pin.name], chosen[pin.name] = found
    client = source.way.client()
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
    yanked = (p for p in pins if p.version and p.name in chosen and chosen[p.name].yanked)
    notes = tuple(resolver_words.yanked(pin.name, pin.version or "") for pin in yanked)
    return tuple(Pylock.from_dict(whole).packages), notes


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
        hint=f"ask for a version of `{name}` that is there",
    )


def lockable(name: str, url: str) -> None:
    """Refuse a direct reference that is no file on a server: only uv locks repositories and folders."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or "@" in parts.netloc:
        kind = "a repository" if "+" in parts.scheme else "a file or folder of this machine"
        raise ResolutionError(
            f"pip-tools gives no lock entry for `{name}`, which comes from {kind}",
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
