"""Single files that a lock names, fetched as this machine reaches indexes: with its logins, from its mirrors."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    parse_sdist_filename,
    parse_wheel_filename,
)

from envctl.adapters.index.client import IndexClient
from envctl.adapters.index.logins import Logins, without_login
from envctl.domain.indexes.mirrors import Transport
from envctl.ports import Runner


def fetcher(
    run: Runner, environ: Mapping[str, str], transport: Callable[[], Transport]
) -> Callable[[str, BinaryIO], None]:
    """Return what writes the file at an address into another; it raises ``IndexFailure``.

    Whoever calls it compares hashes: a mirror is known by the file's name alone.
    """

    @cache
    def reached() -> tuple[Transport, IndexClient]:
        ways = transport()
        return ways, IndexClient(environ, Logins(environ, ways, run=run))

    def fetch(url: str, file: BinaryIO) -> None:
        ways, client = reached()
        client.download(_mirrored(url, ways, client) or url, file)

    return fetch


def _mirrored(url: str, transport: Transport, client: IndexClient) -> str | None:
    """Return the address of a file on this machine's mirror; ``None``: no mirror has it, or there is none."""
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    project = _project(name)
    for mirror in transport.mirrors.values():
        if project is None:
            break
        for found in client.project(without_login(mirror), project) or ():
            if found.name == name:
                return found.url
    return None


def _project(name: str) -> str | None:
    with suppress(InvalidSdistFilename):
        return parse_sdist_filename(name)[0]
    with suppress(InvalidWheelFilename):
        return parse_wheel_filename(name)[0]
    return None
