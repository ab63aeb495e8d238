"""``.envctl/local.toml``: what one person or machine adds to a project. It is not committed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from envctl.domain import reading
from envctl.errors import ManifestError

_KEYS = ("profile", "env", "mirror")
_LATER = ("env-file", "machine")
_URL = re.compile(r"(https?://[^/\s]+|file://)[^\s]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Local:
    """The chosen profile, variables, and mirrors: the address of an index in the manifest → where to fetch instead.

    A mirror's address may hold credentials: it is never written into another file, nor shown.
    """

    profile: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    mirrors: Mapping[str, str] = field(default_factory=dict)


def parse_local(data: reading.Table) -> Local:
    """Read a parsed ``local.toml``; raises ``ManifestError`` with the key that is wrong."""
    for key in _LATER:
        if key in data:
            raise ManifestError(
                "this version of envctl does not read that key yet",
                where=key,
                hint="take it out, or use an envctl that knows it",
            )
    reading.only(data, _KEYS, "")
    return Local(
        profile=reading.text(data, "profile", ""),
        env=reading.variables(data, "env", ""),
        mirrors=_mirrors(data),
    )


def _mirrors(data: reading.Table) -> dict[str, str]:
    """Read ``[mirror]``: ``"https://index.example/simple" = "https://mirror.example/simple"``."""
    table = reading.table(data, "mirror", "")
    found = {}
    for url in table:
        mirror = reading.required_text(table, url, "mirror")
        for each in (url, mirror):
            if not _URL.fullmatch(each):
                raise ManifestError(
                    "not the address of an index",
                    where="mirror",
                    hint='write `[mirror]` with lines like "https://the.index/simple" = "https://mirror/simple"',
                )
        found[url.rstrip("/")] = mirror.rstrip("/")
    return found
