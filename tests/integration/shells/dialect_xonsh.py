"""xonsh: Python with commands in it."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.integration.shells.steps import Enter, Evaluate, Leave, Probe, Step


class Xonsh:
    """xonsh, for which virtualenv writes no script where the path holds what xonsh expands."""

    NAME = "xonsh"
    FROM = "the Python index: xonsh"
    ANY_PATH = False

    def argv(self, body: Path) -> list[str]:
        # xonsh is a Python program: a PYTHONHOME that it hands on must not be its own.
        program = shutil.which(self.NAME) or self.NAME
        return [sys.executable, "-E", program, "--no-rc", "--no-script-cache", str(body)]

    def script(self, steps: Sequence[Step], probe: Sequence[str]) -> str:
        head = f"$XONSH_SUBPROC_CMD_RAISE_ERROR = True\nPROBE = {list(probe)!a}\n"
        return head + "".join(self.say(step) for step in steps)

    def say(self, step: Step) -> str:
        match step:
            case Probe(label=label):
                return f"@(PROBE) {label}\n"
            case Enter(link=link):
                return f"source @({f'{link}/bin/activate.xsh'!a})\n"
            case Evaluate(file=file):
                return f"execx($(cat @({str(file)!a})))\n"
            case Leave():
                return "deactivate\n"
