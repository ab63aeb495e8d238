"""Take a lock that another tool wrote as it is, and attach what envctl knows."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from envctl.domain.lock import Lock
from envctl.domain.lock.adoption import adopted, remarks
from envctl.domain.lock.contract import contract_of
from envctl.domain.lock.serving import gaps
from envctl.domain.lock.state import answers
from envctl.domain.manifest import Manifest, restricted
from envctl.domain.profile import variants
from envctl.errors import LockError
from envctl.ports import Project
from envctl.usecases import load
from envctl.usecases.lock_outcome import LockOutcome, outcome

_STALE = "and does not answer pyproject.toml any more: run `envctl lock`"


def adopt(
    project: Project,
    manifest: Manifest,
    *,
    committed: Callable[[str], str | None],
    python: Callable[[], str],
) -> LockOutcome:
    """Write envctl's table into each lock that another tool wrote; no version and no file in it changes.

    ``committed`` gives a file's text as last committed: an earlier lock of envctl's knows edges and builds that other
    tools do not write. ``python`` is a full version. Raises ``LockError`` for a lock that does not answer the manifest.
    """
    before: dict[str, Lock | None] = {}
    after: dict[str, Lock] = {}
    notes: list[str] = []
    stale: tuple[str, ...] = ()
    every = variants(manifest)
    for each in every:
        lock = load.lock(project, each.lock_name)
        if lock is None:
            raise LockError(
                f"there is no {each.lock_name} to adopt",
                where=each.lock_name,
                hint="run `envctl lock`, or write that file with your other tool first",
            )
        if lock.ours:
            fresh = answers(lock, restricted(each, lock.only))
            stale += () if fresh else (each.lock_name,)
            notes.append(f"{each.lock_name} is envctl's own {'already' if fresh else _STALE}")
            before[each.lock_name] = after[each.lock_name] = lock
        else:
            known = _known(committed(each.lock_name), each.lock_name)
            before[each.lock_name] = known
            after[each.lock_name] = found = _adopted(lock, each, known)
            notes += (*remarks(found, each), *_gaps(found, each, python()))
    said = tuple(dict.fromkeys(notes))
    done, files = outcome(project, every, before, after, resolved=False, notes=said, stale=stale)
    project.write(files)
    return done


def _adopted(lock: Lock, manifest: Manifest, known: Lock | None) -> Lock:
    found = adopted(lock, manifest, known, contract_of(lock))
    if isinstance(found, Lock):
        return found if known is None else replace(found, builds=known.builds)
    raise LockError(
        f"the lock does not answer the manifest: {'; '.join(found)}",
        where=manifest.lock_name,
        hint="lock again with your other tool, or run `envctl lock`, which keeps what versions it can",
    )


def _gaps(lock: Lock, manifest: Manifest, python: str) -> Iterator[str]:
    """Say which declared platforms the adopted lock does not serve: other tools do not look."""
    found = gaps(
        lock.pylock.packages,
        manifest.platforms,
        python,
        extras=lock.pylock.extras or (),
        groups=lock.pylock.dependency_groups or (),
    )
    for platform in manifest.platforms:
        names = [gap.name for gap in found if gap.platform == platform and not gap.source]
        if names:
            shown = ", ".join(f"`{name}`" for name in names[:5])
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            yield f"the lock has no file of {shown}{more} for {platform.name}"


def _known(text: str | None, name: str) -> Lock | None:
    if text is None:
        return None
    try:
        found = load.lock_from(text, name)
    except LockError:
        return None
    return found if found.ours else None
