"""``.envctl/local.toml``: what one person or machine adds to a project. It is not committed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from envctl.domain import reading
from envctl.errors import ManifestError

_KEYS = ("profile", "env", "env-file", "mirror")
_LATER = ("machine",)
_URL = re.compile(r"(https?://[^/\s]+|file://)[^\s]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Local:
    """The chosen profile, variables, and mirrors: the address of an index in the manifest → where to fetch instead.

    ``env_files``: paths, as written, of files that hold secrets; each counts more than those before it. A mirror's
    address may hold credentials: it is never written into another file, nor shown.
    """

    profile: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    env_files: tuple[str, ...] = ()
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
        env_files=_env_files(data),
        mirrors=_mirrors(data),
    )


def _env_files(data: reading.Table) -> tuple[str, ...]:
    """Read ``env-file = "secrets.env"``, or a list of such paths."""
    value = data.get("env-file", [])
    paths = (value,) if isinstance(value, str) else reading.texts(data, "env-file", "")
    for path in paths:
        if not path.strip() or "\0" in path or "\n" in path:
            raise ManifestError(
                "not the path of a file",
                where="env-file",
                hint='write for example `env-file = ".env"`, as seen from the project\'s folder',
            )
    return paths


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
