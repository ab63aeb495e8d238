"""The files that a hermetic build reads: fetched beside its lists, each with the hash that the lock says."""

import hashlib
import io
import os
import re
import secrets
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO, Literal

from envctl.adapters.staging import MARK, refused
from envctl.adapters.unwinding import unwound
from envctl.domain.image.bundle import FOLDER, IGNORE, IGNORED, SUMS, Bundled, read_sums
from envctl.domain.indexes.fetching import Fetch, Heard
from envctl.errors import HashMismatchError, ProjectError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_THREADS = 4
_PARTIAL = re.compile(rf"\..*{re.escape(MARK)}[0-9a-f]{{12}}")
Amiss = Literal["missing", "altered"]
Get = Callable[[str, BinaryIO], None]
"""Writes what lies at an address (http, https) into a file; raises ``IndexFailure``."""
Locate = Callable[[str], str]
"""Returns where an index has a file of the installer; raises ``IndexFailure``."""


class WheelShelves:
    """The bundles of the project at ``root`` (``envctl.ports.Shelves``)."""

    def __init__(self, root: Path, get: Get, locate: Locate) -> None:
        self._root = root
        self._get = get
        self._locate = locate
        self._stop = Event()

    def amiss(self, wanted: Mapping[str, str]) -> dict[str, Amiss]:
        """Return which of these files (path in the project → sha256) are not there or have another content."""
        found: dict[str, Amiss] = {}
        for path, sha256 in wanted.items():
            if (state := self._state(self._root / path, sha256)) is not None:
                found[path] = state
        return found

    def fetch(
        self, folder: str, files: Sequence[Bundled], heard: Heard | None = None
    ) -> tuple[str, ...]:
        """Fetch those that are not there or not right; return their names.

        ``folder`` is the image's. Raises ``IndexFailure``, ``HashMismatchError``, ``ProjectError``; the files that
        were fetched until then stay, for the next time.
        """
        places = {file: self._shelf(folder, file.shelf) / file.name for file in files}
        for place in places.values():
            place.parent.mkdir(parents=True, exist_ok=True)
        if places:
            self._hide(folder)
        lacking = [file for file in files if self._state(places[file], file.sha256) is not None]

        def fetch(file: Bundled) -> str:
            _tell(heard, file, done=False)
            self._fetch(places[file], file)
            _tell(heard, file, done=True)
            return file.name

        pool = ThreadPoolExecutor(max_workers=_THREADS)
        try:
            with unwound():
                return tuple(pool.map(fetch, lacking))
        except Exception:
            raise
        except BaseException:  # Ctrl-C: gigabytes on their way are not waited for
            self._stop.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def keep(self, folder: str, wanted: Collection[str]) -> tuple[str, ...]:
        """Remove every other file, and what a killed command left; return the files' names.

        ``wanted`` are paths below the image's folder. What is not of the bundle's kind stays.
        """
        top = self._shelf(folder)
        gone: list[str] = []
        try:
            shelves = sorted(entry.name for entry in os.scandir(top) if entry.is_dir())
            for shelf in shelves:
                gone += self._cleared(self._shelf(folder, shelf), f"{FOLDER}/{shelf}", wanted)
            if not wanted:
                (self._root / folder / IGNORE).unlink(missing_ok=True)
                _remove_empty(top)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise refused(error, top, "cleared") from error
        return tuple(gone)

    def _hide(self, folder: str) -> None:
        """Have git look away before the first file comes: a killed command must not leave gigabytes to `git add`."""
        path = self._shelf(folder) / Path(IGNORE).name
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(IGNORED)
        except FileExistsError:
            pass  # whose text it is, is said where it is compared
        except OSError as error:
            raise refused(error, path, "written") from error

    def _cleared(self, shelf: Path, path: str, wanted: Collection[str]) -> list[str]:
        gone = []
        for entry in sorted(shelf.iterdir()):
            if f"{path}/{entry.name}" in wanted or (entry.is_dir() and not entry.is_symlink()):
                continue
            bundled = bool(read_sums(f"{'0' * 64}  {entry.name}"))
            if bundled or _PARTIAL.fullmatch(entry.name):
                entry.unlink()
                gone += [entry.name] if bundled else []
        if not any(each.startswith(f"{path}/") for each in wanted):
            (shelf / SUMS).unlink(missing_ok=True)
            _remove_empty(shelf)
        return gone

    def _shelf(self, folder: str, *shelf: str) -> Path:
        """Return a shelf's folder; raises ``ProjectError`` where a link of the repository leads elsewhere."""
        path = self._root
        for step in (*folder.split("/"), FOLDER, *shelf):
            path = path / step
            if path.is_symlink():
                raise ProjectError(
                    "this is a link, and wheels are fetched into the project's own folder only",
                    where=str(path),
                    hint="remove that link, then run `envctl dockerize`",
                )
        return path

    def _fetch(self, path: Path, file: Bundled) -> None:
        url = file.url or self._locate(file.name)
        partial = path.parent / f".{path.name[:200]}{MARK}{secrets.token_hex(6)}"
        try:
            with _Stoppable(partial, self._stop) as stream:
                self._get(url, stream)
            found = _sha256(partial)
            if found != file.sha256:
                raise HashMismatchError(
                    f"{file.name} is not the file that the lock means: sha256 {found}",
                    where=url,
                    hint="the index, a mirror or a proxy serves another file; if it was published anew, "
                    "run `envctl lock --upgrade`",
                )
            partial.replace(path)
        except OSError as error:
            raise refused(error, path, "written") from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    def _state(self, path: Path, sha256: str) -> Amiss | None:
        try:
            # A link would be copied into the build as such, and lead to nothing there.
            regular = stat.S_ISREG(path.lstat().st_mode)
            return None if regular and _sha256(path) == sha256 else "altered"
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        except OSError as error:
            raise refused(error, path, "read") from error


class _StoppedError(Exception):
    """Nobody waits for this file any more."""


class _Stoppable(io.BufferedWriter):
    """A new file, which takes nothing any more once ``stop`` is set."""

    def __init__(self, path: Path, stop: Event) -> None:
        super().__init__(io.FileIO(path, "xb"))
        self._stop = stop

    def write(self, block: "Buffer", /) -> int:
        """Write; raises ``_StoppedError``."""
        if self._stop.is_set():
            raise _StoppedError
        return super().write(block)


def _tell(heard: Heard | None, file: Bundled, *, done: bool) -> None:
    if heard is not None:
        heard(Fetch(name=file.name, size=file.size, done=done))


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # not empty: somebody else has put something there
        folder.rmdir()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
