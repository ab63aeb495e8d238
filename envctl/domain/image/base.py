"""The image that an image starts from: which one fits a Python, and what is known of it."""

import json
import re
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, cast

from envctl.domain.manifest import ImageSettings
from envctl.errors import ImageError

_OFFICIAL = "docker.io/library"
# distribution/reference, without the rarer forms: what is written here becomes part of an instruction.
_REGISTRY = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?(?:/[a-z0-9._-]+)*")
_REFERENCE = re.compile(
    rf"(?P<name>{_REGISTRY.pattern}):(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]*)"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_WHERE = "tool.envctl.image"


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
    """Return the base image for a Python, by table or as the manifest says; raises ``ImageError``."""
    if settings.base is not None:
        return _named(settings.base)
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
    return _with_suite(Base(reference=f"{registry}/python:{python}-slim-{row['suite']}", ends=ends))


def newest_known() -> tuple[str, ...]:
    """Return the Python minors that have a base image, oldest first."""
    return tuple(str(row["python"]) for row in _rows("python"))


def table_date() -> str:
    """Return the month up to which the table was read."""
    return str(_data()["date"])


def kept_digest(reference: str, pinned: str | None) -> str | None:
    """Return the digest of an earlier ``FROM``, if that was for this name and tag."""
    name, _, digest = (pinned or "").partition("@")
    return digest if digest and name == reference and _REFERENCE.fullmatch(pinned or "") else None


def _named(text: str) -> Base:
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ImageError(
            f"`{text}` is not an image with a tag",
            where=f"{_WHERE}.base",
            hint='write it as "registry.example/python:3.11-slim-bookworm"',
        )
    if "alpine" in match["tag"]:
        raise ImageError(
            f"`{text}` has musl instead of glibc, and the lock's wheels need glibc",
            where=f"{_WHERE}.base",
            hint="choose an image with Debian, for example a -slim-bookworm one",
        )
    return _with_suite(Base(reference=text.partition("@")[0], digest=match["digest"]))


def _with_suite(base: Base) -> Base:
    """Add what is known of the Debian release that the tag names."""
    words = base.reference.rpartition(":")[2].split("-")
    row = next((row for row in _rows("debian") if row["suite"] in words), None)
    if row is None:
        return base
    major, minor = row["glibc"].split(".")
    end = (f"Debian {row['suite']}", date.fromisoformat(row["end"]))
    return replace(base, libc=(int(major), int(minor)), ends=(*base.ends, end))


@cache
def _data() -> dict[str, Any]:
    text = files("envctl").joinpath("data/images.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


def _rows(table: str) -> list[dict[str, str]]:
    return cast("list[dict[str, str]]", _data()[table]["rows"])
