"""``envctl run``."""

from dataclasses import replace

import click

from envctl.bootstrap import Services
from envctl.cli import completers, options, run_gpus
from envctl.cli.render import JSON, envelope, say, show
from envctl.domain.environment.activation import Activation
from envctl.domain.nearest import meant
from envctl.emitters.printable import printable
from envctl.errors import UsageError
from envctl.usecases import note
from envctl.usecases.describe import about
from envctl.usecases.enter import activation
from envctl.usecases.run import explain, pairs, patch


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: envctl run --gpus 2 --env SEED=1 -- python train.py",
)
@click.option("--env", "extra", multiple=True, metavar="K=V", help="Set a variable.")
@click.option(
    "--isolated", is_flag=True, help="Leave your own variables out, but for a few (see the docs)."
)
@run_gpus.options
@click.option("--explain", "explained", is_flag=True, help="Run nothing: say who sets what.")
@click.option("--json", "report", is_flag=True, help="Print the explanation as JSON.")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, shell_complete=completers.command_line)
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    extra: tuple[str, ...],
    isolated: bool,
    gpus: int | None,
    min_free: str | None,
    wait: bool,
    explained: bool,
    report: bool,
    argv: tuple[str, ...],
) -> None:
    """Run a command in the environment, with its variables.

    The command takes envctl's place: its exit code and signals are its own.
    Options of envctl's stand before the command.
    """
    if report and not explained:
        raise UsageError(
            "`--json` goes with `--explain` only",
            where="--json",
            hint="an option of the command itself comes after it: `envctl run -- COMMAND --json`",
        )
    if not (argv or explained):
        raise UsageError(
            "there is no command to run",
            where="envctl run",
            hint="write it at the end: `envctl run -- COMMAND`",
        )
    # Only now: a command's own `--json` is none of envctl's.
    ctx.meta[JSON] = report
    witness = note.Witness(services.project)
    given = pairs(extra)
    asked = run_gpus.asked(gpus, min_free, wait=wait)
    found = activation(witness, services.environments, services.environ)
    env = patch(found, services.environ, given, isolated=isolated)
    if argv and argv[0].startswith("-") and services.program(argv[0], env) is None:
        raise _misplaced(ctx, argv[0].partition("=")[0])
    if explained:
        _explain(services, found, given, argv, isolated=isolated, report=report, asked=asked)
        return
    known = about(witness, services.environments, found)
    note.entered(witness, found, about=known)
    if asked:
        services.keep(found.environment)  # it may be a long wait
        leased = run_gpus.taken(services, env, argv, asked)
        env = patch(found, services.environ, given, leased=leased, isolated=isolated)
    lease = None if asked else found.environment
    services.become(argv, env, lease=lease, about=known, hidden=found.filed())


def _misplaced(ctx: click.Context, word: str) -> UsageError:
    """Return the error for an option where the program's name belongs."""
    own = [name for each in ctx.command.params for name in each.opts if name.startswith("--")]
    outer = ctx.parent.command.params if ctx.parent else []
    if word in own:
        hint = f"write `{word}` before the `--`: what stands after it is the command"
    elif word in [name for each in outer for name in (*each.opts, *each.secondary_opts)]:
        hint = f"write it before `run`: `envctl {word} … run -- COMMAND`"
    elif word == "--profile":
        hint = "`run` uses what is synced: `envctl sync --profile NAME` changes that"
    else:
        hint = meant(word, own, otherwise="see `envctl run --help`")
    if word in own:
        return UsageError(
            f"`{word}` stands where the program belongs", where="envctl run", hint=hint
        )
    return UsageError(f"`run` has no option `{word}`", where="envctl run", hint=hint)


def _explain(
    services: Services,
    found: Activation,
    given: dict[str, str],
    argv: tuple[str, ...],
    *,
    isolated: bool,
    report: bool,
    asked: run_gpus.Asked | None,
) -> None:
    from envctl.emitters import explanation  # noqa: PLC0415  # most calls explain nothing

    env = patch(found, services.environ, given, isolated=isolated)
    leased = run_gpus.foreseen(services, env, asked) if asked else {}
    what = explain(found, services.environ, given, leased=leased, isolated=isolated)
    if argv:
        what = replace(what, program=services.program(argv[0], env))
    if report:
        show(envelope("run", explanation.table(what), ok=True))
        return
    show(explanation.text(what))
    for remark in explanation.remarks(what):
        say(remark)
    if argv:
        program = printable(what.program or "", names=True)
        say(
            f"would start {program}"
            if program
            else f"`{printable(argv[0], names=True)}` is not to be found"
        )
