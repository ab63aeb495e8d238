"""``envctl lock``."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, say, show, step
from envctl.domain.manifest import Manifest
from envctl.domain.profile import variant
from envctl.domain.resolution import Interpreter
from envctl.usecases import load, note
from envctl.usecases.lock import Locked, LockOutcome, Wish, lock

_SHOWN = 30


@click.command(epilog="Example: envctl lock --upgrade numpy")
@click.option(
    "--upgrade",
    "-U",
    "everything",
    is_flag=True,
    help="Take the newest versions of PACKAGES (NAME or NAME==VERSION), or of all.",
)
@click.option(
    "--upgrade-package", "-P", "upgrade", multiple=True, help="Upgrade only this package."
)
@click.argument("packages", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the lock is not right.")
@click.option(
    "--profile", "profiles", multiple=True, metavar="NAME", help="Lock this profile only."
)
@click.option("--all-profiles", is_flag=True, help="Lock every profile (that is the default).")
@click.option("--as-of", metavar="DATE", help="Resolve as of that day, for example 2026-11-01.")
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
    profiles: tuple[str, ...],
    all_profiles: bool,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Resolve the manifest and write pylock.toml, or one lock per profile.

    Versions in the lock are kept where they can be; nothing is resolved when
    the lock answers the manifest already.
    """
    if check:
        from envctl.cli.verify import command as verify  # noqa: PLC0415

        ctx.invoke(verify, only=("lock",), skip=(), strict=False, as_json=as_json)
        return
    if packages and not everything:
        raise click.UsageError(f"to upgrade: `envctl lock --upgrade {' '.join(packages)}`", ctx)
    if as_of is not None:
        _day(as_of, ctx)
    if profiles and all_profiles:
        raise click.UsageError("--profile and --all-profiles contradict each other", ctx)
    with services.project.locked("lock"), services.workspace() as workspace:
        # Read under the writer lock: what changed while we waited counts.
        witness = note.Witness(services.project)
        manifest = load.manifest(witness)
        for name in profiles:
            variant(manifest, name)
        outcome = lock(
            services.project,
            manifest,
            engine=services.engine(manifest.resolver),
            interpreter=lambda: _interpreter(services, manifest),
            run=services.run,
            workspace=workspace,
            sdists=services.sdists,
            wish=Wish(
                upgrade=(*packages, *upgrade) or (() if everything else None),
                profiles=profiles or None,
                as_of=as_of,
            ),
        )
        if not (profiles or as_of):
            names = [each.file for each in outcome.locks]
            if manifest.profiles:
                witness.read(load.LOCK)  # if one turns up, it has to go
            note.locked(witness, names, "".join(f"{line}\n" for line in _unchanged(outcome)))
    _present(outcome, as_json=as_json)


def _interpreter(services: Services, manifest: Manifest) -> Interpreter:
    found = services.interpreter(manifest.python, manifest.requires_python)
    step(f"resolving with {manifest.resolver} for Python {found.minor} …")
    return found


def _unchanged(outcome: LockOutcome) -> list[str]:
    """Return what a lock with nothing to do says: the fast path says it too."""
    return [
        *(f"note: {each}" for each in outcome.remarks),
        *(_state(each.file, len(each.lock.pylock.packages)) for each in outcome.locks),
    ]


def _state(file: str, packages: int) -> str:
    return f"{file} is up to date: {packages} packages"


def _day(text: str, ctx: click.Context) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        said = f"--as-of: `{text}` is not a date: write it as 2026-11-01 or 2026-11-01T12:00:00Z"
        raise click.UsageError(said, ctx) from error


def _present(outcome: LockOutcome, *, as_json: bool) -> None:
    for said in outcome.notes:
        say(f"note: {said}")
    if as_json:
        result = {
            "written": outcome.written,
            "resolved": outcome.resolved,
            "removed": list(outcome.removed),
            "notes": list(outcome.notes),
            "locks": [_table(each) for each in outcome.locks],
        }
        show(envelope("lock", result, ok=True))
        return
    for each in outcome.locks:
        _changes(each)
        packages = len(each.lock.pylock.packages)
        wrote = f"wrote {each.file}: {packages} packages"
        say(wrote if each.written else _state(each.file, packages))
    for name in outcome.removed:
        say(f"removed {name}: each profile has a lock of its own")


def _table(each: Locked) -> dict[str, Any]:
    return {
        "file": each.file,
        "profile": each.profile,
        "written": each.written,
        "packages": len(each.lock.pylock.packages),
        "changes": [{"name": c.name, "old": c.old, "new": c.new} for c in each.changes],
        "effects": [asdict(effect) for effect in each.effects],
    }


def _changes(each: Locked) -> None:
    for change in each.changes[:_SHOWN] if each.known else ():
        if change.old is None:
            say(f"  + {change.name} {change.new}")
        elif change.new is None:
            say(f"  - {change.name} {change.old}")
        else:
            say(f"  ~ {change.name} {change.old} → {change.new}")
    if each.known and len(each.changes) > _SHOWN:
        say(f"  … and {len(each.changes) - _SHOWN} more (see --json)")
    for effect in each.effects:
        say(f"  {click.style('!', fg='yellow') if effect.worse else '*'} {effect.sentence}")
