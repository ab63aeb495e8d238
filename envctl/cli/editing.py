"""What ``add`` and ``remove`` share: the options, the resolver behind them, the sync and the report after them."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import click

from envctl.bootstrap import Services
from envctl.cli import completers, lock_report
from envctl.cli.render import envelope, say, show
from envctl.domain.manifest import Manifest
from envctl.emitters.printable import printable
from envctl.usecases import load
from envctl.usecases.editing import Edited, Make, Target, target
from envctl.usecases.lock import Wish, made
from envctl.usecases.lock_outcome import LockOutcome
from envctl.usecases.resolving import Resolver

F = TypeVar("F", bound=Callable[..., Any])


def where(function: F) -> F:
    """Add the options that say which list of requirements is meant, and whether to sync."""
    for option in (
        click.option("--no-sync", is_flag=True, help="Leave .venv as it is."),
        click.option(
            "--profile",
            metavar="NAME",
            shell_complete=completers.profiles,
            help="In this profile's own dependencies.",
        ),
        click.option(
            "--extra",
            metavar="NAME",
            shell_complete=completers.extras,
            help="In this extra of the project.",
        ),
        click.option(
            "--group",
            metavar="NAME",
            shell_complete=completers.groups,
            help="In this dependency group.",
        ),
    ):
        function = option(function)
    return function


def edit(
    services: Services,
    options: dict[str, str | None],
    work: Callable[[Manifest, Target, Make], Edited],
) -> tuple[Edited, Target]:
    """Do the work under the writer lock; ``options``: ``group``, ``extra``, ``profile``."""
    with services.project.locked("edit the manifest"), services.workspace() as workspace:
        # Read under the writer lock: what changed while we waited counts.
        manifest = load.manifest(services.project)
        list_ = target(manifest=manifest, **options)

        def make(edited: Manifest) -> tuple[LockOutcome, dict[str, str]]:
            engine = services.engine(edited.resolver)
            resolver = Resolver(engine, services.run, workspace, services.sdists)
            return made(
                services.project,
                edited,
                resolver,
                lambda: lock_report.resolving(services, edited),
                Wish(),
            )

        return work(manifest, list_, make), list_


def finish(
    ctx: click.Context,
    services: Services,
    edited: Edited,
    list_: Target,
    *,
    sync: bool,
    as_json: bool,
) -> None:
    """Say what was done, and sync; the JSON report comes last, when all of it is done."""
    for said in dict.fromkeys((*edited.notes, *edited.outcome.notes)):
        say(f"note: {printable(said)}")
    for each in edited.edits:
        change = f"{each.old} → {each.new}" if each.old and each.new else each.new or each.old
        sign = "~" if each.old and each.new else "+" if each.new else "-"
        say(f"{sign} {change} ({each.key})")
    lock_report.report(edited.outcome)
    managed = load.manifest(services.project).managed
    if sync and managed:
        _sync(ctx, services, list_)
    elif sync:
        say("note: .venv is left to another tool (`managed = false`)")
    if as_json:
        result = {
            "edits": [asdict(each) for each in edited.edits],
            **lock_report.table(edited.outcome),
            "notes": list(dict.fromkeys((*edited.notes, *edited.outcome.notes))),
            "synced": sync and managed,
        }
        show(envelope(str(ctx.info_name), result, ok=True))


def _sync(ctx: click.Context, services: Services, list_: Target) -> None:
    """Sync what is synced already, and what the requirement was put into: it is wanted now."""
    from packaging.utils import canonicalize_name  # noqa: PLC0415  # lazy, like all that sync needs

    from envctl.cli.sync import command  # noqa: PLC0415  # not with --no-sync

    manifest = load.manifest(services.project)
    stamp = services.environments.current().stamp
    wanted = {list_.kind: canonicalize_name(list_.name)}
    groups = dict.fromkeys((*(stamp.groups if stamp else ()), wanted.get("group")))
    extras = dict.fromkeys((*(stamp.extras if stamp else ()), wanted.get("extra")))
    ctx.invoke(
        command,
        groups=tuple(
            n for n in manifest.groups if n in groups and n not in manifest.default_groups
        ),
        extras=tuple(
            n for n in manifest.extras if n in extras and n not in manifest.default_extras
        ),
    )
