"""``envctl verify``."""

from dataclasses import asdict
from datetime import UTC, date, datetime

import click

from envctl.bootstrap import Services
from envctl.cli import completers, options
from envctl.cli.render import envelope, show
from envctl.domain.finding import LAYERS, Layer
from envctl.emitters import findings_text
from envctl.errors import UsageError
from envctl.usecases import note
from envctl.usecases.surroundings import Surroundings
from envctl.usecases.verify import Report, verify
from envctl.usecases.watch import Watch

_BY_FILES = {"lock", "environment", "fleet", "image"}
"""The layers whose answer rests on files alone, and for `image` on the day."""


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
    return UsageError(message, where="verify", hint=f"`envctl verify --only {layers}`")


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
                hint=f"the layers are: {', '.join(LAYERS)}",
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
@click.option("--strict", is_flag=True, help="Let warnings count as errors.")
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    only: tuple[Layer, ...],
    skip: tuple[Layer, ...],
    full: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Check that lock, environment, variables, machines and image agree.

    Exits with 1 when something disagrees; under each finding stands the
    command that mends it, or what a person must decide.
    """
    if set(skip) >= set(only or LAYERS):
        raise UsageError(
            "nothing is left to look at",
            where="--skip",
            hint="leave out fewer layers: what looks at nothing finds nothing",
        )
    check(ctx, services, only=only, skip=skip, full=full, strict=strict, as_json=as_json)


def check(
    ctx: click.Context,
    services: Services,
    *,
    only: tuple[Layer, ...],
    skip: tuple[Layer, ...] = (),
    full: bool = False,
    strict: bool = False,
    as_json: bool = False,
    name: str = "verify",
) -> None:
    """Look at the layers, show what was found and exit with 1 when something disagrees.

    ``name``: the command that was called, for its JSON report.
    """
    today = datetime.now(tz=UTC).date()
    witness = note.Witness(services.project)
    watch = Watch(str(witness.root), services.environments, services.here, full=full)
    around = Surroundings(
        project=witness,
        environments=services.environments,
        here=watch.here,
        inspect=watch.inspect,
        record=services.record,
        environ=services.environ,
        workshop=lambda: services.workshop,
        libraries=services.libraries,
        today=today,
    )
    report = verify(around, only=only, skip=skip)
    no = report.fails(strict=strict)
    if _agreed(report) and set(report.layers) <= _BY_FILES:
        text, as_envelope = _text(report), _json("verify", report, ok=True) + "\n"
        until = _until(report, today)
        note.verified(
            witness, report.layers, text, as_envelope, watch=watch, full=full, until=until
        )
    show(_json(name, report, ok=not no) if as_json else _text(report))
    ctx.exit(1 if no else 0)


def _until(report: Report, today: date) -> date | None:
    """Return the last day on which the answer holds: support of what images start from ends some day."""
    if "image" not in report.layers:
        return None
    from envctl.domain.image.base import next_end  # noqa: PLC0415  # few calls look there

    return next_end(today)


def _agreed(report: Report) -> bool:
    """Whether all agrees.

    What a machine of the team only gets in part, or an image starts from, stays as it is until a file changes.
    """
    return not report.skipped and all(
        finding.layer in ("fleet", "image") and finding.severity != "error"
        for finding in report.findings
    )


def _text(report: Report) -> str:
    return findings_text.report(report.layers, report.findings, report.skipped, report.said)


def _json(command: str, report: Report, *, ok: bool) -> str:
    result = {
        "layers": list(report.layers),
        "skipped": dict(report.skipped),
        "said": dict(report.said),
        "findings": [asdict(finding) for finding in report.findings],
    }
    return envelope(command, result, ok=ok)
