"""What a test does in a shell, step by step, and what puts the steps into a shell's words."""

from collections.abc import Sequence
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
    """Evaluate what ``envctl activate`` prints, which lies in ``file``, as its documentation says.

    ``link`` is the ``.venv``.
    """

    file: Path
    link: Path


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
    ANY_PATH: bool
    """Whether virtualenv writes its script for an environment whose path has a ``$``."""

    def argv(self, body: Path) -> list[str]:
        """Return the command that runs the script ``body``, without the user's own start-up files."""
        ...

    def script(self, steps: Sequence[Step], probe: Sequence[str]) -> str:
        """Return the steps as a script that ends with a failure where one of them fails; ``probe`` takes a label."""
        ...
