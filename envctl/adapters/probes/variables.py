"""The environment variables that matter, as far as they may be written down."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from envctl.domain.variables import observed
from envctl.ports import Runner

NAME = "variables"


def probe(*, run: Runner, sysroot: Path) -> Mapping[str, Any]:
    """Return ``variables``."""
    del run, sysroot  # the port's; this probe looks at its own process
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's number without a name
        user = ""
    return {"variables": observed(os.environ, user)}
