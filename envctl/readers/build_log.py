"""What builders print while they build, line by line, as steps and their output.

Three dialects: BuildKit's plain progress (``#5 [heavy 2/3] RUN …``, from 18.09 to today), the engine's classic builder
(``Step 2/7 : RUN …``) and Buildah's (``[2/3] STEP 1/2: RUN …``, without stages ``STEP 1/2: …``).
"""

import re
from collections.abc import Iterator
from typing import Protocol

from envctl.domain.image.order import Event, Output, State, Step

_VERTEX = re.compile(r"#(?P<key>[0-9]+) (?P<rest>.*)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_END = re.compile(r"(?P<state>DONE|CACHED|CANCELED|ERROR)(?: (?P<seconds>[0-9.]+)s$|:|$)")
_TIMED = re.compile(r"[0-9]+\.[0-9]+ (?P<text>.*)", re.DOTALL)
_ENDS: dict[str, State] = {
    "DONE": "done",
    "CACHED": "cached",
    "CANCELED": "failed",
    "ERROR": "failed",
}

_CLASSIC = re.compile(r"Step (?P<number>[0-9]+/[0-9]+) : (?P<title>.*)")
_BUILDAH = re.compile(
    r"(?:\[(?P<stage>[0-9]+/[0-9]+)\] )?STEP (?P<number>[0-9]+/[0-9]+): (?P<title>.*)"
)
_CACHE = re.compile(r"(-->|\s*--->) Using cache.*")
_NOISE = re.compile(r"\s*--->.*|Removing intermediate container [0-9a-f]+|--> [0-9a-f]+|\s*")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Log(Protocol):
    """Reads one build's lines in their order; ``failed`` is the title of the step that failed first."""

    failed: str | None

    def read(self, line: str) -> Iterator[Event]: ...

    def end(self, *, failed: bool) -> Iterator[Event]:
        """Yield how the last step ended, where the builder does not say so itself."""
        ...


class BuildKit:
    """BuildKit's plain progress: steps run at once, so each line names its own."""

    def __init__(self) -> None:
        self.failed: str | None = None
        self._titles: dict[str, str] = {}
        self._ended: set[str] = set()

    def read(self, line: str) -> Iterator[Event]:
        """Yield what the line tells; nothing for one that is no step's."""
        match = _VERTEX.fullmatch(line)
        if match is None:
            return
        key, rest = match["key"], match["rest"]
        if key not in self._titles:
            self._titles[key] = rest
            yield self._step(key, "running")
        elif ended := _END.match(rest):
            self._ended.add(key)
            if ended["state"] == "ERROR" and not self.failed:
                self.failed = self._titles[key]
            seconds = float(ended["seconds"]) if ended["seconds"] else None
            yield self._step(key, _ENDS[ended["state"]], seconds)
        elif rest != self._titles[key] and not _DIGEST.fullmatch(rest) and key not in self._ended:
            timed = _TIMED.fullmatch(rest)
            yield Output(key=key, text=timed["text"] if timed else rest)

    def end(self, *, failed: bool) -> Iterator[Event]:
        """Yield the steps that were cut short."""
        for key in self._titles:
            if failed and key not in self._ended:
                yield self._step(key, "failed")

    def _step(self, key: str, state: State, seconds: float | None = None) -> Step:
        title = self._titles[key]
        internal = not title.startswith("[") or title.startswith(("[internal]", "[auth]"))
        return Step(key=key, title=title, state=state, seconds=seconds, internal=internal)


class OneByOne:
    """The classic builder and Buildah: one step after the other, and each ends where the next begins."""

    def __init__(self) -> None:
        self.failed: str | None = None
        self._now: Step | None = None
        self._cached = False

    def read(self, line: str) -> Iterator[Event]:
        """Yield what the line tells."""
        plain = _COLOUR.sub("", line).rstrip("\r")
        match = _CLASSIC.fullmatch(plain) or _BUILDAH.fullmatch(plain)
        if match:
            yield from self.end(failed=False)
            found = match.groupdict()
            number = " ".join(filter(None, (found.get("stage"), found["number"])))
            key = f"{number}"
            self._now = Step(key=key, title=f"[{number}] {found['title']}", state="running")
            yield self._now
        elif _CACHE.fullmatch(plain):
            self._cached = True
        elif self._now and not _NOISE.fullmatch(plain):
            yield Output(key=self._now.key, text=plain)

    def end(self, *, failed: bool) -> Iterator[Event]:
        """Yield how the step in hand ended."""
        if self._now:
            self.failed = self._now.title if failed else None
            state: State = "failed" if failed else "cached" if self._cached else "done"
            yield Step(key=self._now.key, title=self._now.title, state=state)
        self._now, self._cached = None, False
