"""The leases of this machine: one file a device, locked by whoever holds it (see ``envctl.ports.Leases``).

The descriptors are the lease: the command inherits them through ``exec``, and so does whatever it starts. With the last
process that has one, however that ends, the kernel gives the device back.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from envctl.adapters.leases import kernel, looking, word
from envctl.adapters.leases.folder import NotOurs, in_place, open_file, open_folder, unwritten
from envctl.adapters.leases.queue import Queue, waiting
from envctl.domain.devices.lease import Chosen, Lease, Refused, Waiter, awaited
from envctl.errors import LeaseError
from envctl.ports import Decide, Turn

_TRIES = 100
_LOWEST = 64
"""The lowest number of a descriptor that a command is given beside its own, as in ``envctl.launch``."""


class SharedLeases:
    """The leases in the folder ``path``, which is made when one is taken."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def held(self) -> Mapping[str, Lease]:
        """Return who holds which device, by UUID, and which can be held by nobody."""
        with self._looked_at() as folder:
            return {} if folder is None else looking.held(folder, self._path)

    def waiting(self) -> tuple[Waiter, ...]:
        """Return who waits, in order."""
        with self._looked_at() as folder:
            return () if folder is None else waiting(folder)

    def inherited(self) -> frozenset[str]:
        """Return the devices that this process was started with: it lives within their lease."""
        with self._looked_at() as folder:
            return frozenset() if folder is None else looking.inherited(folder)

    def take(self, decide: Decide, command: str) -> Chosen | Refused:
        """Take what ``decide`` chooses, all or nothing; the next program inherits it."""
        problems: dict[str, Lease] = {}
        with self._queue.door():
            for _ in range(_TRIES):
                held = looking.held(self._folder, self._path)
                choice = decide({**held, **problems}, awaited(self._queue.ahead()))
                if isinstance(choice, Refused):
                    return choice
                if self._locked(choice.devices, command, problems):
                    return choice
        raise LeaseError(
            "the files of the leases are removed again and again",
            where=str(self._path),
            hint="find out what clears that folder, or name another in ENVCTL_LEASES",
        )

    @contextmanager
    def line(self, wanted: int, devices: frozenset[str], command: str) -> Iterator[Turn]:
        """Wait in line for some of these devices."""
        about = {"wanted": wanted, "devices": sorted(devices)}
        with self._queue.place({**word.about(command), **about}):
            yield self._queue

    def _locked(self, devices: Collection[str], command: str, problems: dict[str, Lease]) -> bool:
        """Lock all of these for the next program, or none: another was faster, or a file is none of ours."""
        opened: list[int] = []
        try:
            for uuid in sorted(devices):
                name = looking.file_name(uuid)
                if kernel.noted(self._folder, _place(uuid)):
                    problems[uuid] = Lease(uuid=uuid)  # somebody has removed its holder's file
                    return False
                try:
                    opened.append(open_file(self._folder, name))
                except NotOurs as error:
                    problems[uuid] = looking.barred(uuid, self._path, error)
                    return False
                except OSError as error:
                    raise unwritten(f"{self._path}/{name}", error) from error
                if not (kernel.take(opened[-1]) and in_place(self._folder, name, opened[-1])):
                    return False
            self._hand_on(devices, opened, word.about(command))
        finally:
            for file in opened:
                os.close(file)
        return True

    def _hand_on(
        self, devices: Collection[str], opened: Collection[int], said: Mapping[str, Any]
    ) -> None:
        """Let the next program inherit the locks; the folder's first, whose number is then the first to be closed."""
        for file in opened:
            with suppress(OSError):  # a full disk: the word is information, the lock is the truth
                word.write(file, said)
        for uuid in devices:
            kernel.note(self._folder, _place(uuid))
        for file in (self._folder, *opened):
            kernel.hand_on(file, _LOWEST)

    @contextmanager
    def _looked_at(self) -> Iterator[int | None]:
        folder = open_folder(self._path, make=False)
        try:
            yield folder
        finally:
            if folder is not None:
                os.close(folder)

    @cached_property
    def _folder(self) -> int:
        folder = open_folder(self._path, make=True)
        assert folder is not None  # noqa: S101  # it has been made
        return folder

    @cached_property
    def _queue(self) -> Queue:
        return Queue(self._folder, f"{self._path}/queue")


def _place(uuid: str) -> int:
    """Return the byte of the folder that stands for a device: a lock that nobody can remove, unlike a file."""
    return int.from_bytes(sha256(uuid.encode()).digest()[:7], "big")
