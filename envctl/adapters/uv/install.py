"""One slice of a lock into one environment, through uv: straight, or through the gate.

Every file comes by its hash. The indexes are named all the same: uv finds their logins by that, and the
requirements of a build come from them and from nowhere else. The gate is needed for a mirror, and where something is
built and an index claims names: a build may ask for a private one.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import tomli_w

from envctl.adapters.index.way import Way
from envctl.adapters.uv import program as uv
from envctl.domain.indexes.fetching import Heard
from envctl.domain.indexes.mirrors import Transport, redirected
from envctl.domain.indexes.routing import complete
from envctl.errors import EnvctlError, HashMismatchError, IndexFailure, ResolutionError
from envctl.ports import Runner

if TYPE_CHECKING:
    from envctl.adapters.index.logins import Logins

_SLICE = "pylock.slice.toml"
_CONFIG = "envctl-uv.toml"
_REFUSED = re.compile(r"\b(?:401|403)\b")
_SYNC = ("pip", "sync", "--preview-features", "pylock", "--allow-empty-requirements")


def install(
    run: Runner,
    path: Path,
    slice_text: str,
    transport: Transport,
    *,
    root: Path,
    heard: Heard | None = None,
    offline: bool = False,
) -> None:
    """Install a slice (the text of a lock) into the environment at ``path``; ``root``: where its paths start from.

    ``heard`` is told what is fetched; ``offline``: nothing is, uv's cache must have it. Raises ``IndexFailure``,
    ``HashMismatchError``, ``ResolutionError`` for what cannot be built.
    """
    table = _rooted(tomllib.loads(slice_text), root)
    if offline:
        _sync(run, path, table, _straight(transport), heard, "--offline")
        return
    mirrored = any(transport.mirror(package.get("index")) for package in table["packages"])
    built = not all("wheels" in package for package in table["packages"])
    if mirrored or (built and any(index.packages for index in transport.indexes)):
        _through_gate(run, path, table, transport, heard)
        return
    try:
        _sync(run, path, table, _straight(transport), heard)
    except (IndexFailure, ResolutionError) as error:
        if isinstance(error, IndexFailure) and not _REFUSED.search(error.details):
            raise
        logins = _logins(transport, run)
        for index in transport.indexes:
            if logins.known(index.url) is None:
                logins.ask(index.url)
        if not logins.learned():
            raise
        _sync(run, path, table, _straight(transport, logins.variables()), heard)


def _through_gate(
    run: Runner, path: Path, table: Mapping[str, Any], transport: Transport, heard: Heard | None
) -> None:
    from envctl.adapters.index.client import IndexClient  # noqa: PLC0415  # lazy: HTTP
    from envctl.adapters.index.default import default_index  # noqa: PLC0415
    from envctl.adapters.index.server import opened  # noqa: PLC0415

    whole = Transport(
        indexes=complete(transport.indexes, default_index()), mirrors=transport.mirrors
    )
    client = IndexClient(os.environ, _logins(whole, run))
    with opened(whole, client) as gate:
        way = Way(indexes=tuple(gate.entrances()), client=lambda: client, gate=gate)
        try:
            _sync(run, path, redirected(table, whole, gate.named_url), way, heard)
        except EnvctlError as error:
            gate.raise_failure()
            if isinstance(error, HashMismatchError):
                raise _mirrors_fault(error, table, whole) from error
            raise


def _sync(
    run: Runner, path: Path, table: Mapping[str, Any], way: Way, heard: Heard | None, *more: str
) -> None:
    wanted, config = path / _SLICE, path / _CONFIG
    wanted.write_text(tomli_w.dumps(table), encoding="utf-8")
    tables = [*_known(table, way), *way.tables()]
    config.write_text(tomli_w.dumps({"index": tables}), encoding="utf-8")
    python = str(path / "bin" / "python")
    # A folder may have changed since uv built it last, and nothing in a lock tells.
    fresh = [f"--refresh-package={p['name']}" for p in table["packages"] if "directory" in p]
    quiet = () if heard else ("--quiet",)
    options = [*_SYNC, *quiet, *fresh, *more, "--python", python, str(wanted)]
    uv.call(run, options, cwd=path, config=config, way=way, heard=heard)
    for left in (wanted, config, path / ".lock"):  # the last is uv's own, for the time it takes
        left.unlink(missing_ok=True)


def _known(table: Mapping[str, Any], way: Way) -> list[dict[str, Any]]:
    """Return the indexes that the slice names and uv is not told of yet, such that it asks them for nothing.

    uv looks for what it has in its cache below the indexes that it knows, and nowhere else.
    """
    told = {url for _, url in way.indexes}
    named = dict.fromkeys(package.get("index") for package in table["packages"])
    return [
        {"name": f"locked{number}", "url": url, "explicit": True}
        for number, url in enumerate(each for each in named if each and each not in told)
    ]


def _straight(transport: Transport, variables: Mapping[str, str] | None = None) -> Way:
    """Return the way to each index by its own address; those that claim names are asked for nothing else."""
    opened = [index for index in transport.indexes if not index.packages]
    claiming = [index for index in transport.indexes if index.packages]
    ordered = (*claiming, *opened[1:], *opened[:1])
    return Way(indexes=tuple((index, index.url) for index in ordered), extra=dict(variables or {}))


def _logins(transport: Transport, run: Runner) -> "Logins":
    from envctl.adapters.index.logins import Logins  # noqa: PLC0415  # lazy

    return Logins(os.environ, transport, run=run)


def _rooted(table: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Make the paths absolute: those of a lock are relative to its own folder (PEP 751), the slice lies elsewhere."""

    def rooted(value: Any) -> Any:
        if isinstance(value, list):
            return [rooted(each) for each in value]
        if isinstance(value, dict):
            found = {key: rooted(each) for key, each in value.items()}
            if isinstance(found.get("path"), str):
                found["path"] = str(root / found["path"])
            return found
        return value

    return {**table, "packages": rooted(table["packages"])}


def _mirrors_fault(
    error: HashMismatchError, table: Mapping[str, Any], transport: Transport
) -> HashMismatchError:
    """Name the mirror that the file came from, if it came from one."""
    from envctl.adapters.index.logins import without_login  # noqa: PLC0415  # lazy

    found = re.search(r"Hash mismatch for `([\w.-]+)==", error.details)
    for package in table["packages"]:
        mirror = transport.mirror(package.get("index"))
        if found and package["name"] == found[1] and mirror:
            place = without_login(mirror)
            return HashMismatchError(
                f"the file for `{package['name']}` that the mirror at {urlsplit(place).netloc} serves "
                "is not the one in the lock (its hash differs)",
                where=place,
                hint="ask whoever runs the mirror",
                details=error.details,
            )
    return error
