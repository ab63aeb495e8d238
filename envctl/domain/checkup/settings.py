"""Personal configuration of pip and uv: what envctl takes of it, and what it does not.

The rule is that of product.md, "Whose word counts". Variables that say how a place is reached are taken. Variables that
say what is installed are not, and no configuration file of theirs is read at all.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from envctl.domain.checkup.network import BUNDLES

Topic = Literal["index", "versions", "transport", "builds"]

MEND: Mapping[Topic, str] = {
    "index": (
        "name the index for everyone in [[tool.envctl.index]] of pyproject.toml; where it is a mirror of one, "
        "name it under [mirror] in .envctl/local.toml"
    ),
    "versions": (
        "say it for everyone in [tool.envctl] of pyproject.toml: `python`, `constraints`, "
        "`exclude-newer`, or a bound in the requirement itself"
    ),
    "transport": "say it by variables: HTTPS_PROXY, SSL_CERT_FILE, UV_HTTP_TIMEOUT, PIP_CLIENT_CERT",
    "builds": "say it for everyone in [tool.envctl.build] of pyproject.toml, if it is needed",
}
"""What to do about a setting that is not honoured."""

_TOPICS: Mapping[Topic, str] = {
    "index": r"""
        index|index-url|extra-index-url|default-index|find-links|no-index|index-strategy|proxy-url|pypi-mirror
        |torch-backend|sources|no-sources
    """,
    "versions": r"""
        constraints?|build-constraints?|overrides?|excludes?|constraint-dependencies|override-dependencies
        |exclude-dependencies|exclude-newer(-package)?|uploaded-prior-to|pre|prerelease|all-releases|only-final
        |resolution|fork-strategy|requirement|upgrade(-package)?|python|python-version|python-platform|environments
        |required-environments|dependency-metadata
    """,
    "builds": r"""
        no-binary(-package)?|only-binary|no-build(-package)?|no-build-isolation(-package)?|build-isolation
        |config-settings?(-package)?|prefer-binary|extra-build-\w+|use-pep517
    """,
    "transport": r"""
        proxy|https?-proxy|all-proxy|cert|client-cert|trusted-host|allow-insecure-host|native-tls|system-certs|offline
        |cache-dir|link-mode|keyring-provider
    """,
}
# As `adapters.uv.program` and `adapters.piptools.program` let them through.
_TAKEN = re.compile(
    r"UV_(CACHE_DIR|SYSTEM_CERTS|NATIVE_TLS|HTTP_TIMEOUT|HTTP_CONNECT_TIMEOUT|HTTP_RETRIES|OFFLINE|KEYRING_PROVIDER"
    r"|CONCURRENT_\w+|LINK_MODE|LOCK_TIMEOUT|INDEX_\w+_(USERNAME|PASSWORD))"
    r"|PIP_(CERT|CLIENT_CERT|PROXY|TIMEOUT|DEFAULT_TIMEOUT|RETRIES)"
)
_INSTEAD: Mapping[str, tuple[str, ...]] = {
    "cert": BUNDLES,
    "client-cert": ("PIP_CLIENT_CERT", "SSL_CLIENT_CERT"),
    "proxy": ("PIP_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
    "cache-dir": ("UV_CACHE_DIR",),
    "link-mode": ("UV_LINK_MODE",),
}
_LOGIN = re.compile(r"UV_INDEX_\w+_(USERNAME|PASSWORD)")


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingsFile:
    """A configuration file of ``tool`` that is there: its keys (``global.index-url``), never a value.

    ``problem``: why it cannot be read.
    """

    tool: Literal["pip", "uv"]
    path: str
    keys: tuple[str, ...] = ()
    problem: str | None = None


def topic(key: str) -> Topic | None:
    """Return what a setting is about, as a file names it; ``None``: nothing that changes an answer."""
    plain = key.lower().replace("_", "-").rpartition(".")[2]
    shapes = _TOPICS.items()
    return next((name for name, shape in shapes if re.fullmatch(shape, plain, re.VERBOSE)), None)


def said_otherwise(key: str, environ: Mapping[str, str]) -> bool:
    """Whether variables that are taken say the same kind of thing as a key of a file does."""
    names = _INSTEAD.get(key.lower().replace("_", "-").rpartition(".")[2], ())
    return any(environ.get(name) for name in names)


def taken(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the variables of uv and pip that are passed on, logins left out, sorted."""
    names = (name for name in environ if _TAKEN.fullmatch(name) and not _LOGIN.fullmatch(name))
    return tuple(sorted(names))


def dropped(environ: Mapping[str, str]) -> Iterator[tuple[Topic | None, str]]:
    """Yield the variables of uv and pip that are not passed on, with what they are about, sorted by name."""
    for name in sorted(environ):
        if name.startswith(("UV_", "PIP_")) and not _TAKEN.fullmatch(name) and environ[name]:
            yield topic(name.partition("_")[2]), name


def by_topic(pairs: Iterable[tuple[Topic | None, str]]) -> dict[Topic | None, tuple[str, ...]]:
    """Return the names of each topic."""
    found: dict[Topic | None, tuple[str, ...]] = {}
    for about, name in pairs:
        found[about] = (*found.get(about, ()), name)
    return found
