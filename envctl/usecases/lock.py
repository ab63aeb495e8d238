"""Manifest → lock, or one lock per profile: the smallest possible change."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from envctl.domain.fleet.hold import Hold
from envctl.domain.lock import Lock, assemble
from envctl.domain.lock.contract import contract_of
from envctl.domain.lock.state import answers, untouched
from envctl.domain.manifest import Manifest, restricted
from envctl.domain.manifest.foreign_sources import refuse
from envctl.domain.profile import skews, variants
from envctl.domain.resolution import Interpreter, Question
from envctl.ports import Project
from envctl.usecases import load, parity
from envctl.usecases.earlier import Earlier, earlier, kept
from envctl.usecases.lock_outcome import LockOutcome, outcome
from envctl.usecases.resolving import Answer, Resolver
from envctl.usecases.team import team
from envctl.usecases.upgrading import freed
from envctl.usecases.with_builds import with_builds


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What ``lock`` is asked beyond the manifest.

    ``upgrade``: ``None`` keeps every version that it can; an empty collection keeps none; otherwise those names are
    freed, each as ``NAME`` or ``NAME==VERSION``. ``profiles``: only these (``None``: all). ``as_of``: resolve as of
    that day, whatever the manifest says. ``only``: just these extras and groups (``extra viz``, ``group dev``);
    ``None``: those that the lock was made for so far. ``everything``: all of them again. ``held``: what the team's
    machines ask beside (see ``envctl.usecases.lock_fleet``).
    """

    upgrade: Collection[str] | None = None
    profiles: Collection[str] | None = None
    as_of: str | None = None
    only: Collection[str] | None = None
    everything: bool = False
    held: Hold | None = None


def lock(
    project: Project,
    manifest: Manifest,
    *,
    resolver: Resolver,
    interpreter: Callable[[], Interpreter],
    wish: Wish = Wish(),  # frozen
) -> LockOutcome:
    """Write the lock, or each profile's, that answers the manifest.

    Nothing is resolved when they answer already, and then ``interpreter`` is not asked for. Raises ``ResolutionError``,
    ``IndexFailure``, ``LockError`` for a lock of a newer envctl; the old files are left as they were then.
    """
    done, files = made(project, manifest, resolver, interpreter, wish)
    project.write(files)
    project.remove(done.removed)
    return done


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
    every = tuple(_restricted(each, before[each.lock_name].lock, wish) for each in every)
    chosen = _chosen(every, wish.profiles)
    upgrade, limits = freed(wish.upgrade, before.values(), manifest)
    notes = [note for each in chosen for note in before[each.lock_name].notes]
    done = {
        each.lock_name: _declared_anew(old, each)
        for each in chosen
        if upgrade is None
        and wish.as_of is None
        and wish.held is None
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
                mirrors=load.local(project).mirrors,
                root=str(project.root),
                held=wish.held,
            )
            for each in chosen
        }
        found = _answered(resolver, manifest, every, questions, before)
        for each in chosen:
            answer, old = found[each.lock_name], before[each.lock_name].lock
            new = _assembled(answer, each, old)
            built = with_builds(new, answer, each, resolver, old, upgrade=upgrade)
            done[each.lock_name], said = built
            notes += (*answer.notes, *answer.resolution.notes, *said)
        notes += _warnings(project, every, done)
    locked = {name: before[name].lock for name in done}
    return outcome(project, chosen, locked, done, resolved=resolved, notes=tuple(notes))


def _warnings(
    project: Project, every: Iterable[Manifest], done: Mapping[str, Lock]
) -> Iterable[str]:
    """Say which recorded machines cannot run what is locked now."""
    from envctl.usecases import fleet  # noqa: PLC0415  # a lock with nothing to do asks none of it

    found = team(project)
    return fleet.warnings(found, fleet.choice(project, every, done)) if found.records else ()


def _restricted(manifest: Manifest, old: Lock | None, wish: Wish) -> Manifest:
    if wish.everything:
        return manifest
    so_far = old.only if old is not None and old.ours else None
    return restricted(manifest, so_far if wish.only is None else wish.only)


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
        # The contract too, as long as it says the same: see `contract_of`.
        new = replace(new, made_by=old.made_by, contract=old.contract)
        new = replace(new, contract=contract_of(new))
    return new


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
    mirrors: Mapping[str, str] | None = None,
    root: str | None = None,
    held: Hold | None = None,
) -> Question:
    """Return what the resolver is to be asked; raises ``ManifestError`` for what no index may be asked for."""
    refuse(manifest)
    limit = held.limit if held and manifest.profile in held.profiles else None
    return Question(
        requirements=manifest.dependencies,
        extras=manifest.extras,
        groups=manifest.groups,
        constraints=(*manifest.constraints, *limits, *((limit,) if limit else ())),
        requires_python=manifest.python_specifier,
        interpreter=interpreter,
        platforms=held.platforms(manifest.platforms) if held else manifest.platforms,
        indexes=manifest.indexes,
        exclude_newer=as_of or manifest.exclude_newer,
        pins=tuple(pin for pin in before.pins if limit is None or pin.name != "torch"),
        builds=manifest.builds,
        mirrors=mirrors or {},
        earlier=tuple(before.lock.pylock.packages) if before.lock and mirrors else (),
        root=root,
    )
