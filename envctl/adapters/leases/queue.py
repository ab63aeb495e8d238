"""The queue of those who wait, in one file: who comes later waits until those before are gone, and is never overtaken.

A waiter holds a lock on a part of the file and has written there what it waits for. The kernel ends that lock with its
process, so the queue needs no clearing. Nobody takes a device while another who came before waits for it.
"""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from envctl.adapters.leases import kernel, word
from envctl.adapters.leases.folder import NotOurs, in_place, open_file, peek, unwritten
from envctl.domain.devices.lease import Waiter
from envctl.errors import LeaseError

NAME = "queue"
_DOOR: kernel.Span = (0, 1)
_LINE: kernel.Span = (1, 2**40)
"""A byte for each place that ever was in a line: it is locked, and need not be there."""
_ROOMS = 256
"""So many places have room for a word: the file is a megabyte at most, and empty after an empty line."""
_PATIENCE_S = 10.0
_LOOK_S = 0.01


class Queue:
    """The queue of an open folder, for one process: at most one place in it is ours."""

    def __init__(self, folder: int, path: str) -> None:
        self._folder = folder
        self._path = path
        self._file = self._opened()
        self._own: int | None = None

    @contextmanager
    def door(self) -> Iterator[None]:
        """Be the only one who enters the queue or takes devices; a moment, for whoever does."""
        deadline = time.monotonic() + _PATIENCE_S
        while not kernel.take(self._file, _DOOR):
            if time.monotonic() > deadline:
                raise LeaseError(
                    "another envctl has kept the door of the leases shut for too long",
                    where=self._path,
                    hint=f"`fuser -v {self._path}` shows who has it open: one of them is stopped",
                )
            time.sleep(_LOOK_S)
        try:
            yield
        finally:
            kernel.give_back(self._file, _DOOR)

    def ahead(self) -> tuple[Waiter, ...]:
        """Return those who wait and came before us, or all where we do not wait."""
        return tuple(waiter for _, waiter in self._ahead())

    @contextmanager
    def place(self, about: Mapping[str, Any]) -> Iterator[None]:
        """Wait in line; ``about`` says who we are, and in ``devices`` what for."""
        with self.door():
            number = self._next()
            while not kernel.take(self._file, _span(number)):
                number += 1  # somebody is just waking up from it
            try:
                said = _short({**about, "place": number})
                word.write(self._file, said, at=_at(number), room=word.ROOM)
            except OSError as error:
                kernel.give_back(self._file, _span(number))
                raise unwritten(self._path, error) from error
            self._own = number
        try:
            with _not_stopped():
                yield
        finally:
            self._own = None
            kernel.give_back(self._file, _span(number))

    def wait(self, devices: frozenset[str], wanted: int) -> None:
        """Sleep while one who came before us leaves, by himself, too few of these; the one just before us goes last.

        Where only several together leave too few, nobody knows whose end would help: we do not sleep.
        """
        for number, waiter in reversed(self._ahead()):
            if waiter.devices is None or len(devices - waiter.devices) < wanted:
                kernel.wait_for(self._file, _span(number))

    def _next(self) -> int:
        """Return the number of a new place: behind all others, in a room that none of them has if there is one."""
        there = kernel.parts(self._file, _LINE)
        if not there:
            with suppress(OSError):
                os.ftruncate(self._file, 0)
            return 0
        number = there[-1]  # its place is one less
        rooms = {(each - 1) % _ROOMS for each in there}
        while number % _ROOMS in rooms and len(rooms) < _ROOMS:
            number += 1
        return number

    def _ahead(self) -> list[tuple[int, Waiter]]:
        return [each for each in _read(self._file) if self._own is None or each[0] < self._own]

    def _opened(self) -> int:
        while True:
            try:
                opened = open_file(self._folder, NAME)
            except OSError as error:
                raise unwritten(self._path, error) from error
            except NotOurs as error:
                raise LeaseError(
                    f"the leases cannot be used: {error}",
                    where=self._path,
                    hint="have that file removed, or name another folder in ENVCTL_LEASES",
                ) from error
            if in_place(self._folder, NAME, opened):
                return opened
            os.close(opened)


def waiting(folder: int) -> tuple[Waiter, ...]:
    """Return who waits, in order; the folder stays as it is."""
    try:
        opened = peek(folder, NAME)
    except NotOurs:
        return ()
    if opened is None:
        return ()
    try:
        return tuple(waiter for _, waiter in _read(opened))
    finally:
        os.close(opened)


def _read(file: int) -> list[tuple[int, Waiter]]:
    return [(each - 1, word.waiter(_word(file, each - 1))) for each in kernel.parts(file, _LINE)]


def _word(file: int, number: int) -> Mapping[str, Any]:
    """Return what is said at a place; nothing where another place's word is in its room."""
    found = word.read(file, _at(number))
    return found if found.get("place") == number else {}


def _span(number: int) -> kernel.Span:
    """Return a place's part of the file, for its lock: the door is before all of them."""
    return number + 1, 1


def _at(number: int) -> int:
    """Return where a place's word is."""
    return number % _ROOMS * word.ROOM


def _short(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave the devices out where the place is too small for them: then it stands for all."""
    return about if len(json.dumps(about)) < word.ROOM else {**about, "devices": None}


@contextmanager
def _not_stopped() -> Iterator[None]:
    """Heed no Ctrl-Z: a waiter that is stopped would hold up all who come after."""
    before = signal.getsignal(signal.SIGTSTP)
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        yield
    finally:
        if before is signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
