"""One line on a terminal that tells how far the downloads are, and is gone when they are done."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from envctl.cli.render import say
from envctl.domain.indexes.fetching import Fetch, Heard
from envctl.emitters.plural import many

_TICK = 0.2  # seconds
_MEGA = 1 << 20
_CLEAR = "\r\x1b[2K"  # ECMA-48: erase in line


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What long work is given: ``heard`` (``None``: nobody watches), ``say`` for a line of its own, and a clock."""

    heard: Heard | None
    say: Callable[[str], None]
    seconds: Callable[[], float]


@contextmanager
def progress() -> Iterator[Watch]:
    """Show what is heard while the block lasts, on a terminal that can erase a line."""
    began = time.monotonic()

    def seconds() -> float:
        return time.monotonic() - began

    if not sys.stderr.isatty() or os.environ.get("TERM", "") in ("", "dumb"):
        yield Watch(heard=None, say=say, seconds=seconds)
        return
    line = _Line(seconds)
    try:
        yield Watch(heard=line.hear, say=line.say, seconds=seconds)
    finally:
        line.end()


class _Line:
    """The line, drawn anew by a thread of its own from the first file on."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._fetches: dict[str, Fetch] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._writing = threading.Lock()

    def hear(self, fetch: Fetch) -> None:
        known = self._fetches.get(fetch.name)
        size = fetch.size if known is None else known.size
        self._fetches[fetch.name] = Fetch(name=fetch.name, size=size, done=fetch.done)
        if self._thread is None:
            self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)
            self._thread.start()

    def say(self, sentence: str) -> None:
        with self._writing:
            if self._thread:
                self._write(_CLEAR)
            say(sentence)

    def end(self) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join()
            self._write(_CLEAR)

    def _draw(self) -> None:
        while True:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            now = text(tuple(self._fetches.values()), self._seconds())
            with self._writing:
                self._write(f"{_CLEAR}{now[: width - 1]}")
            if self._ended.wait(_TICK):
                return

    def _write(self, content: str) -> None:
        sys.stderr.write(content)
        sys.stderr.flush()


def text(fetches: tuple[Fetch, ...], seconds: float) -> str:
    """Return how far it is: files there of those begun, megabytes there of those announced, seconds."""
    here = [each for each in fetches if each.done]
    sizes = sum(each.size or 0 for each in fetches)
    said = f"fetching: {len(here)} of {many(len(fetches))}"
    if sizes:
        said += f", {sum(each.size or 0 for each in here) / _MEGA:.0f} of {sizes / _MEGA:.0f} MiB"
    now = next((each.name for each in reversed(fetches) if not each.done), "")
    return f"{said}, {seconds:.0f} s" + (f" ({now})" if now else "")
