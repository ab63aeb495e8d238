"""Shell code that carries the variables: one module per family of shells, listed in ``SHELLS``.

A shell's part lives in the scripts that virtualenv wrote, between marker lines. What "set" and "put back" mean is
the same everywhere: unset and empty differ, and a second activation, of whichever project, first puts back what the
one before had changed.
"""

from collections.abc import Mapping
from typing import Protocol

from envctl.domain.activation import Activation, Session
from envctl.emitters.shells import posix


class Shell(Protocol):
    """A family of shells: a module with these names."""

    SCRIPTS: tuple[str, ...]
    """The files in the environment's ``bin`` that ``patch`` rewrites."""

    def quote(self, text: str) -> str:
        """Return ``text`` as one word, byte for byte."""
        ...

    def patch(
        self, scripts: Mapping[str, str], activation: Activation, *, built_at: str
    ) -> Mapping[str, str]:
        """Return the scripts with their part for ``activation``, in place of any part from before.

        Raises ``EnvironmentFailure`` for scripts that are not virtualenv's.
        """
        ...

    def script(self, activation: Activation) -> str:
        """Return code to evaluate in a running shell: activates, then sets exactly ``activation``'s variables."""
        ...

    def session(
        self, program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
    ) -> Session:
        """Return how to start ``program`` as a subshell with the environment active; its files go into ``folder``."""
        ...


# Each shell by the name of its program. To come, each its own module and entry here: fish (activate.fish), tcsh
# and csh (activate.csh, deactivate.csh), nu (activate.nu), xonsh (activate.xsh), pwsh (activate.ps1), cmd
# (activate.bat, deactivate.bat). Until then their scripts stay as virtualenv wrote them.
SHELLS: Mapping[str, Shell] = {
    "bash": posix,
    "zsh": posix,
    "dash": posix,
    "sh": posix,
}
