"""Locks with locks, each with its like; and a lock with something that was made from one."""

from collections.abc import Iterator
from dataclasses import replace

from envctl.domain.difference import Comparison, Difference
from envctl.domain.difference.comparing import ranked, remarks
from envctl.domain.difference.packages import Ranked
from envctl.domain.difference.side import Side
from envctl.domain.lock import Lock
from envctl.domain.lock.side import narrowed, side_of
from envctl.domain.lock.slices import Slice, Target, take
from envctl.domain.platforms import Platform
from envctl.emitters.plural import many
from envctl.errors import EnvctlError, ImageError, LockError, UsageError
from envctl.usecases import image_promise
from envctl.usecases.diff.found import Doors, Found, Use

_NEWEST = (2, 99)  # whichever libc it was: of a wheel only its version is compared
_ONE_SIDED = "only one of the two has this lock: its profile came, went or has another name"


def compare(a: Found, b: Found) -> Comparison:
    """Compare locks: two of whatever names, or of several each with the one of its name."""
    pairs = _pairs(a, b)
    whole = len(pairs)
    found: dict[Difference, tuple[int, list[str]]] = {}
    notes: list[str] = []
    for name, (one, two) in pairs.items():
        sides = side_of(one, name), side_of(two, name)
        for weight, each in ranked(*sides):
            found.setdefault(each, (weight, []))[1].append(name)
        notes += remarks(*sides)
    every: list[Ranked] = [
        (weight, each if len(names) == whole else replace(each, locks=tuple(names)))
        for each, (weight, names) in found.items()
    ]
    every += _one_sided(a, b) if a.whole and b.whole else ()
    every.sort(key=lambda each: (each[0], each[1].subject, each[1].locks))
    return Comparison(
        differences=tuple(each for _, each in every), remarks=tuple(dict.fromkeys(notes))
    )


def _pairs(a: Found, b: Found) -> dict[str, tuple[Lock, Lock]]:
    if a.whole and b.whole:
        return {name: (lock, b.locks[name]) for name, lock in a.locks.items() if name in b.locks}
    if len(a.locks) == len(b.locks) == 1:
        [(name, one)], [two] = a.locks.items(), b.locks.values()
        return {name: (one, two)}
    few, many = (a, b) if len(a.locks) == 1 else (b, a)
    [name] = few.locks
    if name not in many.locks:
        raise _which(many)
    return {name: (a.locks[name], b.locks[name])}


def _one_sided(a: Found, b: Found) -> Iterator[Ranked]:
    for name in sorted({*a.locks} ^ {*b.locks}):
        counts = [
            f"{many(len(found.locks[name].pylock.packages))}" if name in found.locks else None
            for found in (a, b)
        ]
        yield (
            0,
            Difference(
                group="packages",
                subject=name,
                before=counts[0],
                after=counts[1],
                reason=_ONE_SIDED,
            ),
        )


def one_of(found: Found, use: Use | None, doors: Doors) -> tuple[str, Lock]:
    """Return the lock that something was made from; raises ``UsageError`` where nothing says which."""
    if len(found.locks) == 1:
        return next(iter(found.locks.items()))
    profile = use.profile if use else None
    if profile is None:
        try:
            manifest = doors.manifest()
        except EnvctlError:
            manifest = None
        profile = manifest.profile if manifest else None
    name = f"pylock.{profile}.toml" if profile else "pylock.toml"
    if name not in found.locks:
        raise _which(found)
    return name, found.locks[name]


def _which(found: Found) -> UsageError:
    listed = ", ".join(found.locks)
    return UsageError(
        f"which lock? There are {listed}",
        where=found.name,
        hint="name one: `REVISION:FILE`, or the file itself; or choose with `--profile`",
    )


def as_side(found: Found, other: Found, doors: Doors) -> Side:
    """Return the part of a lock that the other side was made from; all of it where that cannot be told."""
    name, lock = one_of(found, other.use, doors)
    said = found.name if len(found.locks) == 1 else f"{name} of {found.name}"
    use = other.use
    if use is None or use.python is None or use.platform is None:
        return side_of(lock, said)
    spare = (
        ()
        if use.groups is not None and other.kind != "image"
        else (other.side.packages or () if other.side else ())
    )
    try:
        if other.kind == "image" and (exact := _promised(lock, use.platform, doors)):
            platform, taken = exact
            return narrowed(lock, said, taken, platform=platform)
        return narrowed(lock, said, _taken(lock, use, use.python, use.platform, name), spare=spare)
    except LockError as error:
        return replace(side_of(lock, said), remarks=(f"compared as a whole: {error.message}",))


def _taken(lock: Lock, use: Use, python: str, platform: Platform, name: str) -> Slice:
    known = set(lock.pylock.dependency_groups or ()), set(lock.pylock.extras or ())
    groups = use.groups if use.groups is not None else tuple(lock.pylock.default_groups or ())
    return take(
        lock,
        Target(platform=platform, python=python, libc=_NEWEST),
        groups=[each for each in groups if each in known[0]],
        extras=[each for each in use.extras or () if each in known[1]],
        where=name,
    )


def _promised(lock: Lock, platform: Platform, doors: Doors) -> tuple[Platform, Slice] | None:
    """Return what the project's own image would hold of a lock; ``None``: there is no project, or it makes none."""
    project, manifest = doors.project(), doors.manifest()
    if project is None or manifest is None:
        return None
    try:
        image = image_promise.described(project, manifest, lock, doors.paths())
    except (ImageError, LockError):
        return None
    return next(((p, t) for p, t in image.slices.items() if p.machine == platform.machine), None)
