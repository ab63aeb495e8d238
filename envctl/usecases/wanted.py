"""What ``.venv`` must become, and what is to be done for that."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from envctl.domain import contract as contracts
from envctl.domain.environment import Current, Stamp, SyncPlan, plan
from envctl.domain.environment.activation import Activation, Assignment, declared
from envctl.domain.environment.here import Here
from envctl.domain.environment.own import Own
from envctl.domain.lock import Lock
from envctl.domain.lock.slices import Slice
from envctl.domain.workshop.job import Site
from envctl.ports import Environments, Project
from envctl.usecases import load


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What ``.venv`` must become: a slice, the interpreter it is for, and the variables to carry.

    ``site``: where sources of the slice are built. ``own``: the project itself; ``bare``: it is to be left out.
    ``inject``: see ``Activation``.
    """

    items: Slice
    here: Here
    variables: tuple[Assignment, ...]
    site: Site
    profile: str | None = None
    own: Own | None = None
    bare: bool = False
    inject: bool = False

    @property
    def env(self) -> dict[str, str]:
        """Return what the activation scripts carry: secrets stand in no file."""
        return {each.name: each.value or "" for each in self.variables if not each.secret}

    def activation(self, path: str, project: Project) -> Activation:
        """Return what entering the environment at ``path`` sets."""
        return Activation(
            environment=path,
            variables=self.variables,
            prompt=project.root.name,
            inject=self.inject,
        )

    def made_for(self, stamp: Stamp) -> bool:
        """Whether a finished environment was made of just this, whatever variables it carries."""
        return (
            stamp.slice_digest == self.items.digest
            and stamp.python == self.here.interpreter.version
            and dict(stamp.packages) == self.items.versions()
            and (stamp.own.digest if stamp.own else None) == (self.own.digest if self.own else None)
        )


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
    inject: bool = False,
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
        inject=inject,
    )


def planned(
    project: Project, current: Current, environments: Environments, want: Wanted
) -> SyncPlan:
    """Return what has to happen to what is at ``.venv`` now, a foreign environment included."""
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
    if current.stamp is None and current.kind != "absent":
        unfinished = "the environment was never finished, or its stamp is lost"
        reason = f".venv is {current.found}" if current.kind == "foreign" else current.found
        return replace(todo, reasons=(reason or unfinished,))
    if todo.empty and current.path:
        why = environments.activation_differs(current.path, want.activation(current.path, project))
        return SyncPlan(reasons=(why,)) if why else todo
    return todo


def same_packages(installed: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether these packages are there in these versions; a source tree has no version in the lock."""
    return installed.keys() == wanted.keys() and all(
        not version or installed[name] == version for name, version in wanted.items()
    )
