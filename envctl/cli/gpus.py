"""``envctl gpus`` and ``envctl gpus explain``."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from envctl.bootstrap import Services
from envctl.cli import completers, options
from envctl.cli.render import JSON, envelope, say, show
from envctl.errors import LeaseError, ProjectError, UsageError

if TYPE_CHECKING:
    from envctl.domain.devices.lease import Lease, Waiter
    from envctl.usecases.gpus import Declared, Explanation, Setting

_ORIGINS = {
    "argument": "given here",
    "environment": "set in this shell",
    "local": "declared in .envctl/local.toml",
    "project": "declared in pyproject.toml",
    "record": "as it was when the machine was recorded",
}


class Gpus(click.Group):
    """Knows what was meant by a value without its verb."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the command that takes such a word; raises ``UsageError``."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            raise UsageError(
                f"there is no command `gpus {args[0]}`",
                where="envctl gpus",
                hint=f"`envctl gpus explain {shlex.quote(args[0])}` says what a value means",
            )
        return super().resolve_command(ctx, args)


def _of_explain(_ctx: click.Context, _param: click.Parameter, name: str | None) -> None:
    if name is not None:
        raise UsageError(
            "who uses the GPUs now is known of this machine only",
            where="--machine",
            hint=f"`envctl gpus explain --machine {shlex.quote(name)}` says what a value means there",
        )


@click.group(cls=Gpus, invoke_without_command=True, epilog="Example: envctl gpus --json")
@options.as_json
@click.option("--machine", hidden=True, expose_value=False, callback=_of_explain)
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show the GPUs, who uses them, and which of them CUDA programs see.

    No GPU and no driver are answers, not errors; a driver that does not
    answer is left alone after 15 seconds.
    """
    ctx.meta[__name__] = as_json
    if ctx.invoked_subcommand is None:
        _show(ctx.obj, as_json=as_json)


def _show(services: Services, *, as_json: bool) -> None:
    from envctl.emitters.gpus_text import table  # noqa: PLC0415  # lazy: `--help` needs none of it
    from envctl.usecases.gpus import to_report, visible  # noqa: PLC0415

    usage = services.gpu_usage()
    reading = visible(usage, services.environ)
    held, waiting = _leases(services) if usage.gpus else ({}, ())
    if as_json:
        show(envelope("gpus", to_report(usage, reading, held, waiting), ok=True))
    else:
        show(table(usage, reading, held, waiting))


def _leases(services: Services) -> "tuple[Mapping[str, Lease] | None, tuple[Waiter, ...]]":
    """Return who holds and who waits; a folder that cannot be looked into is no reason to show no devices."""
    try:
        return services.leases.held(), services.leases.waiting()
    except LeaseError as error:
        say(f"who holds a lease is not known: {error.message}")
        return None, ()


@command.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    epilog="Example: envctl gpus explain 0,2,-1,1 --machine lab-v100",
)
@click.argument("value", required=False)
@click.option(
    "--machine",
    metavar="NAME",
    shell_complete=completers.machines,
    help="On this recorded machine, not here.",
)
@options.as_json
@click.pass_context
def explain(ctx: click.Context, value: str | None, machine: str | None, as_json: bool) -> None:
    """Say what a CUDA_VISIBLE_DEVICES means: which devices, in which order.

    Without VALUE: the one that is set in this shell, or else the declared
    one. A word that ends the list is named, with the reason.
    """
    from envctl.emitters.gpus_text import explanation  # noqa: PLC0415  # lazy: `--help`
    from envctl.usecases import gpus  # noqa: PLC0415

    _words(ctx, value)
    services: Services = ctx.obj
    as_json = as_json or ctx.meta[__name__]
    ctx.meta[JSON] = as_json
    told = _declared(services, needed=machine is not None)
    if machine is None:
        found = gpus.explain(value, services.record(), services.environ, told)
    else:
        record = gpus.recorded(services.project, machine)
        found = gpus.explain(value, record, None, told)
    if as_json:
        show(envelope("gpus explain", found.to_json(), ok=True))
    else:
        show(explanation(found.reading, _facts(found), found.doubts))


def _words(ctx: click.Context, value: str | None) -> None:
    """Refuse what is neither an option nor the one value; `-1` is a value."""
    words = [*filter(None, [value]), *ctx.args]
    if odd := next((word for word in words if re.match(r"-+[A-Za-z]", word)), None):
        raise click.NoSuchOption(odd, ctx=ctx)
    if ctx.args:
        whole = shlex.quote(",".join(word.strip(",") for word in words))
        raise UsageError(
            "more than one value",
            where="envctl gpus explain",
            hint=f"write the list as one word: `envctl gpus explain {whole}`",
        )


def _declared(services: Services, *, needed: bool) -> "Declared":
    """Return what the project declares; outside a project nothing is declared."""
    from envctl.usecases.gpus import declared  # noqa: PLC0415

    try:
        project = services.project
    except ProjectError:
        if needed:
            raise
        return {}
    return declared(project, lambda whole: services.variant(whole, None))


def _facts(found: "Explanation") -> Iterator[tuple[str, str]]:
    yield "machine", found.machine or "this one"
    yield "value", _said(found.value)
    yield (
        "order",
        _said(found.order) if found.order.value is not None else "FASTEST_FIRST (default)",
    )
    yield "driver", found.record.driver or "none"
    if found.record.gpu_problem:
        yield "problem", found.record.gpu_problem


def _said(setting: "Setting") -> str:
    if setting.value is None:
        return "not set"
    return f"{f'`{setting.value}`' if setting.value else 'empty'} ({_ORIGINS[setting.origin]})"
