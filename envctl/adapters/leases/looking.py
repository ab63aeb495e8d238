"""Who holds what, by the files of the folder alone: nothing is made, locked or written."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from envctl.adapters.leases import kernel, word
from envctl.adapters.leases.folder import NotOurs, peek
from envctl.domain.devices.lease import Lease

_ENDING = ".lock"


def file_name(uuid: str) -> str:
    """Return the name of a device's file: the UUIDs of old MIG devices have slashes."""
    return uuid.replace("/", "+") + _ENDING


def held(folder: int, path: Path) -> dict[str, Lease]:
    """Return who holds which device, by UUID, and which can be held by nobody; ``path`` names the folder."""
    found = {}
    for uuid, file in _files(folder):
        if isinstance(file, NotOurs):
            found[uuid] = barred(uuid, path, file)
        elif kernel.taken(file):
            found[uuid] = word.lease(uuid, word.read(file))
    return found


def barred(uuid: str, path: Path, problem: NotOurs) -> Lease:
    """Return the noun for a device that nobody can hold."""
    return Lease(uuid=uuid, problem=str(problem), file=str(path / file_name(uuid)))


def inherited(folder: int) -> frozenset[str]:
    """Return the devices within whose lease this process lives: it, or one that it comes from, has their files open.

    A program may close what it inherits when it starts another one (Python's ``subprocess`` does). Of a process whose
    files are not ours to see (``sudo``), the word says whether it is the holder.
    """
    files: set[tuple[int, int]] = set()
    hidden: dict[int, str | None] = {}
    for pid in word.ancestors():
        try:
            files |= _opened(pid)
        except OSError:
            hidden[pid] = word.started(pid)
    return frozenset(
        uuid
        for uuid, file in _files(folder)
        if isinstance(file, int)
        and kernel.taken(file)
        and (_identity(os.fstat(file)) in files or word.is_of(word.read(file), hidden))
    )


def _opened(pid: int) -> set[tuple[int, int]]:
    """Return which files a process has open; raises ``OSError`` where that is not to be seen."""
    found = set()
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # the listing's own, or one that was just closed
            if path.readlink().name.endswith(_ENDING):  # a look at others could block (a dead NFS)
                found.add(_identity(path.stat()))
    return found


def _files(folder: int) -> Iterator[tuple[str, int | NotOurs]]:
    """Yield each device with its file, open to read for the moment."""
    for name in sorted(os.listdir(folder)):
        if not name.endswith(_ENDING):
            continue
        uuid = name.removesuffix(_ENDING).replace("+", "/")
        try:
            opened = peek(folder, name)
        except NotOurs as error:
            yield uuid, error
            continue
        if opened is None:
            continue
        try:
            yield uuid, opened
        finally:
            os.close(opened)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
