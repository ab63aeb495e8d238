"""Shell code that carries the variables: one module per family of shells, listed in ``SHELLS``.

A shell's part lives in the scripts that virtualenv wrote, between marker lines. What "set" and "put back" mean is
the same everywhere: unset and empty differ, and a second activation, of whichever project, first puts back what the
one before had changed.
"""

from collections.abc import Mapping
from typing import Protocol

from envctl.domain.environment.activation import Activation, Session
from envctl.emitters.shells import cmd, csh, fish, nu, posix, powershell, python, xonsh


class Patched(Protocol):
    """A family of activation scripts: a module with these names."""

    SCRIPTS: tuple[str, ...]
    """The files in the environment's ``bin`` that ``patch`` rewrites: all of them are there, or none."""

    def patch(
        self, scripts: Mapping[str, str], activation: Activation, *, built_at: str
    ) -> Mapping[str, str]:
        """Return the scripts with their part for ``activation``, in place of any part from before.

        ``built_at`` is the path that virtualenv baked. Raises ``EnvironmentFailure`` for scripts that are not
        virtualenv's.
        """
        ...


class Shell(Patched, Protocol):
    """A family of shells: a module with these names."""

    def quote(self, text: str) -> str:
        """Return ``text`` as one word, byte for byte; raises ``ManifestError`` for what the shell cannot hold."""
        ...

    def script(self, activation: Activation) -> str:
        """Return code to evaluate in a running shell: activates, then sets exactly ``activation``'s variables."""
        ...

    def session(
        self, program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
    ) -> Session:
        """Return how to start ``program`` as a subshell with the environment active; its files go into ``folder``."""
        ...


SHELLS: Mapping[str, Shell] = {
    "bash": posix,
    "zsh": posix,
    "dash": posix,
    "sh": posix,
    "tcsh": csh,
    "csh": csh,
    "fish": fish,
    "nu": nu,
    "xonsh": xonsh,
    "powershell": powershell,
    "pwsh": powershell,
    "cmd": cmd,
}
"""Each shell by the name of its program."""

FAMILIES: tuple[Patched, ...] = (posix, csh, fish, nu, xonsh, python, powershell, cmd)
"""Every family of scripts in an environment. virtualenv leaves some out: for another system, or an odd path."""
