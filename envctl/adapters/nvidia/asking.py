"""Ask NVML or ``nvidia-smi`` with a time limit that holds even when the driver blocks whoever asks."""

import json
import sys
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What came of a question: all parts that arrived, and how it ended."""

    ended: Ending
    parts: tuple[Mapping[str, Any], ...] = ()


def ask(run: Runner, question: Path, *, env: Mapping[str, str], limit: float) -> Heard:
    """Run ``parts()`` of a Python file in a process of its own; ``limit`` in seconds. Raises nothing."""
    said = _patient(run, ["question", str(question)], env, limit)
    parts = said.get("parts", [])
    return Heard(ended=said["ended"], parts=tuple(part for part in parts if isinstance(part, dict)))


def start(run: Runner, argv: Sequence[str], *, env: Mapping[str, str], limit: float) -> Completed:
    """Run a program, named by its path; both its streams are ``stdout``. Raises nothing.

    One that did not end within ``limit`` seconds has code 124, one that could not be started 127.
    """
    said = _patient(run, ["program", *argv], env, limit)
    codes = {"done": said.get("code", _UNASKED), "unasked": _UNASKED}
    code: int = codes.get(said["ended"], _SILENT)
    return Completed(argv=tuple(argv), code=code, stdout=said.get("text", ""), stderr="")


def _patient(
    run: Runner, words: Sequence[str], env: Mapping[str, str], limit: float
) -> dict[str, Any]:
    # -P: the folder of the script has modules whose names others could want.
    argv = [sys.executable, "-P", str(_SCRIPT), str(limit), *words]
    try:
        ended = run(argv, env=env, timeout=limit + _GRACE_S)
        said = json.loads(ended.stdout)
    except (EnvctlError, ValueError):
        return {"ended": "unasked"}
    return said if isinstance(said, dict) else {"ended": "unasked"}
