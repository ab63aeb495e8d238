"""``envctl doctor``."""

from dataclasses import asdict

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, show
from envctl.emitters.diagnosis_text import emit
from envctl.usecases.doctor import Patient, doctor


@click.command(epilog="Example: envctl doctor")
@options.as_json
@options.pass_services
@click.pass_context
def command(ctx: click.Context, services: Services, as_json: bool) -> None:
    """Say what is wrong with this machine or project, and what mends it.

    Each line is ok, warn or fail, with the next step under it. Exits with 1
    when one fails. Works outside a project as well.
    """
    found = doctor(Patient(project=lambda: services.project, record=services.record))
    fine = all(each.state != "fail" for each in found)
    result = {"checks": [asdict(each) for each in found]}
    show(envelope("doctor", result, ok=fine) if as_json else emit(found))
    ctx.exit(0 if fine else 1)
