"""Lock → ``.venv``, exactly, as a transaction: build beside, stamp, swap the link, clean up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from envctl.domain import contract as contracts
from envctl.domain.activation import Activation, Assignment, declared
from envctl.domain.build_job import Site
from envctl.domain.environment import Current, Stamp, SyncPlan, plan, stamp_of
from envctl.domain.here import Here
from envctl.domain.lock import Lock
from envctl.domain.own import Own, OwnInstalled
from envctl.domain.slices import Slice
from envctl.errors import EnvironmentFailure
from envctl.ports import Environments, Project, Workshop
from envctl.usecases import load
from envctl.usecases.filling import filled


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncOutcome:
    """What ``sync`` found and did. ``path``: the environment's real place; ``None`` when only checked.

    ``anew``: everything was installed again because that was asked for.
    """

    plan: SyncPlan
    path: str | None
    packages: int
    removed: tuple[str, ...] = ()
    relinked: bool = False
    anew: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What ``.venv`` must become: a slice, the interpreter it is for, and the variables to carry.

    ``site``: where sources of the slice are built. ``own``: the project itself; ``bare``: it is to be left out.
    """

    items: Slice
    here: Here
    variables: tuple[Assignment, ...]
    site: Site
    profile: str | None = None
    own: Own | None = None
    bare: bool = False

    @property
    def env(self) -> dict[str, str]:
        """Return what the activation scripts carry: secrets stand in no file."""
        return {each.name: each.value or "" for each in self.variables if not each.secret}

    def activation(self, path: str, project: Project) -> Activation:
        """Return what entering the environment at ``path`` sets."""
        return Activation(environment=path, variables=self.variables, prompt=project.root.name)


def wanted(
    project: Project,
    lock: Lock,
    here: Here,
    *,
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    profile: str | None = None,
    own: Own | None = None,
    bare: bool = False,
) -> Wanted:
    """Return what this machine wants of the lock; raises ``LockError`` for a group or extra that it lacks."""
    return Wanted(
        items=here.slice_of(
            lock,
            groups=groups,
            extras=extras,
            where=f"pylock.{profile}.toml" if profile else "pylock.toml",
        ),
        here=here,
        variables=declared(lock.env, local=load.local(project).env),
        site=Site(
            here=here,
            lock=lock,
            builds=lock.builds,
            contract=contracts.from_table(lock.contract),
        ),
        profile=profile,
        own=None if bare else own,
        bare=bare,
    )


def check(project: Project, environments: Environments, want: Wanted) -> SyncPlan:
    """Say what ``sync`` would do."""
    return _plan(project, environments.current(), environments, want)


def sync(
    project: Project,
    environments: Environments,
    want: Wanted,
    *,
    workshop: Callable[[], Workshop],
    say: Callable[[str], None],
    repair: bool = False,
    recreate: bool = False,
) -> SyncOutcome:
    """Make ``.venv`` hold exactly the slice; the old environment works until the new one is complete.

    Sources are built first, in the ``workshop``, with a word to ``say`` for each: it may take an hour. ``repair`` also
    looks at every file, and makes anew what is not as its RECORD has it. ``recreate`` replaces a ``.venv`` that envctl
    did not make. Raises ``EnvironmentFailure``, ``IndexFailure``, ``HashMismatchError``.
    """
    with project.locked("sync"):
        current = environments.current()
        if current.kind == "foreign" and not recreate:
            raise EnvironmentFailure(
                f".venv is {current.found}",
                where=".venv",
                hint="move it away, or replace it with `envctl sync --recreate`",
            )
        todo = _plan(project, current, environments, want)
        tampered = _repaired(current, environments) if repair else ()
        if tampered:
            todo = SyncPlan(reasons=(f"files of {', '.join(tampered)} were changed",))
        if todo.empty and not recreate and current.path:
            return SyncOutcome(plan=todo, path=current.path, packages=len(want.items.items))
        anew = bool(tampered) or recreate
        path, own = _standing(environments, want, anew=anew)
        relinked = path is not None
        if path is None:
            path, own = filled(
                project,
                environments,
                want.items,
                want.own,
                site=want.site,
                workshop=workshop(),
                say=say,
            )
        _use(project, environments, current, want, path, own)
        keep = (path,) if anew or current.path is None else (path, current.path)
        return SyncOutcome(
            plan=todo,
            path=path,
            packages=len(want.items.items),
            removed=environments.clean(keep),
            relinked=relinked,
            anew=recreate,
        )


def _use(
    project: Project,
    environments: Environments,
    current: Current,
    want: Wanted,
    path: str,
    own: OwnInstalled | None,
) -> None:
    """Stamp a complete environment and point ``.venv`` at it."""
    stamp = stamp_of(
        want.items,
        python=want.here.interpreter.version,
        base=want.here.interpreter.path,
        env=want.env,
        profile=want.profile,
        own=own,
        bare=want.bare,
    )
    if not _same(environments.packages(path), stamp.versions):
        raise EnvironmentFailure(
            "the installer left other packages than the lock has",
            where=path,
            hint="run `envctl sync --repair`",
        )
    environments.finish(path, stamp, want.activation(path, project))
    environments.use(path, recreate=current.kind == "foreign")


def _plan(project: Project, current: Current, environments: Environments, want: Wanted) -> SyncPlan:
    installed = environments.packages(current.path) if current.path else {}
    todo = plan(
        want.items,
        current.stamp,
        installed,
        python=want.here.interpreter.version,
        env=want.env,
        profile=want.profile,
        own=want.own.digest if want.own else None,
    )
    if (
        todo.empty
        and current.path
        and environments.scripts_differ(current.path, want.activation(current.path, project))
    ):
        return SyncPlan(reasons=("an activation script was rewritten",))
    return todo


def _standing(
    environments: Environments, want: Wanted, *, anew: bool
) -> tuple[str | None, OwnInstalled | None]:
    """Return a finished environment that holds just this: a switch back is a new link and no more."""
    if anew:
        return None, None
    for path, stamp in environments.finished().items():
        if (
            _made_for(stamp, want)
            and _same(environments.packages(path), stamp.versions)
            and not environments.made_elsewhere(path)
        ):
            return path, stamp.own
    return None, None


def _made_for(stamp: Stamp, want: Wanted) -> bool:
    return (
        stamp.slice_digest == want.items.digest
        and stamp.python == want.here.interpreter.version
        and dict(stamp.packages) == want.items.versions()
        and (stamp.own.digest if stamp.own else None) == (want.own.digest if want.own else None)
    )


def _same(installed: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether these packages are there in these versions; a source tree has no version in the lock."""
    return installed.keys() == wanted.keys() and all(
        not version or installed[name] == version for name, version in wanted.items()
    )


def _repaired(current: Current, environments: Environments) -> tuple[str, ...]:
    """Find packages with changed files and drop them from uv's cache, where hard links took the change."""
    if current.path is None:
        return ()
    tampered = tuple(sorted({each.package for each in environments.problems(current.path)}))
    known = tuple(name for name in tampered if current.stamp and name in current.stamp.packages)
    if known:
        environments.forget(known)
    return tampered
