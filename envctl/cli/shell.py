"""``envctl shell``."""

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.usecases.activate import shell_command
from envctl.usecases.enter import activation


@click.command(epilog="Example: envctl shell")
@click.option("--shell", "program", help="The shell to start; without it, $SHELL.")
@options.pass_services
def command(services: Services, program: str | None) -> None:
    """Start an interactive shell in the environment; `exit` leaves it."""
    found = activation(services.project, services.environments, services.environ, sourced=True)
    program = program or services.environ.get("SHELL") or "/bin/sh"
    folder = services.private_folder()
    session = shell_command(program, found, services.environ, folder=str(folder))
    services.write_private(session.files)
    services.become(session.argv, session.env, lease=found.environment)
