"""``envctl sync``."""

import sys
from contextlib import nullcontext

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, say, show, step
from envctl.domain.build import PROJECT
from envctl.domain.environment import SyncPlan
from envctl.domain.lock import Lock
from envctl.domain.lock_state import answers
from envctl.domain.manifest import Manifest, restricted
from envctl.usecases import load, note
from envctl.usecases import sync as usecase
from envctl.usecases.choice import Choice, choose
from envctl.usecases.own import own

_RUNNING = ".".join(str(part) for part in sys.version_info[:3])


@click.command(epilog="Example: envctl sync --group test")
@options.selection
@options.profile
@click.option("--check", is_flag=True, help="Change nothing; exit 1 if there is something to do.")
@click.option("--no-project", is_flag=True, help="Leave out the project itself.")
@click.option("--repair", is_flag=True, help="Look at every file, and make anew what was changed.")
@click.option("--recreate", is_flag=True, help="Replace a .venv that envctl did not make.")
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
    no_project: bool,
    repair: bool,
    recreate: bool,
    as_json: bool,
) -> None:
    """Make .venv hold exactly what the lock says.

    The new environment is built beside the old one and swapped in when it is
    complete, so that a sync that is killed leaves nothing half done.
    """
    with nullcontext() if check else services.project.locked("sync"):
        # Read under the writer lock: what changed while we waited counts.
        witness = note.Witness(services.project)
        whole = load.manifest(witness)
        here = services.here(whole)
        choice = choose(
            witness,
            whole,
            option=profile,
            environ=services.environ,
            platform=here.platform,
            record=services.record,
        )
        lock = load.required_lock(witness, choice.manifest.lock_name)
        manifest = restricted(choice.manifest, lock.only)
        names, more = options.chosen(manifest, lock, groups, extras, no_default=no_default_groups)
        want = usecase.wanted(
            witness,
            lock,
            here,
            groups=names,
            extras=more,
            profile=manifest.profile,
            own=own(witness, manifest, lock),
            bare=no_project,
        )
        for line in _chosen(choice):
            say(line)
        if check:
            todo = usecase.check(services.project, services.environments, want)
            _present(todo, len(want.items.items), done=False, as_json=as_json)
            ctx.exit(0 if todo.empty else 1)
        about = _about(manifest, lock)
        if not no_default_groups:
            about += _left_out(choice.manifest, manifest)
        for line in about:
            say(line)
        step(f"syncing {len(want.items.items)} packages …")
        outcome = usecase.sync(
            services.project,
            services.environments,
            want,
            workshop=lambda: services.workshop,
            say=say,
            repair=repair,
            recreate=recreate,
        )
        if choice.remember and manifest.profile:
            services.remember_profile(manifest.profile)
            say(f"  (kept in {load.LOCAL})")
        elif not (groups or extras or no_default_groups or profile or no_project):
            note.synced(
                witness,
                services.environments,
                outcome.path,
                "".join(f"{line}\n" for line in (*_chosen(choice), *about))
                + in_sync(outcome.packages),
                searched="" if here.interpreter.version == _RUNNING else here.interpreter.path,
            )
        _present(outcome.plan, outcome.packages, done=True, as_json=as_json, anew=outcome.anew)


def _chosen(choice: Choice) -> list[str]:
    """Return which profile is used and why."""
    name = choice.manifest.profile
    return [f"profile {name}: {choice.reason}"] if name else []


def _about(manifest: Manifest, lock: Lock) -> list[str]:
    """Return what a person should know before the work."""
    said = []
    if manifest.build_system and PROJECT not in lock.builds.builds:
        said.append("note: the lock does not say how to build the project itself: it is left out")
    if lock.ours and not (answers(lock, manifest) and dict(lock.env) == dict(manifest.env)):
        said.append("note: the lock does not answer pyproject.toml any more: run `envctl lock`")
    return said


def _left_out(whole: Manifest, held: Manifest) -> list[str]:
    """Say which of the groups and extras that are installed by default a lock for some of them does not hold."""
    lacking = [
        *(f"group `{name}`" for name in whole.default_groups if name not in held.default_groups),
        *(f"extra `{name}`" for name in whole.default_extras if name not in held.default_extras),
    ]
    if not lacking:
        return []
    named = ", ".join(lacking)
    return [f"note: the lock was made without {named}: run `envctl lock --all-groups` to have all"]


def in_sync(packages: int) -> str:
    """Return what a sync with nothing to do says last: the fast path says it too."""
    return f".venv is in sync: {packages} packages\n"


def _present(
    todo: SyncPlan, packages: int, *, done: bool, as_json: bool, anew: bool = False
) -> None:
    if as_json:
        result = {
            "packages": packages,
            "add": dict(todo.add),
            "remove": dict(todo.remove),
            "change": {name: list(pair) for name, pair in todo.change.items()},
            "reasons": list(todo.reasons),
            "changed": anew or (done and not todo.empty),
        }
        show(envelope("sync", result, ok=done or todo.empty))
        return
    if todo.empty and not anew:
        say(in_sync(packages).removesuffix("\n"))
        return
    for reason in todo.reasons:
        say(f"  * {reason}")
    for name, version in todo.add.items():
        say(f"  + {name} {version}")
    for name, version in todo.remove.items():
        say(f"  - {name} {version}")
    for name, (old, new) in todo.change.items():
        say(f"  ~ {name} {old} → {new}")
    did = "made .venv anew" if anew else f"{'synced' if done else 'would sync'} .venv"
    say(f"{did}: {packages} packages")
