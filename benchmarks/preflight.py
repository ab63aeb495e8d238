"""What an image's preflight costs at start: its own work, beside an interpreter that becomes the same command.

A difference and not a ratio: the issue's limit is 30 ms. Both are whole processes, in turn, as in ``measure``.
"""

import json
import os
import shutil
import statistics
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Command, once
from envctl.emitters.preflight import preflight

LIMIT = 0.030
"""Seconds."""
_DATE = 315532800
_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
_NOTHING = "import os; os.execvp('true', ['true'])"


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Pairs of seconds: with the preflight and without."""

    what: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the median of the pairs' differences, in seconds."""
        return statistics.median(a - b for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def met(self) -> bool:
        """Whether it stays below the limit."""
        return self.median <= LIMIT

    def line(self) -> str:
        """Return one line of the report."""
        return (
            f"{self.what:<62} {self.median * 1000:5.1f} ms ({statistics.median(self.ours) * 1000:.0f} ms / "
            f"{statistics.median(self.theirs) * 1000:.0f} ms)  limit {LIMIT * 1000:.0f} ms: "
            f"{'met' if self.met else 'NOT MET'}"
        )


def differences(root: Path, *, pairs: int = 31) -> tuple[Difference, ...]:
    """Measure small and large environments, and one for GPUs, whose driver's library is asked for."""
    return tuple(
        _measure(root / f"{files}-{accelerator}", files, accelerator, pairs)
        for files, accelerator in ((500, "cpu"), (6_000, "cpu"), (30_000, "cpu"), (30_000, "cuda"))
    )


def _measure(root: Path, files: int, accelerator: str, pairs: int) -> Difference:
    script = _image(root, files, accelerator)
    flags = [sys.executable, "-I", "-S"]
    ours = _command(root, [*flags, str(script), "--phase", "start", "--", "true"])
    theirs = _command(root, [*flags, "-c", _NOTHING])
    once(ours)
    once(theirs)
    measured = [(once(ours), once(theirs)) for _ in range(pairs)]
    return Difference(
        what=f"preflight at start, {files:,} files, {accelerator}",
        ours=tuple(a for a, _ in measured),
        theirs=tuple(b for _, b in measured),
    )


def _command(root: Path, step: list[str]) -> Command:
    env: Mapping[str, str] = {"ENVCTL_PREFLIGHT": "", "ENVCTL_SYSROOT": str(root / "sys")}
    return Command(name=step[-1], steps=(step,), prepare=lambda: root, env=env)


def _image(root: Path, files: int, accelerator: str) -> Path:
    """Lay out an environment of that many files under one date, and what a build writes beside the preflight."""
    site = root / "venv/lib" / f"python{_MINOR}" / "site-packages"
    for number in range(files):
        path = site / f"package_{number // 60}" / f"part_{number // 12 % 5}" / f"module_{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for path in (root / "venv", *(root / "venv").rglob("*")):
        os.utime(path, (_DATE, _DATE))
    own = root / "opt"
    own.mkdir()
    shutil.copy(str(preflight.__file__), own / "preflight.py")
    packages = {f"package-{number}": "1.0" for number in range(170)}
    contract = {
        "environment": str(root / "venv"),
        "python": _MINOR,
        "for": "docker",
        "slices": {os.uname().machine: {"packages": packages, "kernels": ["9.0"]}},
        "accelerator": accelerator,
        "cuda": "12.6",
        "driver": "525.60.13",
        "gpus": 0,
        "required": [],
        "missed": [],
    }
    (own / "contract.json").write_text(json.dumps(contract), encoding="utf-8")
    paths = preflight.quick(str(contract["environment"]))
    seal = {"all": "", "quick": preflight.glance(paths), "paths": paths}
    (own / preflight.SEAL).write_text(json.dumps(seal), encoding="utf-8")
    return own / "preflight.py"
