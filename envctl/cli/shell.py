"""``envctl shell``."""

import click

from envctl.bootstrap import Services
from envctl.cli import completers, options
from envctl.usecases.activate import chosen, shell_command
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
    folder = services.private_folder()
    session = shell_command(program, found, services.environ, folder=str(folder))
    services.write_private(session.files)
    services.become(session.argv, session.env, lease=found.environment)
