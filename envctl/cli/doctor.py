"""``envctl doctor``."""

import sys
from collections import Counter
from dataclasses import asdict

import click

from envctl.bootstrap import Services
from envctl.cli import options, terminal
from envctl.cli.render import envelope, report, say, show
from envctl.domain.diagnosis import STATES
from envctl.emitters.diagnosis_text import emit
from envctl.usecases.doctor import Patient
from envctl.usecases.doctoring import examine
from envctl.usecases.doctoring.subject import Subject


@click.command(epilog="Example: envctl doctor --offline")
@click.option("--offline", is_flag=True, help="Ask no index.")
@options.as_json
@options.pass_services
@click.pass_context
def command(ctx: click.Context, services: Services, offline: bool, as_json: bool) -> None:
    """Say what is wrong with this machine or project, and what mends it.

    Each line is ok, warn or fail, with the next step under it. Exits with 1
    when one fails. Works outside a project as well. User, home, machine,
    logins and tokens are left out: the report can be pasted into an issue.
    """
    found = examine(_subject(services, offline=offline))
    fine = all(each.state != "fail" for each in found)
    if as_json:
        result = {"checks": [asdict(each) for each in found]}
        show(envelope("doctor", result, ok=fine))
    else:
        report(emit(found, width=terminal.width(sys.stdout)))
        counts = Counter(each.state for each in found)
        say(", ".join(f"{counts[state]} {state}" for state in STATES))
    ctx.exit(0 if fine else 1)


def _subject(services: Services, *, offline: bool) -> Subject:
    return Subject(
        checkup=services.checkup,
        patient=Patient(project=lambda: services.project, record=services.record),
        environ=services.environ,
        transport=lambda: services.transport,
        environments=lambda: services.environments,
        interpreter=lambda manifest: services.interpreter(
            manifest.python, manifest.requires_python
        ),
        default_index=services.default_index,
        parent_shell=services.parent_shell,
        offline=offline,
    )
