"""A build as it goes: on a terminal one line per step that has ended and one for what is going on; else plain lines."""

import os
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from envctl.cli.render import say
from envctl.domain.image.order import Event, Listener, Output, Step
from envctl.emitters import image_text

_TICK = 0.2  # seconds
_KEPT = 40  # lines of a step, shown when it fails
_CLEAR = "\r\x1b[2K"  # ECMA-48: erase in line


@contextmanager
def progress() -> Iterator[Listener]:
    """Lend what hears the build."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "") in ("", "dumb"):
        yield _Lines().hear
        return
    live = _Live()
    try:
        yield live.hear
    finally:
        live.end()


class _Lines:
    """Each step when it begins, what it writes, and how it ended: for a log."""

    def __init__(self) -> None:
        self._clock = _Clock()
        self._internal: set[str] = set()

    def hear(self, event: Event) -> None:
        if isinstance(event, Output):
            for line in image_text.output(event.text) if event.key not in self._internal else ():
                say(f"          {line}", whole=True)
        elif event.internal:
            self._internal.add(event.key)
        elif event.state == "running":
            self._clock.begin(event)
            say(f"          {image_text.title(event)}")
        else:
            seconds = self._clock.end(event)
            if seconds is not None:
                say(image_text.ended(event, seconds))


class _Live:
    """What has ended stays; the last line is drawn anew by a thread of its own."""

    def __init__(self) -> None:
        self._clock = _Clock()
        self._said: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._running: dict[str, Step] = {}
        self._writing = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw, name="progress", daemon=True)
        self._thread.start()

    def hear(self, event: Event) -> None:
        with self._writing:
            if isinstance(event, Output):
                self._said[event.key].extend(image_text.output(event.text))
            elif event.state == "running":
                self._clock.begin(event)
                self._running[event.key] = event
            else:
                self._running.pop(event.key, None)
                self._finish(event)

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._write(_CLEAR)

    def _finish(self, step: Step) -> None:
        seconds = self._clock.end(step)
        if seconds is None or step.internal:
            return
        self._write(_CLEAR)
        for line in self._said[step.key] if step.state == "failed" else ():
            say(f"          {line}", whole=True)
        say(image_text.ended(step, seconds))

    def _draw(self) -> None:
        while not self._ended.wait(_TICK):
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            with self._writing:
                self._write(f"{_CLEAR}{self._now()[: width - 1]}")

    def _now(self) -> str:
        steps = list(self._running.values())
        if not steps:
            return ""
        step = steps[-1]
        said = self._said[step.key]
        seconds = f"{self._clock.since(step):.0f} s"
        others = f" (and {len(steps) - 1} more)" if len(steps) > 1 else ""
        return f"{seconds:>8}  {image_text.title(step, 50)}{others}" + (
            f": {said[-1]}" if said else ""
        )

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


class _Clock:
    """When each step began, for builders that do not say how long it took; a step is told of once."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._told: set[str] = set()

    def begin(self, step: Step) -> None:
        self._began.setdefault(step.key, time.monotonic())

    def since(self, step: Step) -> float:
        return time.monotonic() - self._began.get(step.key, time.monotonic())

    def end(self, step: Step) -> float | None:
        """Return the seconds it took; ``None``: that was told before."""
        if step.key in self._told:
            return None
        self._told.add(step.key)
        return step.seconds if step.seconds is not None else self.since(step)
