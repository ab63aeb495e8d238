"""``envctl record``."""

import shlex

import click

from envctl.bootstrap import Services
from envctl.cli import completers, options
from envctl.cli.render import envelope, say, show
from envctl.emitters.record_text import emit
from envctl.errors import UsageError
from envctl.usecases.record import other_names, save


@click.command(
    context_settings={"allow_extra_args": True}, epilog="Example: envctl record --save lab-h100"
)
@click.option(
    *("--save", "name"),
    metavar="NAME",
    shell_complete=completers.machines,
    help="Write .envctl/machines/NAME.toml.",
)
@options.as_json
@options.pass_services
@click.pass_context
def command(ctx: click.Context, services: Services, name: str | None, as_json: bool) -> None:
    """Show what this machine has: Python, system, GPUs, driver, variables.

    No GPU and no driver are answers, not errors. A saved record holds no
    secret, no user name and no host name.
    """
    if ctx.args:
        raise UsageError(
            f"`{ctx.args[0]}` stands where no name belongs",
            where="envctl record",
            hint=f"to keep the record: `envctl record --save {shlex.quote(ctx.args[0])}`",
        )
    record = services.record(name)
    saved = save(record, services.project) if name is not None else None
    show(envelope("record", record.to_json(), ok=True) if as_json else emit(record))
    if saved:
        say(f"wrote {saved}")
        for other in other_names(record, services.project):
            say(
                f"this machine is recorded as {other} already: delete .envctl/machines/{other}.toml"
            )
