"""The Python that runs envctl."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envctl.domain.record import Python
from envctl.ports import Runner

NAME = "interpreter"


def probe(*, run: Runner, sysroot: Path) -> Mapping[str, Any]:
    """Return ``python``."""
    del run, sysroot  # the port's; this probe looks at its own process
    return {
        "python": Python(
            version=platform.python_version(), implementation=platform.python_implementation()
        )
    }
