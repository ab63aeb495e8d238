"""``envctl lock``."""

from collections.abc import Callable
from datetime import datetime

import click

from envctl.bootstrap import Services
from envctl.cli import completers, lock_report, options
from envctl.cli.render import envelope, say, show
from envctl.cli.verify_report import Format
from envctl.domain.finding import Layer
from envctl.domain.profile import variant
from envctl.emitters.printable import printable
from envctl.errors import UsageError
from envctl.usecases import load, note
from envctl.usecases.lock import Wish, lock
from envctl.usecases.lock_outcome import LockOutcome
from envctl.usecases.resolving import Resolver


@click.command(epilog="Example: envctl lock --upgrade numpy")
@click.option(
    "--upgrade",
    "-U",
    "everything",
    is_flag=True,
    help="Take the newest versions of PACKAGES (NAME or NAME==VERSION), or of all.",
)
@click.option(
    *("--upgrade-package", "-P", "upgrade"),
    multiple=True,
    metavar="NAME",
    shell_complete=completers.packages,
    help="Upgrade only this package.",
)
@click.argument("packages", nargs=-1, shell_complete=completers.packages)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the lock is not right.")
@click.option(
    *("--profile", "profiles"),
    multiple=True,
    metavar="NAME",
    shell_complete=completers.profiles,
    help="Lock this profile only.",
)
@options.selection
@click.option("--all-groups", is_flag=True, help="Lock all groups and extras (again).")
@click.option("--adopt", is_flag=True, help="Take the lock that another tool wrote as it is.")
@click.option("--all-profiles", is_flag=True, help="Lock every profile (that is the default).")
@click.option(
    "--fleet", is_flag=True, help="Hold torch back so far that every recorded machine runs it."
)
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
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    no_default_groups: bool,
    all_groups: bool,
    adopt: bool,
    profiles: tuple[str, ...],
    all_profiles: bool,
    fleet: bool,
    as_of: str | None,
    as_json: bool,
) -> None:
    """Resolve the manifest and write pylock.toml, or one lock per profile.

    A lock holds all extras and groups, unless some are named: it is then for
    these until --all-groups. --fleet heeds the machines in .envctl/machines.

    Versions in the lock are kept where they can be; nothing is resolved when
    the lock answers the manifest already.
    """
    if check:
        from envctl.cli import verify  # noqa: PLC0415

        layers: tuple[Layer, ...] = ("lock", "fleet") if fleet else ("lock",)
        form: Format = "json" if as_json else "text"
        verify.check(ctx, services, only=layers, form=form, name="lock")
        return
    freed = (*packages, *upgrade) or (() if everything else None)
    _contradictions(ctx, adopt=adopt, plain=packages and not everything, freed=freed)
    if profiles and all_profiles:
        raise UsageError(
            "`--profile` and `--all-profiles` contradict each other",
            where="envctl lock",
            hint="give one of them; without either, all profiles are locked",
        )
    if all_groups and (groups or extras or no_default_groups):
        raise UsageError(
            "`--all-groups` goes with no other choice of groups",
            where="envctl lock",
            hint="leave `--group`, `--extra` and `--no-default-groups` out: all are locked then",
        )
    wish = Wish(
        upgrade=freed,
        profiles=profiles or None,
        as_of=_day(as_of),
        only=_only(services, groups, extras, no_default=no_default_groups),
        everything=all_groups,
    )
    outcome = _adopted(services) if adopt else _locked(services, wish, fleet=fleet)
    for said in outcome.notes:
        say(f"note: {printable(said)}")
    if as_json:
        show(envelope("lock", lock_report.table(outcome), ok=True))
    else:
        lock_report.report(outcome)


def _only(
    services: Services, groups: tuple[str, ...], extras: tuple[str, ...], *, no_default: bool
) -> tuple[str, ...] | None:
    """Return the extras and groups that the lock is to hold; ``None``: nothing was said."""
    if not (groups or extras or no_default):
        return None
    manifest = load.manifest(services.project)
    named, added = options.chosen(manifest, None, groups, extras, no_default=no_default)
    return (*(f"extra {name}" for name in added), *(f"group {name}" for name in named))


def _contradictions(
    ctx: click.Context, *, adopt: bool, plain: object, freed: tuple[str, ...] | None
) -> None:
    others = ("profiles", "as_of", "groups", "extras", "no_default_groups", "all_groups", "fleet")
    if adopt and (freed is not None or any(ctx.params[name] for name in others)):
        raise UsageError(
            "`--adopt` takes the locks as they are: no other option fits",
            where="envctl lock",
            hint="run `envctl lock --adopt`, then the other command",
        )
    if plain:
        names = " ".join(ctx.params["packages"])
        too = "--fleet " if ctx.params["fleet"] else ""
        raise UsageError(
            "`lock` takes packages only to upgrade them",
            where="envctl lock",
            hint=f"to upgrade: `envctl lock {too}--upgrade {names}`",
        )


def _locked(services: Services, wish: Wish, *, fleet: bool) -> LockOutcome:
    with services.project.locked("lock"), services.workspace() as workspace:
        # Read under the writer lock: what changed while we waited counts.
        witness = note.Witness(services.project)
        manifest = load.manifest(witness)
        for name in wish.profiles or ():
            variant(manifest, name)
        engine = services.engine(manifest.resolver)
        outcome = _work(fleet=fleet)(
            services.project,
            manifest,
            resolver=Resolver(engine, services.run, workspace, services.sdists),
            interpreter=lambda: lock_report.resolving(services, manifest),
            wish=wish,
        )
        if not (wish.profiles or wish.as_of):
            names = [each.file for each in outcome.locks]
            if manifest.profiles:
                witness.read(load.LOCK)  # if one turns up, it has to go
            note.locked(witness, names, "".join(f"{line}\n" for line in _unchanged(outcome)))
    return outcome


def _work(*, fleet: bool) -> Callable[..., LockOutcome]:
    if not fleet:
        return lock
    from envctl.usecases.lock_fleet import lock_for_fleet  # noqa: PLC0415  # rarely asked for

    return lock_for_fleet


def _adopted(services: Services) -> LockOutcome:
    from envctl.usecases.adopt import adopt  # noqa: PLC0415  # rarely used

    with services.project.locked("adopt a lock"):
        manifest = load.manifest(services.project)
        return adopt(
            services.project,
            manifest,
            committed=services.committed,
            python=lambda: services.interpreter(manifest.python, manifest.requires_python).version,
        )


def _unchanged(outcome: LockOutcome) -> list[str]:
    """Return what a lock with nothing to do says: the fast path says it too."""
    return [
        *(f"note: {printable(each)}" for each in outcome.remarks),
        *(lock_report.state(each.file, len(each.lock.pylock.packages)) for each in outcome.locks),
    ]


def _day(text: str | None) -> str | None:
    try:
        if text is not None:
            datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"`{text}` is not a date",
            where="--as-of",
            hint="write it as 2026-11-01 or 2026-11-01T12:00:00Z",
        ) from error
    return text
