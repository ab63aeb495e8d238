"""``envctl diff``."""

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, say, show
from envctl.emitters.difference_text import emit
from envctl.usecases.diff import diff


@click.command(epilog="Example: envctl diff run-a.json run-b.json")
@click.argument("a", type=click.Path())
@click.argument("b", type=click.Path())
@options.as_json
@options.pass_services
@click.pass_context
def command(ctx: click.Context, services: Services, a: str, b: str, as_json: bool) -> None:
    """Rank what could explain that two runs gave different results.

    A and B are descriptions of runs: the files that `envctl run` names in
    ENVCTL_RUN, or what `envctl describe --json` printed. Exit 0: nothing
    differs; 1: something does.
    """
    found = diff(services.given, a, b)
    same = not found.differences
    if as_json:
        result = {
            "differences": [each.to_json() for each in found.differences],
            "remarks": list(found.remarks),
        }
        show(envelope("diff", result, ok=same))
    else:
        show(emit(found))
        for remark in found.remarks:
            say(remark)
    ctx.exit(0 if same else 1)
