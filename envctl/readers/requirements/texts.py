"""One requirement as pip takes it, to the PEP 508 text that a manifest can hold on every machine."""

import re
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement

from envctl.errors import ManifestError
from envctl.readers import addresses


@dataclass(frozen=True, kw_only=True, slots=True)
class Portable:
    """A PEP 508 requirement; ``stripped``: its address held credentials."""

    text: str
    stripped: bool = False


class LeftOutError(Exception):
    """A requirement that means something only on this machine, or that names no package."""


def portable(text: str, where: str) -> Portable:
    """Return the requirement; raises ``LeftOutError``, or ``ManifestError`` for what pip refuses as well."""
    if addresses.is_address(text) and not text.startswith("file:"):
        return _bare_address(text, where)
    if " @ " not in text and "@" not in text.partition("://")[0] and addresses.is_path(text):
        raise LeftOutError(_why_no_path(text))
    parsed = _parsed(text, where)
    if parsed.url is None:
        return Portable(text=text)
    if "://" not in parsed.url or parsed.url.startswith("file:"):
        raise LeftOutError("a path means something on this machine only: publish it on an index")
    clean = _clean(parsed.url)
    return Portable(text=text.replace(parsed.url, clean, 1), stripped=clean != parsed.url)


def _bare_address(text: str, where: str) -> Portable:
    address, marker = (*re.split(r"\s*;\s+|\s+;", text, maxsplit=1), "")[:2]
    clean = _clean(address)
    name = addresses.named(clean)
    if name is None:
        raise LeftOutError(f"it names no package: write `NAME @ {clean}`")
    carried = f"{name} ; {marker.strip()}" if marker.strip() else name
    _parsed(carried, where)
    return Portable(text=carried, stripped=clean != address)


def _clean(url: str) -> str:
    clean = addresses.public(url)
    if clean is None:
        raise LeftOutError("its address holds something secret: take that out, and add it by hand")
    if "${" in clean:
        raise LeftOutError("its address depends on the environment: write the address itself")
    return clean


def _parsed(text: str, where: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        if "${" in text:
            raise LeftOutError("it depends on the environment: write what it stands for") from error
        shown = addresses.redacted(text)
        raise ManifestError(
            f"`{shown}` is not a requirement: {addresses.redacted(str(error).splitlines()[0])}",
            where=where,
            hint="write it as PEP 508 has it, for example `numpy>=2; python_version < '3.13'`",
        ) from error


def _why_no_path(text: str) -> str:
    if re.fullmatch(r"\.(\[[^\]]*\])?", text.strip()):
        return "the project itself is not one of its own dependencies"
    return "a path means something on this machine only: publish it on an index, or give its `NAME @ URL`"
