"""What became of the locks: the same record for every command that writes them."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from envctl.domain import contract as contracts
from envctl.domain.contract.change import Effect, effects
from envctl.domain.lock import Lock
from envctl.domain.lock.change import Change, changes
from envctl.domain.lock.contract import remarks
from envctl.domain.lock.table import lock_table
from envctl.domain.manifest import Manifest
from envctl.emitters import pylock
from envctl.errors import LockError
from envctl.ports import Project
from envctl.usecases import load

_LOCK = re.compile(r"pylock(\.[^.]+)?\.toml")  # PEP 751, "File Name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    """One lock as it is now. ``known``: there was one before, so that ``changes`` say more than all over again.

    ``stale``: it was left as it is and does not answer the manifest.
    """

    file: str
    profile: str | None
    lock: Lock
    known: bool
    written: bool
    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]
    stale: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LockOutcome:
    """What ``lock`` did: whether a resolver ran, each lock, and what became superfluous and was removed.

    ``notes``: what a person must know now; ``remarks``: those of them that hold for these locks at any time.
    """

    locks: tuple[Locked, ...]
    resolved: bool
    notes: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def written(self) -> bool:
        """Whether a file changed."""
        return any(each.written for each in self.locks) or bool(self.removed)


def outcome(
    project: Project,
    chosen: Iterable[Manifest],
    before: Mapping[str, Lock | None],
    after: Mapping[str, Lock],
    *,
    resolved: bool,
    notes: tuple[str, ...],
    stale: Collection[str] = (),
) -> tuple[LockOutcome, dict[str, str]]:
    """Return what changes, and the files' texts; ``before`` and ``after`` are by file name. Nothing is written.

    ``stale``: files that are left as they are and do not answer the manifest.
    """
    every = tuple(chosen)
    files = {name: pylock.emit(lock_table(each)) for name, each in after.items()}
    locks = tuple(
        Locked(
            file=each.lock_name,
            profile=each.profile,
            lock=after[each.lock_name],
            known=before[each.lock_name] is not None,
            written=project.read(each.lock_name) != files[each.lock_name],
            changes=tuple(changes(before[each.lock_name], after[each.lock_name])),
            effects=_effects(before[each.lock_name], after[each.lock_name]),
            stale=each.lock_name in stale,
        )
        for each in every
    )
    remarks = tuple(dict.fromkeys(remark for each in after.values() for remark in _remarks(each)))
    found = LockOutcome(
        locks=locks,
        resolved=resolved,
        notes=tuple(dict.fromkeys((*notes, *remarks))),
        remarks=remarks,
        removed=_superfluous(project, every),
    )
    return found, files


def _effects(old: Lock | None, new: Lock) -> tuple[Effect, ...]:
    before = contracts.from_table(old.contract) if old is not None and old.contract else None
    return effects(before, contracts.from_table(new.contract))


def _superfluous(project: Project, chosen: tuple[Manifest, ...]) -> tuple[str, ...]:
    """Return the locks that nobody would keep true: of profiles that are gone, and the plain one beside profiles."""
    if not chosen:
        return ()
    profiles = chosen[0].profiles
    found = [name for name in project.listing(".") if _LOCK.fullmatch(name)]
    known = {load.LOCK, *(f"pylock.{profile}.toml" for profile in profiles)}
    gone = [name for name in found if name not in known and _of_a_profile(project, name)]
    return tuple(gone if not profiles or load.LOCK not in found else [*gone, load.LOCK])


def _of_a_profile(project: Project, name: str) -> bool:
    """Whether envctl wrote a lock for the profile of its name: a copy that somebody keeps is theirs."""
    try:
        lock = load.lock(project, name)
    except LockError:
        return False
    return lock is not None and lock.ours and name == f"pylock.{lock.profile}.toml"


def _remarks(new: Lock) -> Iterable[str]:
    yield from remarks(new)
    for package in new.pylock.packages:
        if package.vcs or package.directory or package.archive:
            yield (
                f"`{package.name}` comes from an address, not from an index: "
                "pip refuses such a lock as a whole, envctl and uv install it"
            )
