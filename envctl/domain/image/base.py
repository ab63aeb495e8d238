"""The image that an image starts from: which one fits a Python, and what is known of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

from envctl.domain.blocks import Block
from envctl.domain.image.reference import parse_reference
from envctl.domain.manifest import ImageSettings
from envctl.errors import ImageError

_OFFICIAL = "docker.io/library"
# distribution/reference, without the rarer forms: what is written here becomes part of an instruction.
_REGISTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?(?:/[a-z0-9._-]+)*")
_REFERENCE = re.compile(
    rf"(?P<name>{_REGISTRY.pattern}):(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]*)"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_VERSION = re.compile(r"(\d+\.\d+(?:\.\d+)?)(?:-.*)?")
_WHERE = "tool.envctl.image"
_FROM_AS = 4  # FROM image AS stage

Lack = Literal["interpreter", "python", "glibc", "libc"]
"""Why a base image is not to be had: no Python, another Python, no glibc, or one that is too old."""


class UnfitBase(ImageError):
    """The base image cannot be the one of this project; ``lack`` says which of the reasons it is."""

    def __init__(
        self, lack: Lack, message: str, *, hint: str, subject: str, where: str = f"{_WHERE}.base"
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.lack: Lack = lack
        self.subject = subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """A base image by name and tag, with its digest where that is known, and its glibc."""

    reference: str
    digest: str | None = None
    libc: tuple[int, int] | None = None
    ends: tuple[tuple[str, date], ...] = ()

    @property
    def pinned(self) -> str:
        """What stands behind ``FROM``."""
        return f"{self.reference}@{self.digest}" if self.digest else self.reference

    def at(self, digest: str | None) -> "Base":
        """Return the same image at a digest."""
        return replace(self, digest=digest)


def choose(settings: ImageSettings, python: str) -> Base:
    """Return the usual base image for a Python, by table or as the manifest says; raises ``ImageError``."""
    return candidates(settings, python)[0]


def candidates(
    settings: ImageSettings, python: str, earlier: str | None = None
) -> tuple[Base, ...]:
    """Return the base images that a Python may have, the usual one first; raises ``ImageError``.

    One is there if the manifest names it. ``earlier`` is what stood behind ``FROM`` so far: if that is one of them, it
    comes first, so that a newer table changes no Dockerfile.
    """
    if settings.base is not None:
        return (_named(settings.base, python),)
    minor = ".".join(python.split(".")[:2])
    row = next((row for row in _rows("python") if row["python"] == minor), None)
    if row is None:
        known = ", ".join(row["python"] for row in _rows("python"))
        raise ImageError(
            f"no base image is known for Python {minor} (known: {known})",
            where="tool.envctl.python",
            hint=f"name one yourself in {_WHERE}.base",
        )
    registry = settings.registry or _OFFICIAL
    if not _REGISTRY.fullmatch(registry):
        raise ImageError(
            f"`{registry}` is not a registry",
            where=f"{_WHERE}.registry",
            hint='for example "registry.example/mirror", without https://',
        )
    ends = ((f"Python {minor}", date.fromisoformat(row["end"])),)
    names = (f"{registry}/python:{python}-slim-{suite}" for suite in row["suites"])
    every = [_with_system(Base(reference=name, ends=ends)) for name in names]
    kept = (earlier or "").partition("@")[0]
    return tuple(sorted(every, key=lambda base: base.reference != kept))


def newest_known() -> tuple[str, ...]:
    """Return the Python minors that have a base image: those in support on the table's date, oldest first; the rest."""
    first = date.fromisoformat(f"{table_date()}-01")
    rows = sorted(_rows("python"), key=lambda row: date.fromisoformat(row["end"]) < first)
    return tuple(str(row["python"]) for row in rows)


def next_end(today: date) -> date | None:
    """Return the day on which something of the tables is in support for the last time, from today on."""
    ends = (
        date.fromisoformat(row["end"]) for table in ("python", "systems") for row in _rows(table)
    )
    return min((end for end in ends if end >= today), default=None)


def table_date() -> str:
    """Return the month up to which the table was read."""
    return str(_data()["date"])


def in_block(block: Block | None) -> str | None:
    """Return what stands behind the ``FROM`` of a Dockerfile's base."""
    return froms(block).get("base") if block else None


def froms(block: Block) -> dict[str, str]:
    """Return which images a Dockerfile starts from, by stage; a stage that starts from another one is none."""
    lines = [line.split() for line in block.lines if line.startswith("FROM ")]
    named = [words for words in lines if len(words) == _FROM_AS and words[2].upper() == "AS"]
    return {words[3]: words[1] for words in named if ":" in words[1]}


def kept_digest(reference: str, pinned: str | None) -> str | None:
    """Return the digest of an earlier ``FROM``, if that was for this name and tag."""
    name, _, digest = (pinned or "").partition("@")
    return digest if digest and name == reference and _REFERENCE.fullmatch(pinned or "") else None


def newer_system(libc: tuple[int, int]) -> str | None:
    """Return the first Debian release in the table whose glibc is at least that new."""
    rows = [row for row in _rows("systems") if row["system"].startswith("Debian ")]
    return next((row["tags"][0] for row in rows if _version(row["glibc"]) >= libc), None)


def systems(text: str) -> Iterator[tuple[str, tuple[int, int], date]]:
    """Yield the systems that a text names by a word of its own: name, glibc, end of support."""
    words = set(re.findall(r"[a-z0-9.]+", text))
    for row in _rows("systems"):
        if words.intersection(row["tags"]):
            yield row["system"], _version(row["glibc"]), date.fromisoformat(row["end"])


def _named(text: str, python: str) -> Base:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ImageError(
            f"`{text}` is not an image with a tag",
            where=f"{_WHERE}.base",
            hint='write it as "registry.example/python:3.11-slim-bookworm"',
        )
    known = parse_reference(text, f"{_WHERE}.base")
    if "alpine" in match["tag"]:
        raise UnfitBase(
            "glibc",
            f"`{text}` has musl instead of glibc, and the lock's wheels need glibc",
            subject=text,
            hint="choose an image with Debian, for example a -slim-bookworm one",
        )
    if known.name in _data()["bare"]["names"]:
        raise UnfitBase(
            "interpreter",
            f"`{text}` has no Python",
            subject=text,
            hint=f"name an image with Python {python} there, or none: CUDA comes with the wheels",
        )
    version = _VERSION.fullmatch(match["tag"])
    if version and known.repository.rpartition("/")[2] == "python":
        refuse_python(text, version[1], python)
    return _with_system(Base(reference=text.partition("@")[0], digest=match["digest"]))


def refuse_python(reference: str, has: str, wanted: str) -> None:
    """Raise ``UnfitBase`` where a version and another say different things, as far as both go."""
    if all(a == b for a, b in zip(has.split("."), wanted.split("."), strict=False)):
        return
    raise UnfitBase(
        "python",
        f"`{reference}` has Python {has}, and the image is for {wanted}",
        subject=reference,
        hint=f"name an image with Python {wanted} there, or set tool.envctl.python",
    )


def _with_system(base: Base) -> Base:
    """Add what is known of the Debian or Ubuntu release that the tag names."""
    found = next(systems(base.reference.rpartition(":")[2].replace("-", " ")), None)
    if found is None:
        return base
    name, libc, end = found
    return replace(base, libc=libc, ends=(*base.ends, (name, end)))


def _version(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


@cache
def _data() -> dict[str, Any]:
    text = files("envctl").joinpath("data/images.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _rows(table: str) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", _data()[table]["rows"])
