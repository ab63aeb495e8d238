"""The environment variables that matter, as far as they may be written down."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envctl.domain.variables import observed
from envctl.ports import Runner

NAME = "variables"


def probe(*, run: Runner, sysroot: Path) -> Mapping[str, Any]:
    """Return ``variables``."""
    del run, sysroot  # the port's; this probe looks at its own process
    return {"variables": observed(os.environ)}
