"""``envctl lock``."""

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, say, show, step
from envctl.usecases import load
from envctl.usecases.lock import LockOutcome, lock

_SHOWN = 30


@click.command(epilog="Example: envctl lock --upgrade numpy")
@click.option(
    "--upgrade",
    "-U",
    "everything",
    is_flag=True,
    help="Take the newest versions of PACKAGES, or of all, instead of those of the lock.",
)
@click.option(
    "--upgrade-package", "-P", "upgrade", multiple=True, help="Upgrade only this package."
)
@click.argument("packages", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the lock is not right.")
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    everything: bool,
    upgrade: tuple[str, ...],
    packages: tuple[str, ...],
    check: bool,
    as_json: bool,
) -> None:
    """Resolve the manifest and write pylock.toml.

    Versions in the lock are kept where they can be; nothing is resolved when
    the lock answers the manifest already.
    """
    if check:
        from envctl.cli.verify import command as verify  # noqa: PLC0415

        ctx.invoke(verify, only=("lock",), skip=(), strict=False, as_json=as_json)
        return
    if packages and not everything:
        raise click.UsageError(f"to upgrade: `envctl lock --upgrade {' '.join(packages)}`", ctx)
    with services.project.locked("lock"), services.workspace() as workspace:
        # Read under the writer lock: what changed while we waited counts.
        manifest = load.manifest(services.project)
        interpreter = services.interpreter(manifest.python, manifest.requires_python)
        step(f"resolving with {manifest.resolver} for Python {interpreter.minor} …")
        outcome = lock(
            services.project,
            manifest,
            engine=services.engine(manifest.resolver),
            interpreter=interpreter,
            run=services.run,
            workspace=workspace,
            upgrade=(*packages, *upgrade) or (() if everything else None),
        )
    _present(outcome, as_json=as_json)


def _present(outcome: LockOutcome, *, as_json: bool) -> None:
    for note in outcome.notes:
        say(f"note: {note}")
    count = len(outcome.lock.pylock.packages)
    changes = [{"name": c.name, "old": c.old, "new": c.new} for c in outcome.changes]
    if as_json:
        result = {
            "packages": count,
            "written": outcome.written,
            "resolved": outcome.resolved,
            "changes": changes,
        }
        show(envelope("lock", result, ok=True))
        return
    for change in outcome.changes[:_SHOWN] if outcome.known else ():
        if change.old is None:
            say(f"  + {change.name} {change.new}")
        elif change.new is None:
            say(f"  - {change.name} {change.old}")
        else:
            say(f"  ~ {change.name} {change.old} → {change.new}")
    if outcome.known and len(outcome.changes) > _SHOWN:
        say(f"  … and {len(outcome.changes) - _SHOWN} more (see --json)")
    state = "wrote pylock.toml" if outcome.written else "pylock.toml is up to date"
    say(f"{state}: {count} packages")
