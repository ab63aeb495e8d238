"""``envctl sync``."""

import sys
from contextlib import nullcontext, suppress
from dataclasses import dataclass

import click

from envctl.bootstrap import Services
from envctl.cli import options, sync_report
from envctl.cli.progress import progress
from envctl.cli.render import say, step
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest, restricted
from envctl.emitters.plural import many
from envctl.errors import EnvctlError, UsageError
from envctl.usecases import load, note
from envctl.usecases import sync as usecase
from envctl.usecases.choice import Choice, choose
from envctl.usecases.own import own
from envctl.usecases.wanted import Wanted, wanted

_RUNNING = ".".join(str(part) for part in sys.version_info[:3])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Selection:
    """What the command line chooses of the lock."""

    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    no_default_groups: bool = False
    profile: str | None = None
    no_project: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """What was read before anything is done; ``found``: the Python was searched for, and this is it."""

    choice: Choice
    lock: Lock
    manifest: Manifest
    want: Wanted
    found: str


@click.command(epilog="Example: envctl sync --group test")
@options.selection
@options.profile
@click.option("--check", is_flag=True, help="Change nothing; exit 1 if there is something to do.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--rollback", is_flag=True, help="Go back to the environment of before, at once.")
@click.option("--no-project", is_flag=True, help="Leave out the project itself.")
@click.option("--repair", is_flag=True, help="Look at every file, and make anew what was changed.")
@click.option("--adopt", is_flag=True, help="Keep aside a .venv that envctl did not make.")
@click.option("--recreate", is_flag=True, help="Make .venv anew; delete one of another tool.")
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    no_default_groups: bool,
    profile: str | None,
    check: bool,
    dry_run: bool,
    rollback: bool,
    no_project: bool,
    repair: bool,
    adopt: bool,
    recreate: bool,
    as_json: bool,
) -> None:
    """Make .venv hold exactly what the lock says.

    The new environment is built beside the old one and swapped in when it is
    complete, so that a sync that is killed leaves nothing half done.
    """
    selection = _Selection(
        groups=groups,
        extras=extras,
        no_default_groups=no_default_groups,
        profile=profile,
        no_project=no_project,
    )
    looking = check or dry_run
    _contradictions(
        selection,
        {"--check": check, "--dry-run": dry_run},
        {"--repair": repair, "--adopt": adopt, "--recreate": recreate},
        rollback=rollback,
    )
    with nullcontext() if looking else services.project.locked("sync"):
        # Read under the writer lock: what changed while we waited counts.
        if rollback:
            _roll_back(ctx, services, as_json=as_json)
            return
        witness = note.Witness(services.project)
        read = _read(services, witness, selection)
        first = [*sync_report.chosen(read.choice), *_about(read, selection)]
        for line in first:
            say(line)
        leave: usecase.Leave | None = "adopt" if adopt else "recreate" if recreate else None
        if looking:
            todo = usecase.check(
                services.project,
                services.environments,
                read.want,
                lambda: services.workshop,
                repair=repair,
                leave=leave,
            )
            count = len(read.want.items.items)
            sync_report.planned(todo, count, as_json=as_json)
            ctx.exit(1 if check and not todo.empty else 0)
        again = "".join(f"{line}\n" for line in first) if selection == _Selection() else None
        _sync(services, witness, read, again, repair=repair, leave=leave, as_json=as_json)


def _about(read: _Read, selection: _Selection) -> list[str]:
    """Return what a person should know before the work."""
    about = sync_report.about(read.manifest, read.lock)
    if not selection.no_default_groups:
        about += sync_report.left_out(read.choice.manifest, read.manifest)
    return about


def _contradictions(
    selection: _Selection, looking: dict[str, bool], how: dict[str, bool], *, rollback: bool
) -> None:
    asked = [name for name, given in looking.items() if given]
    more = [name for name, given in how.items() if given]
    both = asked if len(asked) > 1 else []
    if "--adopt" in more and "--recreate" in more:
        both = ["--adopt", "--recreate"]
    if rollback and (asked or more or selection != _Selection()):
        both = ["--rollback", *(asked or more or ["what to install"])]
    if both:
        said = " and ".join(f"`{each}`" if each[0] == "-" else each for each in both)
        raise UsageError(
            f"{said} cannot be given together", where="envctl sync", hint="give one of them"
        )


def _read(services: Services, witness: note.Witness, selection: _Selection) -> _Read:
    """Read manifest, lock and machine; raises ``EnvctlError`` where that leads to nothing that can be installed."""
    whole = load.manifest(witness)
    usecase.owned(whole)
    here = services.here(whole)
    choice = choose(
        witness,
        whole,
        option=selection.profile,
        environ=services.environ,
        platform=here.platform,
        record=services.record,
    )
    lock = load.required_lock(witness, choice.manifest.lock_name)
    manifest = restricted(choice.manifest, lock.only)
    names, more = options.chosen(
        manifest,
        lock,
        selection.groups,
        selection.extras,
        no_default=selection.no_default_groups,
    )
    want = wanted(
        witness,
        lock,
        here,
        groups=names,
        extras=more,
        profile=manifest.profile,
        own=own(witness, manifest, lock),
        bare=selection.no_project,
        inject=manifest.inject,
    )
    found = "" if here.interpreter.version == _RUNNING else here.interpreter.path
    return _Read(choice=choice, lock=lock, manifest=manifest, want=want, found=found)


def _sync(
    services: Services,
    witness: note.Witness,
    read: _Read,
    again: str | None,
    *,
    repair: bool,
    leave: usecase.Leave | None,
    as_json: bool,
) -> None:
    """Do it; ``again`` is what the next one says first, if it is asked the same and has nothing to do."""
    step(f"syncing {many(len(read.want.items.items))} …")
    with progress() as watch:
        outcome = usecase.sync(
            services.project,
            services.environments,
            read.want,
            workshop=lambda: services.workshop,
            say=watch.say,
            heard=watch.heard,
            repair=repair,
            leave=leave,
        )
    if read.choice.remember and read.manifest.profile:
        services.remember_profile(read.manifest.profile)
        say(f"  (kept in {load.LOCAL})")
    elif again is not None:
        note.synced(
            witness,
            services.environments,
            outcome.path,
            again + sync_report.in_sync(outcome.packages),
            searched=read.found,
        )
    sync_report.done(outcome, watch.seconds(), as_json=as_json)
    if not outcome.plan.empty:
        for line in sync_report.late(read.manifest, read.lock):
            say(line)


def _chosen(services: Services) -> _Selection:
    """Return what the environment in use was made with."""
    stamp = services.environments.current().stamp
    if stamp is None:
        return _Selection()
    return _Selection(
        groups=stamp.groups,
        extras=stamp.extras,
        no_default_groups=True,
        profile=stamp.profile,
        no_project=stamp.bare,
    )


def _roll_back(ctx: click.Context, services: Services, *, as_json: bool) -> None:
    from envctl.usecases.rollback import rollback  # noqa: PLC0415  # seldom

    manifest = None
    with suppress(EnvctlError):  # one that cannot be read is in nobody's way here
        manifest = load.manifest(services.project)
    if manifest:
        usecase.owned(manifest)
    returned = rollback(services.project, services.environments)
    ahead: bool | None = None
    if returned:
        try:
            want = _read(services, note.Witness(services.project), _chosen(services)).want
            todo = usecase.check(
                services.project, services.environments, want, lambda: services.workshop
            )
            ahead = not todo.empty
        except EnvctlError:
            ahead = None  # without a lock that can be read there is nothing to say
    sync_report.returned(returned, ahead=ahead, as_json=as_json)
    ctx.exit(0 if returned else 1)
