"""``envctl describe``."""

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, show
from envctl.emitters.run_text import emit
from envctl.usecases.describe import about, describe
from envctl.usecases.enter import activation
from envctl.usecases.run import patch


@click.command(epilog="Example: envctl describe --json > results/run.json")
@options.as_json
@options.pass_services
def command(services: Services, as_json: bool) -> None:
    """Say what a run here rests on: lock, environment, GPUs, variables.

    `envctl run` writes the same, as far as it costs nothing, and names the
    file to the command in ENVCTL_RUN. Neither holds a secret.
    """
    project = services.project
    found = activation(project, services.environments, services.environ)
    described = describe(
        found,
        patch(found, services.environ),
        known=about(project, services.environments, found),
        record=services.record(),
        dirty=services.dirty,
        moment=services.moment(),
    )
    show(envelope("describe", described.to_json(), ok=True) if as_json else emit(described))
