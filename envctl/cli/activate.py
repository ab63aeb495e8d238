"""``envctl activate``."""

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import show
from envctl.usecases.activate import script
from envctl.usecases.enter import activation


@click.command(epilog='Example: eval "$(envctl activate)"')
@click.option("--shell", help="The shell to write for; without it, the one in $SHELL.")
@options.pass_services
def command(services: Services, shell: str | None) -> None:
    """Print the shell code that activates the environment.

    The declared variables are set with it; `deactivate` puts back what was
    there before.
    """
    found = activation(services.project, services.environments, services.environ, sourced=True)
    show(script(found, shell or services.environ.get("SHELL") or "sh"))
