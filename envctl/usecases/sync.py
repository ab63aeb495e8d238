"""Lock → ``.venv``, exactly, as a transaction: build beside, stamp, swap the link, clean up."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from envctl.domain.environment import Current, SyncPlan, stamp_of
from envctl.domain.environment.own import OwnInstalled
from envctl.domain.indexes.fetching import Heard
from envctl.domain.manifest import Manifest
from envctl.errors import EnvironmentFailure
from envctl.ports import Environments, Project, Workshop
from envctl.usecases import build, repairing
from envctl.usecases.filling import filled
from envctl.usecases.wanted import Wanted, planned, same_packages

Leave = Literal["adopt", "recreate"]
"""What becomes of a ``.venv`` that envctl did not make: it is kept aside, or it is deleted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncOutcome:
    """What ``sync`` found and did. ``path``: the environment's real place.

    ``anew``: everything was installed again because that was asked for. ``aside``: where a foreign environment that
    was adopted lies now.
    """

    plan: SyncPlan
    path: str
    packages: int
    removed: tuple[str, ...] = ()
    relinked: bool = False
    anew: bool = False
    aside: str | None = None


def owned(manifest: Manifest) -> None:
    """Raise ``EnvironmentFailure`` where the manifest leaves ``.venv`` to another tool."""
    if not manifest.managed:
        raise EnvironmentFailure(
            "the manifest leaves .venv to another tool",
            where="tool.envctl.managed",
            hint="use that tool, or take `managed = false` out; `envctl verify` compares the two",
        )


def check(
    project: Project,
    environments: Environments,
    want: Wanted,
    workshop: Callable[[], Workshop],
    *,
    repair: bool = False,
    leave: Leave | None = None,
) -> SyncPlan:
    """Say what ``sync`` would do, and what it would have to build from source; raises what it would raise."""
    current = environments.current()
    todo = planned(project, current, environments, want)
    if current.kind == "foreign" and leave is None:
        if not current.movable:
            _ours_to_replace(current, leave)
        todo = replace(todo, reasons=(f"{todo.reasons[0]}: it takes `--adopt` or `--recreate`",))
    damage = repairing.looked(current, environments).problems if repair else ()
    anew = bool(damage) or (leave == "recreate" and current.kind == "ours")
    if anew:
        asked = () if damage else ("it is to be made anew",)
        todo = replace(todo, reasons=(*todo.reasons, *repairing.reasons(current, damage), *asked))
    if todo.empty or (not anew and _standing(environments, want)[0]):
        return todo
    return replace(todo, builds=build.labels(want.items.items, want.site, workshop()))


def sync(
    project: Project,
    environments: Environments,
    want: Wanted,
    *,
    workshop: Callable[[], Workshop],
    say: Callable[[str], None],
    heard: Heard | None = None,
    repair: bool = False,
    leave: Leave | None = None,
) -> SyncOutcome:
    """Make ``.venv`` hold exactly the slice; the old environment works until the new one is complete.

    Sources are built first, in the ``workshop``, with a word to ``say`` for each: it may take an hour. ``heard`` is
    told what is fetched. ``repair`` also looks at every byte, makes the environment anew where one was changed, and
    mends those that share the file. ``leave``: what becomes of a ``.venv`` that envctl did not make; ``recreate`` makes
    its own anew as well. Raises ``EnvironmentFailure``, ``IndexFailure``, ``HashMismatchError``.
    """
    with project.locked("sync"):
        current = environments.current()
        _ours_to_replace(current, leave)
        todo = planned(project, current, environments, want)
        found = repairing.looked(current, environments) if repair else repairing.NOTHING
        if found.problems:
            repairing.forget(current, environments, found)
            damage = repairing.reasons(current, found.problems)
            todo = replace(todo, reasons=(*todo.reasons, *damage))
        count = len(want.items.items)
        if todo.empty and leave != "recreate" and current.path:
            removed = environments.clean()
            return SyncOutcome(plan=todo, path=current.path, packages=count, removed=removed)
        anew = bool(found.problems) or leave == "recreate"
        path, own = (None, None) if anew else _standing(environments, want)
        relinked = path is not None
        if path is None:
            for note in environments.surroundings():
                say(f"note: {note}")
            path, own = filled(
                project,
                environments,
                want.items,
                want.own,
                site=want.site,
                workshop=workshop(),
                say=say,
                heard=heard,
                distrusted=repairing.distrusted(current, found, want.items.versions())
                if repair
                else (),
            )
        try:
            repairing.mend(current, environments, path, found, say=say)
            # Once more: the build may have taken an hour, and somebody may have made a `.venv` meanwhile.
            _ours_to_replace(environments.current(), leave)
            entered = _use(project, environments, want, path, own, forgo=anew)
        except BaseException:
            if not relinked:
                environments.discard(path)
            raise
        return SyncOutcome(
            plan=todo,
            path=entered,
            packages=count,
            removed=environments.clean(),
            relinked=relinked,
            anew=leave == "recreate",
            aside=_aside(current, environments, leave),
        )


def _ours_to_replace(current: Current, leave: Leave | None) -> None:
    if current.kind != "foreign":
        return
    if not current.movable:
        raise EnvironmentFailure(
            f".venv is {current.found}: it can be neither moved nor replaced",
            where=".venv",
            hint="unmount it or move it away, or leave it as it is with `managed = false` in [tool.envctl]",
        )
    if leave is None:
        raise EnvironmentFailure(
            f".venv is {current.found}",
            where=".venv",
            hint="`envctl sync --adopt` takes its place and keeps it aside, `envctl sync --recreate` deletes it; "
            "`managed = false` in [tool.envctl] leaves it to its owner",
        )


def _aside(current: Current, environments: Environments, leave: Leave | None) -> str | None:
    before = environments.previous() if current.kind == "foreign" and leave == "adopt" else None
    return before.path if before and before.kind == "foreign" else None


def _use(
    project: Project,
    environments: Environments,
    want: Wanted,
    path: str,
    own: OwnInstalled | None,
    *,
    forgo: bool,
) -> str:
    """Stamp a complete environment and give it ``.venv``; return where it is entered."""
    stamp = stamp_of(
        want.items,
        python=want.here.interpreter.version,
        base=want.here.interpreter.path,
        env=want.env,
        profile=want.profile,
        own=own,
        bare=want.bare,
    )
    if not same_packages(environments.packages(path), stamp.versions):
        raise EnvironmentFailure(
            "the installer left other packages than the lock has",
            where=path,
            hint="run `envctl sync --repair`",
        )
    environments.finish(path, stamp, want.activation(environments.entered_at(path), project))
    return environments.use(path, forgo=forgo)


def _standing(environments: Environments, want: Wanted) -> tuple[str | None, OwnInstalled | None]:
    """Return a finished environment that holds just this: a switch back is a new link and no more.

    The one in use before all others; what was edited there is its user's. Of the others one that is intact.
    """
    used = environments.current().path
    for path, stamp in sorted(environments.finished().items(), key=lambda each: each[0] != used):
        if (
            want.made_for(stamp)
            and same_packages(environments.packages(path), stamp.versions)
            and not environments.made_elsewhere(path)
            and not environments.edited_scripts(path)
            and (path == used or not environments.inspect(path).problems)
        ):
            return path, stamp.own
    return None, None
