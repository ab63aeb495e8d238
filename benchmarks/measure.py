"""Two commands in turn, A B A B …, as whole processes: the ratio of each pair, and their median.

Absolute times say little on a shared machine; a pair's two runs see the same neighbours.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_OURS = ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON")
"""What the benchmarks run with; uv and Poetry would take the session's own environment for the project's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """Steps run one after the other as one measured whole, in a folder that ``prepare`` makes anew each time."""

    name: str
    steps: tuple[Sequence[str], ...]
    prepare: Callable[[], Path]
    env: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """The measured pairs of two commands."""

    what: str
    limit: float
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the median of the pairs' ratios."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    def line(self) -> str:
        """Return one line of the report."""
        pairs = [a / b for a, b in zip(self.ours, self.theirs, strict=True)]
        word = "met" if self.median <= self.limit else "NOT MET"
        return (
            f"{self.what:<62} {self.median:5.2f}x  (pairs {min(pairs):.2f}..{max(pairs):.2f}, "
            f"{statistics.median(self.ours) * 1000:.0f} ms / "
            f"{statistics.median(self.theirs) * 1000:.0f} ms)  limit {self.limit}x: {word}"
        )


def compare(what: str, limit: float, ours: Command, theirs: Command, *, pairs: int) -> Ratio:
    """Measure both commands in turn, after one uncounted run of each."""
    once(ours)
    once(theirs)
    measured = [(once(ours), once(theirs)) for _ in range(pairs)]
    return Ratio(
        what=what,
        limit=limit,
        ours=tuple(a for a, _ in measured),
        theirs=tuple(b for _, b in measured),
    )


def once(command: Command) -> float:
    """Run a command's steps and return the seconds that they took together."""
    folder = command.prepare()
    started = time.perf_counter()
    for step in command.steps:
        run(step, folder, command.env)
    return time.perf_counter() - started


def run(step: Sequence[str], folder: Path, more: Mapping[str, str]) -> None:
    """Run one step; its failure ends the benchmark."""
    env = {name: value for name, value in os.environ.items() if name not in _OURS} | dict(more)
    done = subprocess.run(list(step), cwd=folder, env=env, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(step)}\n{done.stderr.decode()}")
