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


def held(folder: int) -> dict[str, Lease]:
    """Return who holds which device, by UUID, and which can be held by nobody."""
    found = {}
    for uuid, file in _files(folder):
        if isinstance(file, NotOurs):
            found[uuid] = Lease(uuid=uuid, problem=str(file))
        elif kernel.taken(file):
            found[uuid] = word.lease(uuid, word.read(file))
    return found


def inherited(folder: int) -> frozenset[str]:
    """Return the devices whose files this process was given open."""
    ours = set()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the listing's own
            ours.add(_identity(int(path.name)))
    return frozenset(
        uuid
        for uuid, file in _files(folder)
        if isinstance(file, int) and _identity(file) in ours and kernel.taken(file)
    )


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


def _identity(file: int) -> tuple[int, int]:
    found = os.fstat(file)
    return found.st_dev, found.st_ino
