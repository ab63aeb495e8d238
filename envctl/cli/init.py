"""``envctl init``."""

from collections.abc import Callable

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, say, show
from envctl.domain.here import Here
from envctl.usecases import load
from envctl.usecases.init import InitPlan, init, plan


@click.command(epilog="Example: cd my-project && envctl init")
@click.option("--name", metavar="NAME", help="The name under which this machine is recorded.")
@options.as_json
@options.pass_services
def command(services: Services, name: str | None, as_json: bool) -> None:
    """Make or extend pyproject.toml and record this machine.

    Works in an empty folder, beside a requirements.txt and in an existing
    project; comments and order of what is there stay as they are.
    """
    project = services.here_project
    here = _here(services)
    record = services.record(name)

    def carry(act: Callable[..., InitPlan]) -> InitPlan:
        return act(
            project,
            interpreter=here.interpreter,
            platform=here.platform,
            record=record,
            extend=services.extend_manifest,
            default_index=services.default_index(),
        )

    # Planned once before the writer lock, whose file would make a project of a folder that cannot be one.
    carry(plan)
    with project.locked("init"):
        done = carry(init)
    if as_json:
        result = {
            "files": sorted(done.files),
            "machine": done.machine,
            "notes": [{"where": note.where, "message": note.message} for note in done.notes],
            "next": list(done.next),
        }
        show(envelope("init", result, ok=True))
        return
    for note in done.notes:
        say(f"note: {note.where}: {note.message}")
    for file in sorted(done.files):
        say(f"  wrote {file}")
    if not done.files:
        say("nothing to do: this is an envctl project already")
    say("next:")
    for line in done.next:
        say(f"  {line}")


def _here(services: Services) -> Here:
    """Find the interpreter that the project allows: an existing manifest may ask for another Python."""
    text = services.here_project.read(load.MANIFEST)
    found = load.parsed(text) if text is not None else None
    python, allowed = (found.python, found.requires_python) if found else (None, None)
    return services.here_of(python, allowed)
