"""Calls that may never come back: a disk that is gone, a driver, a name server."""

import sysconfig
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from envctl.errors import ToolMissingError
from envctl.ports import Completed, Runner

_T = TypeVar("_T")
_ASKING_S = 5.0


def together(
    calls: Mapping[str, Callable[[], _T]], seconds: float
) -> dict[str, _T | Exception | None]:
    """Make the calls at once, each in a thread that nobody waits for past the limit.

    ``None`` for one without an answer in time, the exception for one that failed. A process ends with such threads
    left over: one that waits for the kernel can be ended by nobody.
    """
    # Filled by whoever asks first; a second thread that asks meanwhile may find it half full (uv then fails).
    sysconfig.get_config_vars()
    found: dict[str, _T | Exception] = {}
    threads = [
        threading.Thread(target=partial(_make, found, name, call), name=name, daemon=True)
        for name, call in calls.items()
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {name: found.get(name) for name in calls}


def _make(found: dict[str, _T | Exception], name: str, call: Callable[[], _T]) -> None:
    try:
        found[name] = call()
    except Exception as error:  # noqa: BLE001  # whoever asked says what it means
        found[name] = error


def said(
    run: Runner, argv: list[str], env: Mapping[str, str], *, cwd: Path | None = None
) -> Completed | None:
    """Return what a program says within a few seconds; ``None`` where it cannot be started."""
    try:
        return run(argv, cwd=cwd, env=env, timeout=_ASKING_S)
    except (OSError, ToolMissingError, ValueError):  # an unknown format, a NUL in a name
        return None
