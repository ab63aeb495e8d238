"""The project page of a package index: PEP 691 JSON or PEP 503 HTML, as the files that it lists.

Most indexes that teams have serve HTML only: no sizes, no upload times. So these are optional, and so is the hash.
A page is a stranger's text: whatever is in it, ``IndexFailure`` is all that is raised.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urldefrag, urljoin, urlsplit

from envctl.errors import IndexFailure

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
ACCEPT = f"{JSON}, {HTML};q=0.2, text/html;q=0.01"  # as PEP 691 advises

# A wheel or an sdist (PEP 427, 625); anything else in the name could lead out of a folder or a line.
_FILE = re.compile(r"[\w.+!-]+\.(whl|tar\.gz|zip)", re.ASCII)
# Hashes that are secure and that every installer of a lock knows, with their length in hex digits.
_HASHES = {"sha256": 64, "sha384": 96, "sha512": 128}
_METADATA = ("core-metadata", "dist-info-metadata")  # PEP 714: the new name and the old one
_FORM = re.compile(r"<form\b|<script\b|type\s*=\s*[\"']?password", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexFile:
    """One file of a project, with what its index tells of it."""

    name: str
    url: str
    hashes: Mapping[str, str]
    size: int | None = None
    upload_time: datetime | None = None
    requires_python: str | None = None
    yanked: bool = False
    metadata: bool = False
    """Whether the file's metadata is served beside it, at ``url + ".metadata"`` (PEP 658)."""


def read_index_page(text: str, *, url: str, media: str) -> tuple[IndexFile, ...]:
    """Read a page that was served at ``url`` as ``media``; files that are no wheel or sdist are left out."""
    try:
        if media in (JSON, "application/json"):
            return tuple(_from_json(text, url))
        if media in (HTML, "text/html"):
            return _from_html(text, url)
    except (ValueError, RecursionError, AssertionError) as error:
        # ValueError: no JSON, no address. AssertionError: html.parser at an unknown declaration.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _broken(f"it cannot be read ({reason})", url) from error
    raise _broken(f"it is served as `{media or 'nothing'}`", url)


def _from_json(text: str, url: str) -> Iterator[IndexFile]:
    page = json.loads(text)
    if not isinstance(page, dict) or not isinstance(page.get("files"), list):
        raise _broken("it has no list of files", url)
    meta = page.get("meta")
    _known_version(meta.get("api-version") if isinstance(meta, dict) else None, url)
    for position, entry in enumerate(page["files"]):
        if not isinstance(entry, dict):
            raise _broken(f"files[{position}]: expected an object", url)
        for key in ("filename", "url"):
            if not isinstance(entry.get(key), str):
                raise _broken(f"files[{position}].{key}: expected a string", url)
        address = _address(url, entry["url"])
        if address and _FILE.fullmatch(entry["filename"]):
            yield IndexFile(
                name=entry["filename"],
                url=address,
                hashes=_hashes(entry.get("hashes")),
                size=_size(entry.get("size")),
                upload_time=_time(entry.get("upload-time")),
                requires_python=_text(entry.get("requires-python")),
                yanked=entry.get("yanked", False) is not False,
                metadata=any(entry.get(each) for each in _METADATA),
            )


def _from_html(text: str, url: str) -> tuple[IndexFile, ...]:
    page = _Page()
    page.feed(text)
    # html.parser holds back a tag that has not ended. (Not closed: it would take the rest for text.)
    if page.rawdata.startswith("<"):
        raise _broken("it ends in the middle of a tag: it was cut off", url)
    _known_version(page.version, url)
    base = urljoin(url, page.base or "")
    files = tuple(file for link in page.links if (file := _linked(link, base)))
    if not files and page.version is None and _FORM.search(text):
        raise IndexFailure(
            "a web page came instead of the index's page: most likely a login",
            where=url,
            hint="correct the index's address (it usually ends in /simple); "
            "log in to the network or the proxy; see what the address shows in a browser",
        )
    return files


class _Page(HTMLParser):
    """Collects a page's links, the address that they are relative to, and its API version."""

    def __init__(self) -> None:
        super().__init__()
        self.base: str | None = None
        self.version: str | None = None
        self.links: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in known:
            self.links.append(known)
        elif tag == "base" and self.base is None:
            self.base = known.get("href")
        elif tag == "meta" and known.get("name") == "pypi:repository-version":
            self.version = known.get("content")


def _linked(link: Mapping[str, str], base: str) -> IndexFile | None:
    address = _address(base, link["href"])
    name = unquote(urlsplit(address).path.rpartition("/")[2]) if address else ""
    if not address or not _FILE.fullmatch(name):
        return None
    return IndexFile(
        name=name,
        url=address,
        hashes=_hashes(dict(parse_qsl(urldefrag(link["href"].strip()).fragment))),
        upload_time=_time(link.get("data-upload-time")),  # in no PEP, but some indexes have it
        requires_python=link.get("data-requires-python") or None,
        yanked="data-yanked" in link,
        metadata=any(link.get(f"data-{each}", "false") != "false" for each in _METADATA),
    )


def _address(base: str, text: str) -> str | None:
    """Return the absolute address without fragment and login; ``None`` when it is not one to fetch from."""
    parts = urlsplit(urldefrag(urljoin(base, text.strip())).url)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in ("http", "https") or not host:
        return None
    return quote(parts._replace(netloc=host).geturl(), safe="%/:=&?~+!$,;'@()*[]")


def _hashes(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {
        kind: digest.lower()
        for kind, digest in sorted(value.items())
        if isinstance(digest, str)
        and len(digest) == _HASHES.get(kind)
        and re.fullmatch(r"[0-9a-fA-F]+", digest)
    }


def _size(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63
    return value if known else None


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _known_version(version: Any, url: str) -> None:
    """Refuse an API that is not the one described (PEP 629: another major version may mean anything)."""
    if isinstance(version, str) and version.partition(".")[0] not in ("1", ""):
        raise _broken(f"it follows version {version[:20]} of the index API; envctl knows 1.x", url)


def _broken(reason: str, url: str) -> IndexFailure:
    return IndexFailure(
        f"the index's page is not as it should be: {reason}",
        where=url,
        hint="run it again; if it stays so, see what the address shows in a browser",
    )
