"""Manifest → lock: the smallest possible change."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.domain import contract as contracts
from envctl.domain.lock import (
    Lock,
    assemble,
    digest,
    incomplete,
    inputs_of,
    lock_table,
    reframed,
    version_of,
)
from envctl.domain.manifest import Manifest
from envctl.domain.resolution import Interpreter, Pin, Question
from envctl.emitters import pylock
from envctl.errors import LockError, NewerLockError, UsageError
from envctl.ports import Engine, Project, Runner
from envctl.usecases import load


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One package that differs between two locks; ``None`` on the side where it is not."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LockOutcome:
    """What ``lock`` did: whether a resolver ran, whether the file changed, and how.

    ``known``: there was a lock before, so that ``changes`` say more than the whole lock over again.
    """

    lock: Lock
    resolved: bool
    written: bool
    known: bool
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def lock(
    project: Project,
    manifest: Manifest,
    *,
    engine: Engine,
    interpreter: Interpreter,
    run: Runner,
    workspace: Path,
    upgrade: Collection[str] | None = None,
) -> LockOutcome:
    """Write the lock that answers the manifest.

    ``upgrade``: ``None`` keeps every version that it can; an empty collection keeps none; otherwise those names
    are freed. Nothing is resolved when the lock answers already. Raises ``ResolutionError``, ``IndexFailure``,
    ``LockError`` for a lock of a newer envctl; the old file is left as it was then.
    """
    old, notes = _old(project)
    if upgrade is not None:
        upgrade = _named(upgrade, old, manifest)
    new = None
    if upgrade is None and old is not None and answers(old, manifest) and untouched(old):
        new = _declared_anew(old, manifest)
    resolved = new is None
    if new is None:
        question = _question(manifest, interpreter, _pins(old, upgrade))
        resolution = engine.resolve(question, run=run, workspace=workspace)
        new = assemble(resolution, manifest, {})
        new = replace(new, contract=contract_of(new))
        if old is not None and old.ours and old.pylock.packages == new.pylock.packages:
            new = replace(new, made_by=old.made_by)
    written = project.write({load.LOCK: pylock.emit(lock_table(new))})
    return LockOutcome(
        lock=new,
        resolved=resolved,
        written=bool(written),
        known=old is not None,
        changes=tuple(changes(old, new)),
        notes=(*notes, *_remarks(new)),
    )


def answers(old: Lock, manifest: Manifest) -> bool:
    """Whether a lock was made for exactly what the manifest asks, and nobody changed that in it."""
    return old.ours and old.inputs == inputs_of(manifest) and not reframed(old, manifest)


def untouched(old: Lock) -> bool:
    """Whether nobody else wrote into the packages part since envctl did, nor a merge took from it."""
    if incomplete(old):
        return False
    there = [(p.name, version_of(p), digest(p)) for p in old.pylock.packages]
    return there == [(entry.name, entry.version, entry.digest) for entry in old.entries]


def contract_of(new: Lock) -> Mapping[str, object]:
    """Derive the contract of a lock, as the table that the lock carries."""
    return contracts.derive(locked_packages(new)).to_table()


def locked_packages(lock: Lock) -> tuple[contracts.LockedPackage, ...]:
    """Return each package as the contract's rules take it: name, version, wheel file names."""
    return tuple(
        (package.name, version_of(package), tuple(wheel.filename for wheel in package.wheels or ()))
        for package in lock.pylock.packages
    )


def changes(old: Lock | None, new: Lock) -> Iterable[Change]:
    """Yield each package whose version differs, by name."""
    before, after = _versions(old), _versions(new)
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Change(name=name, old=before.get(name), new=after.get(name))


def _versions(lock: Lock | None) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for package in lock.pylock.packages if lock else ():
        found.setdefault(package.name, []).append(version_of(package) or "(source)")
    return {name: ", ".join(sorted(set(versions))) for name, versions in found.items()}


def _old(project: Project) -> tuple[Lock | None, tuple[str, ...]]:
    """Read the lock that is there; one that cannot be read is replaced, one from a newer envctl is not."""
    text = project.read(load.LOCK)
    if text is None:
        return None, ()
    try:
        return load.lock_from(text), ()
    except NewerLockError:
        raise
    except LockError as error:
        return None, (f"the old lock could not be read ({error.message}): resolved from nothing",)


def _named(upgrade: Collection[str], old: Lock | None, manifest: Manifest) -> Collection[str]:
    """Return the normalised names; raises ``UsageError`` for one that neither lock nor manifest has."""
    names = {canonicalize_name(name): name for name in upgrade}
    sets = (manifest.dependencies, *manifest.extras.values(), *manifest.groups.values())
    known = {canonicalize_name(Requirement(text).name) for texts in sets for text in texts}
    known |= {package.name for package in old.pylock.packages} if old else set()
    for normal, name in names.items():
        if normal not in known:
            close = get_close_matches(normal, known, n=1)
            raise UsageError(
                f"there is no package `{name}` to upgrade",
                where=load.LOCK,
                hint=f"did you mean `{close[0]}`?"
                if close
                else "see pylock.toml for the packages that there are",
            )
    return tuple(names)


def _declared_anew(old: Lock, manifest: Manifest) -> Lock:
    """Return the lock with today's variables and contract; its packages part stays as it is."""
    return replace(old, env=dict(sorted(manifest.env.items())), contract=contract_of(old))


def _pins(old: Lock | None, upgrade: Collection[str] | None) -> tuple[Pin, ...]:
    if old is None or (upgrade is not None and not upgrade):
        return ()
    return tuple(
        Pin(name=package.name, version=version_of(package), index=package.index)
        for package in old.pylock.packages
        if package.version is not None and package.name not in (upgrade or ())
    )


def _question(manifest: Manifest, interpreter: Interpreter, pins: tuple[Pin, ...]) -> Question:
    return Question(
        requirements=manifest.dependencies,
        extras=manifest.extras,
        groups=manifest.groups,
        constraints=manifest.constraints,
        requires_python=manifest.python_specifier,
        interpreter=interpreter,
        platforms=manifest.platforms,
        indexes=manifest.indexes,
        exclude_newer=manifest.exclude_newer,
        pins=pins,
    )


def _remarks(new: Lock) -> Iterable[str]:
    for package in new.pylock.packages:
        if package.vcs or package.directory or package.archive:
            yield (
                f"`{package.name}` comes from an address, not from an index: "
                "pip refuses such a lock as a whole, envctl and uv install it"
            )
