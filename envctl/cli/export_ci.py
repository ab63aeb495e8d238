"""``envctl export ci``."""

from typing import Any

import click

from envctl.bootstrap import Services
from envctl.cli import completers
from envctl.cli.render import delivered, envelope, say, show
from envctl.domain.workflow import Choice
from envctl.emitters.exports import ci
from envctl.usecases.ci import CiOutcome, Mode, export_ci

_GROUP = "envctl.cli.export"  # where it keeps `envctl export --json ci`
_SAID = {
    "missing": "there is no {}",
    "stale": "{} is not what envctl would write now",
    "yours": "{} was changed by hand: it is yours",
}


@click.command(ci.NAME, help=ci.HELP, short_help=ci.SUMMARY, epilog=f"Example: {ci.EXAMPLE}")
@click.option("--from", "source", metavar="ADDRESS", help="Where the runner takes envctl from.")
@click.option("--branch", metavar="NAME", help="The repository's default branch.")
@click.option(
    *("--profile", "profiles"),
    multiple=True,
    metavar="NAME",
    shell_complete=completers.profiles,
    help="Only this profile (may be repeated).",
)
@click.option(
    "--runner",
    multiple=True,
    metavar="LABEL",
    help="A machine of your own, by its label (may be repeated).",
)
@click.option("--only", type=click.Choice(ci.KINDS), help="One of the two workflows.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the files do not match.")
@click.option("--print", "printed", is_flag=True, help="Write nothing; print them.")
@click.option(
    *("-o", "--output"),
    metavar="FOLDER",
    default=ci.FOLDER,
    show_default=True,
    help="Where they go, as seen from the repository's top.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON report.")
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Write two workflows for GitHub Actions."""
    services: Services = ctx.obj
    mode: Mode = "check" if given["check"] else "print" if given["printed"] else "write"
    outcome = export_ci(
        services.project,
        services.ci_place(),
        Choice(
            source=given["source"],
            branch=given["branch"],
            runner=given["runner"],
            profiles=given["profiles"],
        ),
        kinds=(given["only"],) if given["only"] else ci.KINDS,
        folder=given["output"].removeprefix("./").rstrip("/"),
        mode=mode,
    )
    bad = mode == "check" and outcome.stale
    as_json = given["as_json"] or bool(ctx.meta.get(_GROUP))
    _present(outcome, mode, as_json=as_json, ok=not bad)
    if bad:
        ctx.exit(1)


def _present(outcome: CiOutcome, mode: Mode, *, as_json: bool, ok: bool) -> None:
    for note in outcome.notes if mode != "check" else ():
        say(f"note: {note}")
    if as_json:
        show(envelope("export", _table(outcome, mode), ok=ok))
        return
    if mode == "print":
        show("---\n".join(f"# {file.path}\n{file.text}" for file in outcome.files))
        return
    for file in outcome.files:
        said = _SAID.get(file.state)
        say(said.format(file.path) if said else delivered(file.state, file.path))
    if not ok:
        say("run `envctl export ci`, and commit what it writes")
    elif mode == "write" and outcome.secrets:
        say(
            f"secrets that the workflows name, for indexes with a login and the image: {', '.join(outcome.secrets)}"
        )


def _table(outcome: CiOutcome, mode: Mode) -> dict[str, Any]:
    return {
        "format": ci.NAME,
        "files": [
            {
                "path": file.path,
                "state": file.state,
                "text": file.text if mode == "print" else None,
            }
            for file in outcome.files
        ],
        "secrets": list(outcome.secrets),
        "warnings": list(outcome.notes),
    }
