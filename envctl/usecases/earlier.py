"""What was locked before: the lock itself where it can be read, and in any case the versions to keep."""

from collections.abc import Collection
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from envctl.domain.lock import Lock
from envctl.domain.lock.entry import version_of
from envctl.domain.manifest import Manifest
from envctl.domain.resolution import Pin
from envctl.errors import LockError, NewerLockError
from envctl.ports import Project
from envctl.readers.merge_conflict import salvaged_pins, sides
from envctl.usecases import load


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """``lock`` is ``None`` where there was none, or none that could be read: the notes say which."""

    lock: Lock | None = None
    pins: tuple[Pin, ...] = ()
    notes: tuple[str, ...] = ()


def earlier(project: Project, manifest: Manifest) -> Earlier:
    """Read what was locked for this profile; raises ``NewerLockError``: that one is not to be replaced."""
    text = project.read(manifest.lock_name)
    if text is not None:
        return _read(text, manifest.lock_name)
    if manifest.profile and (plain := project.read(load.LOCK)) is not None:
        # The project had no profiles until now: its one lock is where their versions come from.
        found = _read(plain, load.LOCK)
        return Earlier(pins=found.pins, notes=found.notes)
    return _elsewhere(project)


def _elsewhere(project: Project) -> Earlier:
    """Take the versions of another tool's lock: the project was moved from there."""
    from envctl.readers.locked_versions import (  # noqa: PLC0415  # lazy: only a first lock asks
        read_locked_versions,
    )

    found = read_locked_versions(project.read)
    said = (f"no lock yet: the versions of {found.source} are kept where they can be",)
    return Earlier(pins=found.pins, notes=(*(said if found.pins else ()), *found.notes))


def kept(found: Earlier, upgrade: Collection[str] | None) -> tuple[Pin, ...]:
    """Return the pins that an upgrade leaves: all without one, none where everything is upgraded."""
    if upgrade is None:
        return found.pins
    freed = {canonicalize_name(name) for name in upgrade}
    return tuple(pin for pin in found.pins if upgrade and pin.name not in freed)


def _read(text: str, name: str) -> Earlier:
    try:
        lock = load.lock_from(text, name)
    except NewerLockError:
        raise
    except LockError as error:
        pins = salvaged_pins(text)
        if sides(text):
            said = f"{name} holds a merge conflict: resolved from both sides' {len(pins)} versions"
        elif pins:
            said = f"{name} could not be read ({error.message}): its {len(pins)} versions are kept"
        else:
            said = f"the old {name} could not be read ({error.message}): resolved from nothing"
        return Earlier(pins=pins, notes=(said,))
    return Earlier(lock=lock, pins=pins_of(lock))


def pins_of(lock: Lock) -> tuple[Pin, ...]:
    """Return each version that a lock holds."""
    return tuple(
        Pin(name=package.name, version=version_of(package), index=package.index, vcs=package.vcs)
        for package in lock.pylock.packages
        if package.version is not None or package.vcs is not None
    )
