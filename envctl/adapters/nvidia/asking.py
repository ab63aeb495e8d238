"""Ask NVML or ``nvidia-smi`` with a time limit that holds even when the driver blocks whoever asks."""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from envctl.errors import EnvctlError
from envctl.ports import Completed, Runner

Ending = Literal["done", "silent", "crashed", "endless", "unasked"]
_SCRIPT = Path(__file__).with_name("patience.py")
_GRACE_S = 10  # the script keeps the limit; this one is for a machine too loaded to start it
_SILENT, _UNASKED = 124, 127  # as coreutils' timeout(1) and a shell have it


class Deadline:
    """When several questions together have to be answered: ``limit`` seconds from now."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._end = time.monotonic() + limit

    def left(self) -> float:
        """Return the seconds that are left."""
        return max(0.0, self._end - time.monotonic())

    def how(self, ended: Ending) -> str:
        """Say how a question ended that was not answered in full."""
        if ended == "silent":
            return f"did not answer within {self._limit:g} s"
        if ended == "unasked":
            return "was not asked: no second Python could be started"
        return "does not stop talking" if ended == "endless" else "crashed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What came of a question: all parts that arrived, and how it ended."""

    ended: Ending
    parts: tuple[Mapping[str, Any], ...] = ()


def ask(run: Runner, question: Path, *, env: Mapping[str, str], deadline: Deadline) -> Heard:
    """Run ``parts()`` of a Python file in a process of its own. Raises nothing."""
    said = _patient(run, ["question", str(question)], env, deadline.left())
    parts = said.get("parts", [])
    return Heard(ended=said["ended"], parts=tuple(part for part in parts if isinstance(part, dict)))


def start(
    run: Runner, argv: Sequence[str], *, env: Mapping[str, str], deadline: Deadline
) -> Completed:
    """Run a program, named by its path; both its streams are ``stdout``. Raises nothing.

    One that did not end before the deadline has code 124, one that could not be started 127.
    """
    said = _patient(run, ["program", *argv], env, deadline.left())
    codes = {"done": said.get("code", _UNASKED), "unasked": _UNASKED}
    code: int = codes.get(said["ended"], _SILENT)
    return Completed(argv=tuple(argv), code=code, stdout=said.get("text", ""), stderr="")


def _patient(
    run: Runner, words: Sequence[str], env: Mapping[str, str], limit: float
) -> dict[str, Any]:
    if limit <= 0:
        return {"ended": "silent"}
    # -P: the folder of the script has modules whose names others could want.
    argv = [sys.executable, "-P", str(_SCRIPT), str(limit), *words]
    try:
        ended = run(argv, env=env, timeout=limit + _GRACE_S)
        said = json.loads(ended.stdout)
    except (EnvctlError, ValueError):
        return {"ended": "unasked"}
    return said if isinstance(said, dict) else {"ended": "unasked"}
