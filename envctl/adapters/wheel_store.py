"""The wheels that this user has built, each under the key of everything that it was built from.

``<cache>/wheels/<key>/`` holds the wheel and ``built.json``; the folder is staged beside and renamed, so that it is
either whole or not there. One build of a key at a time: the lock is the kernel's and ends with its process.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from envctl.adapters.staging import refused
from envctl.domain.workshop.built import Built

_ABOUT = "built.json"
_SCHEMA = 1


class WheelStore:
    """The kept wheels in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str) -> Built | None:
        """Return the wheel under that key; ``None`` when there is none, or it is not as it was kept."""
        try:
            about = json.loads((self._folder / key / _ABOUT).read_text(encoding="utf-8"))
            name, sha256 = str(about["wheel"]), str(about["sha256"])
            wheel = self._folder / key / Path(name).name
            with wheel.open("rb") as file:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if about.get("schema") != _SCHEMA or not whole:
            return None
        return Built(path=str(wheel), sha256=sha256)

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Wait until nobody else builds that key."""
        from filelock import FileLock  # noqa: PLC0415  # 40 ms that other commands spare

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._folder / f".{key}.lock")
            lock.acquire()
        except OSError as error:
            raise refused(error, self._folder, "written") from error
        try:
            self._sweep(key)
            yield
        finally:
            lock.release()

    def keep(self, key: str, wheel: Path, inputs: Mapping[str, Any]) -> Built:
        """Keep a wheel under its key, atomically; the caller holds the key's lock."""
        staged = self._folder / f".{key}-{secrets.token_hex(6)}"
        try:
            staged.mkdir()
            shutil.copyfile(wheel, staged / wheel.name)
            with (staged / wheel.name).open("rb+") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            about = {"schema": _SCHEMA, "wheel": wheel.name, "sha256": sha256, "inputs": inputs}
            (staged / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            if (self._folder / key).exists():  # `find` did not want it
                (self._folder / key).rename(self._folder / f".{key}-{secrets.token_hex(6)}")
            staged.rename(self._folder / key)
        except OSError as error:
            raise refused(error, self._folder / key, "written") from error
        finally:
            self._sweep(key)
        return Built(path=str(self._folder / key / wheel.name), sha256=sha256)

    def _sweep(self, key: str) -> None:
        """Remove what a build of this key that was killed has left."""
        with suppress(OSError):
            for leftover in self._folder.glob(f".{key}-*"):
                shutil.rmtree(leftover, ignore_errors=True)
