"""``envctl verify``."""

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

import click

from envctl.bootstrap import Services
from envctl.cli import completers, options, usage, verify_report
from envctl.cli.render import JSON
from envctl.cli.verify_report import Format
from envctl.domain.finding import LAYERS, Layer
from envctl.errors import UsageError
from envctl.usecases import note
from envctl.usecases.surroundings import Surroundings
from envctl.usecases.verify import Report, verify
from envctl.usecases.watch import Heard, Watch


class Verify(click.Command):
    """Knows what was meant by a layer that stands alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options; raises ``UsageError`` for ``--fleet`` and for ``fleet``."""
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if (layer := error.option_name.lstrip("-")) in LAYERS:
                raise _only(f"`verify` has no option `--{layer}`", layer) from error
            raise
        if ctx.args and not ctx.resilient_parsing:
            known = [each for word in ctx.args for each in word.split(",") if each in LAYERS]
            raise _only(f"`{ctx.args[0]}` is no option", ",".join(known) or "LAYER")
        return rest


def _only(message: str, layers: str) -> UsageError:
    return UsageError(message, where="envctl verify", hint=f"run `envctl verify --only {layers}`")


def _layers(
    ctx: click.Context, param: click.Parameter, values: tuple[str, ...]
) -> tuple[Layer, ...]:
    """Read ``--only lock,image`` and ``--only lock --only image`` alike."""
    names = [name.strip() for value in values for name in str(value).split(",")]
    names = [name for name in names if name]
    if values and not names and not ctx.resilient_parsing:
        raise UsageError(
            "no layer is named",
            where=f"--{param.name}",
            hint=f"the layers are: {', '.join(LAYERS)}",
        )
    for name in names:
        if name not in LAYERS:
            raise UsageError(
                f"there is no layer `{name}`",
                where=f"--{param.name}",
                hint=usage.layer(name, f"--{param.name}"),
            )
    return tuple(layer for layer in LAYERS if layer in names)


@click.command(
    cls=Verify,
    context_settings={"allow_extra_args": True},
    epilog="Example: envctl verify --only lock,image",
)
@click.option(
    "--only",
    multiple=True,
    callback=_layers,
    shell_complete=completers.layers,
    metavar="A,B",
    help=f"Look at these layers: {', '.join(LAYERS)}.",
)
@click.option(
    "--skip",
    multiple=True,
    callback=_layers,
    shell_complete=completers.layers,
    metavar="A,B",
    help="Leave these layers out.",
)
@click.option(
    "--full", is_flag=True, help="Compare every byte of what is installed (not of __pycache__)."
)
@click.option(
    "--strict/--no-strict",
    default=None,
    help="Let warnings count as errors, or not, whatever the manifest says.",
)
@click.option("--fix", is_flag=True, help="Run the commands that mend what is found; look again.")
@click.option("--dry-run", is_flag=True, help="With --fix: only show these commands.")
@click.option(
    *("--format", "form"),
    type=click.Choice(["text", "json", "github"]),
    help="As text (default), as JSON, or as annotations of GitHub Actions.",
)
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    only: tuple[Layer, ...],
    skip: tuple[Layer, ...],
    full: bool,
    strict: bool | None,
    fix: bool,
    dry_run: bool,
    form: Format | None,
    as_json: bool,
) -> None:
    """Check that lock, environment, variables, machines and image agree.

    Exits with 1 when something disagrees; under each finding stands the
    command that mends it, or what a person must decide. Under GitHub Actions
    findings become annotations as well.
    """
    if form == "json":
        ctx.meta[JSON] = True
    form = _form(form, as_json=as_json)
    if set(skip) >= set(only or LAYERS):
        raise UsageError(
            "nothing is left to look at",
            where="--skip",
            hint="leave out fewer layers: what looks at nothing finds nothing",
        )
    if dry_run and not fix:
        raise UsageError(
            "`--dry-run` shows what `--fix` would run",
            where="--dry-run",
            hint="`envctl verify --fix --dry-run`; without `--fix` nothing is changed in any case",
        )
    if not fix:
        check(ctx, services, only=only, skip=skip, full=full, strict=strict, form=form)
        return
    from envctl.cli import verify_fix  # noqa: PLC0415  # seldom

    def look() -> Report:
        return looked(replace(services), only=only, skip=skip, full=full)

    if dry_run:
        report = look()
        no = report.fails(strict=strict)
        verify_report.present(services, report, form, name="verify", ok=not no)
        verify_fix.preview(report)
        ctx.exit(1 if no else 0)
    verify_fix.fix(ctx, services, look, strict=strict, form=form)


def _form(form: Format | None, *, as_json: bool) -> Format:
    if as_json and form not in (None, "json"):
        raise UsageError(
            f"`--json` and `--format {form}` contradict each other",
            where="--format",
            hint="leave one of them out",
        )
    return "json" if as_json else form or "text"


def check(
    ctx: click.Context,
    services: Services,
    *,
    only: tuple[Layer, ...],
    skip: tuple[Layer, ...] = (),
    full: bool = False,
    strict: bool | None = None,
    form: Format = "text",
    name: str = "verify",
) -> None:
    """Look at the layers, show what was found and exit with 1 when something disagrees.

    ``name``: the command that was called, for its JSON report.
    """
    report = looked(services, only=only, skip=skip, full=full)
    no = report.fails(strict=strict)
    verify_report.present(services, report, form, name=name, ok=not no)
    ctx.exit(1 if no else 0)


def looked(
    services: Services,
    *,
    only: tuple[Layer, ...],
    skip: tuple[Layer, ...],
    full: bool,
) -> Report:
    """Look at the layers; an answer that files alone decide is noted for the next call (``envctl.quick``)."""
    today = datetime.now(tz=UTC).date()
    witness = note.Witness(services.project)
    watch = Watch(str(witness.root), services.environments, services.here, full=full)
    heard = Heard(services.environ)
    around = Surroundings(
        project=witness,
        environments=services.environments,
        here=watch.here,
        inspect=watch.inspect,
        record=cache(services.record),
        environ=heard,
        workshop=lambda: services.workshop,
        libraries=services.libraries,
        today=today,
    )
    report = verify(around, only=only, skip=skip)
    if not report.fails() and _agreed(report):
        texts = verify_report.every(report)
        days = _days(report, today)
        note.verified(
            *(witness, report.layers, texts),
            watch=watch,
            heard=heard,
            full=full,
            days=days,
        )
    return report


def _days(report: Report, today: date) -> tuple[date, date] | None:
    """Return the days between which the answer holds: support of what images start from ends some day."""
    if "image" not in report.layers:
        return None
    from envctl.domain.image.base import next_end  # noqa: PLC0415  # few calls look there

    return today, next_end(today) or date.max


def _agreed(report: Report) -> bool:
    """Whether all agrees, as the team counts it.

    What a machine of the team only gets in part, or an image starts from, stays as it is until a file changes; so does
    that there is no Dockerfile.
    """
    return report.skipped.keys() <= {"image"} and all(
        finding.layer != "environment" for finding in (*report.findings, *report.weighed.off)
    )
