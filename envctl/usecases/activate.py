"""Enter the environment in a shell: as code for the one that runs, or as a subshell."""

from collections.abc import Callable, Mapping

from envctl.domain.environment.activation import Activation, Session
from envctl.domain.nearest import nearest
from envctl.emitters.shells import SHELLS, Shell
from envctl.errors import EnvironmentFailure, UsageError

_OPTION = "--shell"


def chosen(named: str | None, environ: Mapping[str, str], parent: Callable[[], str | None]) -> str:
    """Return the shell that is meant, as a name or path: the one named, the one that runs, ``$SHELL``, ``sh``.

    Raises ``UsageError`` for one that envctl does not know. It never goes on to the next: code for another shell
    than the one that reads it does harm.
    """
    sources: tuple[tuple[str, Callable[[], str | None]], ...] = (
        (_OPTION, lambda: named),
        ("the shell that started envctl", parent),
        ("$SHELL", lambda: environ.get("SHELL")),
    )
    for where, source in sources:
        shell = source()
        if shell:
            _known(shell, where)
            return shell
    return "sh"


def script(activation: Activation, shell: str) -> str:
    """Return what ``envctl activate`` prints for ``shell`` (a name, or a path such as ``$SHELL``).

    It names the environment's real path, so that a ``sync`` under the running shell does no harm.
    """
    return _known(shell).script(activation)


def shell_command(
    program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
) -> Session:
    """Return how to start ``program`` (a path) as an interactive shell in the environment.

    ``folder`` is new, private and empty; the caller writes the session's files and becomes its command. The shell
    starts in the caller's own ``environ``: what it had before comes back on ``deactivate``.
    """
    return _known(program).session(program, activation, environ, folder=folder)


def require_script(activation: Activation, shell: str, is_file: Callable[[str], bool]) -> None:
    """Raise ``EnvironmentFailure`` where the environment has no script for ``shell``, to which all code leads.

    virtualenv leaves some out: for another system, or for a path that the shell cannot hold.
    """
    name = _known(shell).SCRIPTS[0]
    if not is_file(f"{activation.programs}/{name}"):
        raise EnvironmentFailure(
            f"the environment has no `{name}`: `{stem(shell)}` cannot enter it at this path or on this system",
            where=activation.environment,
            hint="use another shell, or `envctl run -- COMMAND`, which needs none",
        )


def stem(shell: str) -> str:
    """Return the bare name of a shell: a login shell calls itself `-bash`, Windows calls it `bash.exe`."""
    return shell.replace("\\", "/").rpartition("/")[2].removeprefix("-").removesuffix(".exe")


def _known(shell: str, where: str = _OPTION) -> Shell:
    # Some machines have `bash-5.2` beside `bash`.
    name = stem(shell)
    found = SHELLS.get(name) or SHELLS.get(name.partition("-")[0])
    if found is None:
        close = nearest(name, SHELLS) if where == _OPTION else None
        way = "one of" if where == _OPTION else f"`{_OPTION}` with one that can stand in for it"
        raise UsageError(
            f"envctl does not know the shell `{name}`",
            where=where,
            hint=(f"did you mean `{close}`? " if close else "")
            + f"{way}: {', '.join(SHELLS)}; or `envctl run -- COMMAND`, which needs no shell",
        )
    return found
