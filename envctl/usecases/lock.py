"""Manifest → lock, or one lock per profile: the smallest possible change."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from envctl.domain import contract as contracts
from envctl.domain.contract_change import Effect, effects
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
from envctl.domain.lock_change import Change, changes
from envctl.domain.manifest import Manifest
from envctl.domain.profile import skews, variants
from envctl.domain.resolution import Interpreter, Question
from envctl.emitters import pylock
from envctl.ports import Engine, Project, Runner, Sdists
from envctl.usecases import load, parity
from envctl.usecases.earlier import Earlier, earlier, kept
from envctl.usecases.resolving import Answer, Resolver
from envctl.usecases.upgrading import freed
from envctl.usecases.with_builds import with_builds


@dataclass(frozen=True, kw_only=True, slots=True)
class Locked:
    """One lock as it is now. ``known``: there was one before, so that ``changes`` say more than all over again."""

    file: str
    profile: str | None
    lock: Lock
    known: bool
    written: bool
    changes: tuple[Change, ...]
    effects: tuple[Effect, ...]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What ``lock`` is asked beyond the manifest.

    ``upgrade``: ``None`` keeps every version that it can; an empty collection keeps none; otherwise those names are
    freed, each as ``NAME`` or ``NAME==VERSION``. ``profiles``: only these (``None``: all). ``as_of``: resolve as of
    that day, whatever the manifest says.
    """

    upgrade: Collection[str] | None = None
    profiles: Collection[str] | None = None
    as_of: str | None = None


def lock(
    project: Project,
    manifest: Manifest,
    *,
    engine: Engine,
    interpreter: Callable[[], Interpreter],
    run: Runner,
    workspace: Path,
    sdists: Sdists,
    wish: Wish = Wish(),  # frozen
) -> LockOutcome:
    """Write the lock, or each profile's, that answers the manifest.

    Nothing is resolved when they answer already, and then ``interpreter`` is not asked for. Raises ``ResolutionError``,
    ``IndexFailure``, ``LockError`` for a lock of a newer envctl; the old files are left as they were then.
    """
    resolver = Resolver(engine, run, workspace, sdists)
    outcome, files = made(project, manifest, resolver, interpreter, wish)
    project.write(files)
    project.remove(outcome.removed)
    return outcome


def made(
    project: Project,
    manifest: Manifest,
    resolver: Resolver,
    interpreter: Callable[[], Interpreter],
    wish: Wish,
) -> tuple[LockOutcome, dict[str, str]]:
    """Make the locks without writing anything: what came of it, and the files' texts."""
    every = variants(manifest)
    before = {each.lock_name: earlier(project, each) for each in every}
    chosen = _chosen(every, wish.profiles)
    upgrade, limits = freed(wish.upgrade, before.values(), manifest)
    notes = [note for each in chosen for note in before[each.lock_name].notes]
    done = {
        each.lock_name: _declared_anew(old, each)
        for each in chosen
        if upgrade is None
        and wish.as_of is None
        and (old := before[each.lock_name].lock) is not None
        and answers(old, each)
        and untouched(old)
    }
    if manifest.profiles and _skewed(manifest, every, before):
        done = {}
    resolved = len(done) < len(chosen)
    if resolved:
        python = interpreter()
        questions = {
            each.lock_name: question(
                each,
                python,
                replace(before[each.lock_name], pins=kept(before[each.lock_name], upgrade)),
                limits=limits,
                as_of=wish.as_of,
            )
            for each in chosen
        }
        found = _answered(resolver, manifest, every, questions, before)
        for each in chosen:
            answer, old = found[each.lock_name], before[each.lock_name].lock
            new = _assembled(answer, each, old)
            built = with_builds(new, answer, each, resolver, old, upgrade=upgrade)
            done[each.lock_name], said = built
            notes += (*answer.notes, *said)
    files = {name: pylock.emit(lock_table(each)) for name, each in done.items()}
    locks = tuple(
        Locked(
            file=each.lock_name,
            profile=each.profile,
            lock=done[each.lock_name],
            known=before[each.lock_name].lock is not None,
            written=project.read(each.lock_name) != files[each.lock_name],
            changes=tuple(changes(before[each.lock_name].lock, done[each.lock_name])),
            effects=_effects(before[each.lock_name].lock, done[each.lock_name]),
        )
        for each in chosen
    )
    remarks = tuple(dict.fromkeys(remark for each in done.values() for remark in _remarks(each)))
    outcome = LockOutcome(
        locks=locks,
        resolved=resolved,
        notes=tuple(dict.fromkeys((*notes, *remarks))),
        remarks=remarks,
        removed=_superfluous(project, every),
    )
    return outcome, files


def _effects(old: Lock | None, new: Lock) -> tuple[Effect, ...]:
    before = contracts.from_table(old.contract) if old is not None and old.contract else None
    return effects(before, contracts.from_table(new.contract))


def _skewed(manifest: Manifest, every: tuple[Manifest, ...], before: Mapping[str, Earlier]) -> bool:
    """Whether the locks that there are disagree: each alone may answer the manifest all the same."""
    locked = {
        each.profile or "": lock.pylock.packages
        for each in every
        if (lock := before[each.lock_name].lock) is not None
    }
    return bool(skews(locked, manifest))


def _chosen(every: tuple[Manifest, ...], profiles: Collection[str] | None) -> tuple[Manifest, ...]:
    return tuple(each for each in every if profiles is None or each.profile in profiles)


def _answered(
    resolver: Resolver,
    manifest: Manifest,
    every: tuple[Manifest, ...],
    questions: Mapping[str, Question],
    before: Mapping[str, Earlier],
) -> dict[str, Answer]:
    """Resolve one question, or the profiles' together."""
    if not manifest.profiles:
        return {name: resolver.serve(each) for name, each in questions.items()}
    names = {each.lock_name: each.profile or "" for each in every}
    asked = {names[name]: each for name, each in questions.items()}
    fixed = {
        names[name]: found.lock.pylock.packages
        for name, found in before.items()
        if name not in questions and found.lock is not None
    }
    found = parity.agree(resolver, manifest, asked, fixed)
    return {name: found[names[name]] for name in questions}


def _assembled(answer: Answer, manifest: Manifest, old: Lock | None) -> Lock:
    new = assemble(answer.resolution, manifest, {})
    new = replace(new, contract=contract_of(new))
    if old is not None and old.ours and old.pylock.packages == new.pylock.packages:
        new = replace(new, made_by=old.made_by)
    return new


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


def _declared_anew(old: Lock, manifest: Manifest) -> Lock:
    """Return the lock with today's variables and contract; its packages part stays as it is."""
    return replace(old, env=dict(sorted(manifest.env.items())), contract=contract_of(old))


def question(
    manifest: Manifest,
    interpreter: Interpreter,
    before: Earlier,
    *,
    limits: tuple[str, ...] = (),
    as_of: str | None = None,
) -> Question:
    """Return what the resolver is to be asked."""
    return Question(
        requirements=manifest.dependencies,
        extras=manifest.extras,
        groups=manifest.groups,
        constraints=(*manifest.constraints, *limits),
        requires_python=manifest.python_specifier,
        interpreter=interpreter,
        platforms=manifest.platforms,
        indexes=manifest.indexes,
        exclude_newer=as_of or manifest.exclude_newer,
        pins=before.pins,
        builds=manifest.builds,
    )


def _superfluous(project: Project, every: tuple[Manifest, ...]) -> tuple[str, ...]:
    """Return the plain lock of a project that has profiles now: nobody would keep it true."""
    if every[0].profile is None or project.read(load.LOCK) is None:
        return ()
    return (load.LOCK,)


def _remarks(new: Lock) -> Iterable[str]:
    for package in new.pylock.packages:
        if package.vcs or package.directory or package.archive:
            yield (
                f"`{package.name}` comes from an address, not from an index: "
                "pip refuses such a lock as a whole, envctl and uv install it"
            )
