"""Source distributions by hash: fetched once, kept in the user's cache, read without running any of it."""

import hashlib
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import unquote, urlsplit

from packaging.pylock import PackageSdist

from envctl.adapters import archives
from envctl.adapters.staging import refused
from envctl.domain.indexes.mirrors import Transport
from envctl.errors import HashMismatchError, LockError
from envctl.ports import Runner
from envctl.readers.source_tree import TEXTS, SourceTree

_TEXT = 4 << 20  # bytes; what is larger is no text that a person wrote
_HEX = re.compile(r"[0-9a-f]{32,128}")
_ODD = re.compile(r"[^A-Za-z0-9._+-]")
Fetch = Callable[[str, BinaryIO], None]
"""Writes what lies at an address (http, https) into a file; raises ``IndexFailure``."""


class SdistFolder:
    """The sdists in ``folder``, each under its hash; ``fetch`` gets those that are not there yet."""

    def __init__(self, folder: Path, fetch: Fetch) -> None:
        self._folder = folder
        self._fetch = fetch

    @classmethod
    def of_user(
        cls, run: Runner, environ: Mapping[str, str], transport: Callable[[], Transport]
    ) -> Self:
        """Return those in this user's cache, fetched as indexes are reached from here."""
        from platformdirs import user_cache_path  # noqa: PLC0415  # lazy: few commands need it

        def fetch(url: str, file: BinaryIO) -> None:
            from envctl.adapters.index.fetch import fetcher  # noqa: PLC0415  # it brings HTTP

            fetcher(run, environ, transport)(url, file)

        return cls(user_cache_path("envctl") / "sdists", fetch)

    def tree(self, sdist: PackageSdist) -> SourceTree:
        """List an sdist and read its few texts; raises ``IndexFailure``, ``HashMismatchError``, ``LockError``."""
        names: list[str] = []
        texts: dict[str, str] = {}
        with archives.members(self.file(sdist)) as found:
            for member in found:
                names.append(name := str(member.path))
                if name in TEXTS:
                    texts[name] = member.content.read(_TEXT).decode(errors="replace")
        return SourceTree(members=tuple(sorted(names)), texts=texts)

    def file(self, sdist: PackageSdist) -> Path:
        """Return the file itself, which has the locked hash."""
        kind, digest = _hash(sdist)
        # The name is a stranger's: below the folder of its hash it must stay, and lead nowhere.
        path = self._folder / digest / ("_" + _ODD.sub("_", sdist.filename))[-120:]
        if path.is_file() and _digest(path, kind) == digest:
            return path
        partial = path.parent / f".{secrets.token_hex(8)}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("xb") as file:
                self._get(sdist, file)
            found = _digest(partial, kind)
            if found != digest:
                raise HashMismatchError(
                    f"{sdist.filename} is not the file that the lock means: {kind} {found}",
                    where=sdist.url,
                    hint="the index or a proxy serves another file; if it was published anew, "
                    "run `envctl lock --upgrade`",
                )
            partial.replace(path)
        except OSError as error:
            raise refused(error, path, "written") from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return path

    def _get(self, sdist: PackageSdist, file: BinaryIO) -> None:
        address = urlsplit(sdist.url or "")
        if address.scheme != "file":
            if not sdist.url:
                raise LockError(
                    f"{sdist.filename} has no address, so that it cannot be read",
                    where="pylock.toml",
                    hint="run `envctl lock`",
                )
            self._fetch(sdist.url, file)
            return
        with Path(unquote(address.path)).open("rb") as source:
            shutil.copyfileobj(source, file)


def _hash(sdist: PackageSdist) -> tuple[str, str]:
    for kind in ("sha256", "sha512", "sha384", "blake2b"):
        digest = sdist.hashes.get(kind, "").lower()
        if _HEX.fullmatch(digest):
            return kind, digest
    raise LockError(
        f"{sdist.filename} has no hash that can be checked",
        where="pylock.toml",
        hint="run `envctl lock`",
    )


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
