"""Lock → ``.venv``, exactly, as a transaction: build beside, stamp, swap the link, clean up."""

from dataclasses import dataclass

from envctl.domain.activation import Activation, declared
from envctl.domain.environment import Current, SyncPlan, plan, stamp_of
from envctl.domain.here import Here
from envctl.domain.lock import Lock
from envctl.domain.slices import Slice, as_pylock
from envctl.emitters import pylock
from envctl.errors import EnvironmentFailure
from envctl.ports import Environments, Project


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncOutcome:
    """What ``sync`` found and did. ``path``: the environment's real place; ``None`` when only checked."""

    plan: SyncPlan
    path: str | None
    packages: int
    removed: tuple[str, ...] = ()
    relinked: bool = False


def activation_of(path: str, lock: Lock, project: Project) -> Activation:
    """Return what entering the environment sets: the variables that the lock declares."""
    return Activation(
        environment=path, variables=declared(lock.env), prompt=project.root.name or "envctl"
    )


def check(lock: Lock, here: Here, environments: Environments, *, wanted: Slice) -> SyncPlan:
    """Say what ``sync`` would do."""
    return _plan(environments.current(), lock, here, environments, wanted)


def sync(
    project: Project,
    lock: Lock,
    here: Here,
    environments: Environments,
    *,
    wanted: Slice,
    repair: bool = False,
    recreate: bool = False,
) -> SyncOutcome:
    """Make ``.venv`` hold exactly the slice; the old environment works until the new one is complete.

    ``repair`` also looks at every file, and makes anew what is not as its RECORD has it. ``recreate`` replaces a
    ``.venv`` that envctl did not make. Raises ``EnvironmentFailure``, ``IndexFailure``, ``HashMismatchError``.
    """
    with project.locked("sync"):
        current = environments.current()
        if current.kind == "foreign" and not recreate:
            raise EnvironmentFailure(
                f".venv is {current.found}",
                where=".venv",
                hint="move it away, or replace it with `envctl sync --recreate`",
            )
        todo = _plan(current, lock, here, environments, wanted)
        tampered = _repaired(current, environments) if repair else ()
        if tampered:
            todo = SyncPlan(reasons=(f"files of {', '.join(tampered)} were changed",))
        if todo.empty and not recreate and current.path:
            return SyncOutcome(plan=todo, path=current.path, packages=len(wanted.items))
        return _changed(project, lock, here, environments, current, todo, wanted, anew=bool(tampered))


def _changed(
    project: Project,
    lock: Lock,
    here: Here,
    environments: Environments,
    current: Current,
    todo: SyncPlan,
    wanted: Slice,
    *,
    anew: bool,
) -> SyncOutcome:
    base, version = here.interpreter.path, here.interpreter.version
    stamp = stamp_of(wanted, python=version, base=base, env=lock.env)
    path = None if anew else _ready(environments, wanted, version)
    relinked = path is not None
    if path is None:
        text = pylock.emit(as_pylock(wanted.items), header="")
        path = environments.build(wanted.digest[7:19], here.interpreter, text)
    environments.finish(path, stamp, activation_of(path, lock, project))
    environments.use(path, recreate=current.kind == "foreign")
    keep = (path,) if anew or current.path is None else (path, current.path)
    return SyncOutcome(
        plan=todo,
        path=path,
        packages=len(wanted.items),
        removed=environments.clean(keep),
        relinked=relinked,
    )


def _plan(
    current: Current, lock: Lock, here: Here, environments: Environments, wanted: Slice
) -> SyncPlan:
    installed = environments.packages(current.path) if current.path else {}
    return plan(
        wanted, current.stamp, installed, python=here.interpreter.version, env=lock.env
    )


def _ready(environments: Environments, wanted: Slice, version: str) -> str | None:
    """Return a finished environment that holds just this slice: a switch back is a new link and no more."""
    for path, stamp in environments.finished().items():
        if (
            stamp.slice_digest == wanted.digest
            and stamp.python == version
            and environments.packages(path) == dict(stamp.packages)
            and dict(stamp.packages) == wanted.versions()
        ):
            return path
    return None


def _repaired(current: Current, environments: Environments) -> tuple[str, ...]:
    """Find packages with changed files and drop them from uv's cache, where hard links took the change."""
    if current.path is None:
        return ()
    tampered = tuple(sorted({each.package for each in environments.problems(current.path)}))
    known = tuple(name for name in tampered if current.stamp and name in current.stamp.packages)
    if known:
        environments.forget(known)
    return tampered
