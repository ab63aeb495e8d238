"""How one says the same in each shell: the tests are written once, in steps, and each dialect puts them into words."""

import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """Note the environment that a child process gets, under this label."""

    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Enter:
    """Read the activation script of the environment that ``link`` (a ``.venv``) leads to, as a user would."""

    link: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluate:
    """Evaluate what ``envctl activate`` prints, which lies in ``file``, as its documentation says."""

    file: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Leave:
    """Deactivate."""


Step = Probe | Enter | Evaluate | Leave


class Dialect(Protocol):
    """One shell: a class with these names."""

    NAME: str
    """What ``envctl activate --shell`` calls it, and its program on the PATH."""
    FROM: str
    """Where it is to be had."""

    def argv(self, body: Path) -> list[str]:
        """Return the command that runs the script ``body``, without the user's own start-up files."""
        ...

    def script(self, steps: Sequence[Step], probe: Sequence[str]) -> str:
        """Return the steps as a script that ends with a failure where one of them fails; ``probe`` takes a label."""
        ...


class Posix:
    """bash, zsh, dash and sh."""

    FROM = "Debian"

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
    each.NAME: each for each in (Posix("bash"), Posix("zsh", "-f"), Posix("dash"), Posix("sh"))
}


def found(dialect: Dialect) -> bool:
    """Whether the shell is on this machine."""
    return shutil.which(dialect.NAME) is not None
