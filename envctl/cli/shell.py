"""``envctl shell``."""

import os

import click

from envctl.bootstrap import Services
from envctl.cli import completers, options
from envctl.errors import ToolMissingError, UsageError
from envctl.usecases.activate import chosen, require_script, shell_command, stem
from envctl.usecases.enter import activation


@click.command(epilog="Example: envctl shell")
@click.option(
    *("--shell", "program"),
    shell_complete=completers.shells,
    help="The shell to start; without it, the one that runs envctl.",
)
@options.pass_services
def command(services: Services, program: str | None) -> None:
    """Start an interactive shell in the environment; `exit` leaves it."""
    found = activation(services.project, services.environments, services.environ, sourced=True)
    program = chosen(program, services.environ, services.parent_shell)
    _startable(services, program)
    with services.shell_folder() as folder:
        session = shell_command(program, found, services.environ, folder=str(folder))
        require_script(found, program, services.is_file)
        services.write_private(session.files)
        services.become(session.argv, session.env, lease=found.environment)


def _startable(services: Services, program: str) -> None:
    if stem(program) == "cmd" and os.name != "nt":
        raise UsageError(
            "`cmd` can be started on Windows only",
            where="--shell",
            hint="name a shell of this system, such as `bash`",
        )
    if services.program(program, services.environ) is None:
        raise ToolMissingError(
            f"`{program}` was not found",
            where=program if "/" in program else "PATH",
            hint="install it, or correct the name",
        )
