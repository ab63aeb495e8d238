"""What an image builds: packages that the lock has only as source, and the project itself as a package.

Each is compiled in a stage of its own, in an environment of its locked build requirements; its wheel alone is carried
into the part that it belongs to.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

from packaging.pylock import PackageSdist

from envctl.domain.blocks import digest
from envctl.domain.build import Need
from envctl.domain.image.layers import Part
from envctl.domain.lock.hashes import strong
from envctl.domain.lock.slices import Item
from envctl.domain.platforms import Platform
from envctl.errors import LockError

Section = Part | Literal["project", "build"]
"""Where a wheel goes: a part of the environment, the project's own layer, or only other build environments."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_VERSION = re.compile(r"[a-z0-9.!+]*")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,240}\.(tar\.gz|tgz|zip|tar\.bz2|tar\.xz)")
_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f\"'\\<>`{}|^#]+", re.IGNORECASE)
_AGAIN = "run `envctl lock`; if it stays so, ask who wrote this file and whoever runs the index"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One thing to be built: ``file`` is its sdist, ``None`` for the project. ``machines``: where it is built.

    ``within``: the wheels of its build environment. ``after``: the other sources whose wheels belong there too, by
    stage, with the machines where that is so.
    """

    stage: str
    name: str
    version: str = ""
    section: Section
    machines: tuple[str, ...]
    file: PackageSdist | None = None
    within: Mapping[Platform, tuple[Item, ...]]
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()

    @property
    def pylock(self) -> str:
        """The name of the list of its build environment."""
        return f"pylock.{self.stage}.toml"

    @property
    def fetched(self) -> str:
        """The name of the list that says where its sdist is."""
        return f"{self.stage}.txt"

    @property
    def requirement(self) -> str:
        """``name==version``; the project's name alone."""
        return f"{self.name}=={self.version}" if self.version else self.name

    def line(self) -> str:
        """Return name, hash and address of its sdist, as ``fetch.py`` reads them; the best hash that is known."""
        if self.file is None:
            return ""
        known = strong(self.file.hashes)
        kind = next(each for each in ("sha256", "sha512", "sha384") if each in known)
        return f"{_file_name(self.file)} {kind}:{known[kind]} {self.file.url}\n"


def is_name(text: str) -> bool:
    """Whether it is a normalised name (PEP 503) and nothing else: it becomes part of commands."""
    return bool(_NAME.fullmatch(text))


def checked_source(item: Item, sdist: PackageSdist, where: str) -> None:
    """Refuse what a build must not be told: the lock's word becomes part of a command and of a list."""
    named = is_name(item.name) and _VERSION.fullmatch(item.version)
    url = sdist.url or ""
    if not named or not _FILE.fullmatch(_file_name(sdist)):
        raise LockError(
            f"{sdist.name or url!r} is not the name of a source of `{item.name}`",
            where=where,
            hint=_AGAIN,
        )
    if not _ADDRESS.fullmatch(url) or "@" in urlsplit(url).netloc:
        raise LockError(
            f"the address of the source of `{item.name}` is not one that a build may fetch: {url!r}",
            where=where,
            hint="put it on an index that the whole team reaches, the login into ~/.netrc, "
            "then run `envctl lock`",
        )
    if not strong(sdist.hashes):
        raise LockError(
            f"the source of `{item.name}` has no hash that holds", where=where, hint=_AGAIN
        )


def _file_name(sdist: PackageSdist) -> str:
    return sdist.name or unquote((sdist.url or "").rpartition("/")[2])


def sources_digest(built: Iterable[Source]) -> str | None:
    """Return a digest of how things are built; ``None``: nothing is. What is built is in the slices' digests."""
    seen = [
        {
            "source": each.requirement,
            "section": each.section,
            "env": dict(each.env),
            "needs": each.needs,
            "after": dict(each.after),
            "within": {
                platform.name: [
                    [item.name, item.version, sorted(item.hashes.values())] for item in items
                ]
                for platform, items in each.within.items()
            },
        }
        for each in built
    ]
    return digest(json.dumps(seen, sort_keys=True)) if seen else None
