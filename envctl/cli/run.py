"""``envctl run``."""

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.usecases import note
from envctl.usecases.enter import activation
from envctl.usecases.run import pairs, patch


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: envctl run --env SEED=1 -- python train.py",
)
@click.option("--env", "extra", multiple=True, metavar="K=V", help="Set a variable.")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED)
@options.pass_services
def command(services: Services, extra: tuple[str, ...], argv: tuple[str, ...]) -> None:
    """Run a command in the environment, with its variables.

    The command takes envctl's place: its exit code and signals are its own.
    """
    witness = note.Witness(services.project)
    found = activation(witness, services.environments, services.environ)
    environment = patch(found, services.environ, pairs(extra))
    note.entered(witness, found)
    services.become(argv, environment, lease=found.environment)
