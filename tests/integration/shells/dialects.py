"""How one says the same in each shell: the tests are written once, in steps, and each dialect puts them into words."""

import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.integration.shells.dialect_csh import Csh
from tests.integration.shells.dialect_fish import Fish
from tests.integration.shells.dialect_nu import Nu
from tests.integration.shells.dialect_xonsh import Xonsh
from tests.integration.shells.steps import Dialect, Enter, Evaluate, Leave, Probe, Step


class Posix:
    """bash, zsh, dash and sh."""

    FROM = "Debian"
    ANY_PATH = True

    def __init__(self, name: str, *options: str) -> None:
        self.NAME = name
        self._options = options

    def argv(self, body: Path) -> list[str]:
        return [self.NAME, *self._options, str(body)]

    def script(self, steps: Sequence[Step], probe: Sequence[str]) -> str:
        head = f'probe () {{ {shlex.join(probe)} "$1"; }}\n'
        return head + "".join(self.say(step) for step in steps)

    def say(self, step: Step) -> str:
        match step:
            case Probe(label=label):
                return f"probe {label}\n"
            case Enter(link=link):
                return f". {shlex.quote(str(link))}/bin/activate\n"
            case Evaluate(file=file):
                return f'eval "$(cat {shlex.quote(str(file))})"\n'
            case Leave():
                return "deactivate\n"


DIALECTS: Mapping[str, Dialect] = {
    each.NAME: each
    for each in (
        Posix("bash"),
        Posix("zsh", "-f"),
        Posix("dash"),
        Posix("sh"),
        Csh(),
        Fish(),
        Nu(),
        Xonsh(),
    )
}


def found(dialect: Dialect) -> bool:
    """Whether the shell is on this machine."""
    return shutil.which(dialect.NAME) is not None
