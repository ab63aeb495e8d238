"""Enter the environment in a shell: as code for the one that runs, or as a subshell."""

from collections.abc import Mapping

from envctl.domain.activation import Activation, Session
from envctl.emitters.shells import SHELLS, Shell
from envctl.errors import UsageError


def script(activation: Activation, shell: str) -> str:
    """Return what ``eval "$(envctl activate)"`` evaluates in ``shell`` (a name, or a path such as ``$SHELL``).

    It names the environment's real path, so that a ``sync`` under the running shell does no harm.
    """
    return _named(shell).script(activation)


def shell_command(
    program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
) -> Session:
    """Return how to start ``program`` (a path) as an interactive shell in the environment.

    ``folder`` is new, private and empty; the caller writes the session's files and becomes its command. The shell
    starts in the caller's own ``environ``: what it had before comes back on ``deactivate``.
    """
    return _named(program).session(program, activation, environ, folder=folder)


def _named(shell: str) -> Shell:
    # A login shell calls itself `-bash`; some machines have `bash-5.2` beside `bash`.
    name = shell.rpartition("/")[2].removeprefix("-")
    found = SHELLS.get(name) or SHELLS.get(name.partition("-")[0])
    if found is None:
        raise UsageError(
            f"envctl does not know the shell `{name}`",
            where="--shell",
            hint=f"one of: {', '.join(SHELLS)}; or `envctl run -- COMMAND`, which needs no shell",
        )
    return found
