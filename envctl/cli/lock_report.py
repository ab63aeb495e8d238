"""What is said of making locks, as text and as JSON: the same for every command that writes them."""

from dataclasses import asdict
from typing import Any

from envctl.bootstrap import Services
from envctl.cli.render import say, step
from envctl.domain.manifest import Manifest
from envctl.domain.resolution import Interpreter
from envctl.emitters.plural import many
from envctl.usecases.lock_outcome import Locked, LockOutcome

_SHOWN = 30


def resolving(services: Services, manifest: Manifest) -> Interpreter:
    """Find the interpreter to resolve for, and say what now takes a while."""
    found = services.interpreter(manifest.python, manifest.requires_python)
    step(f"resolving with {manifest.resolver} for Python {found.minor} …")
    return found


def report(outcome: LockOutcome) -> None:
    """Say which packages changed, what that does to the contract, and which files were written."""
    for each in outcome.locks:
        _changes(each)
        packages = len(each.lock.pylock.packages)
        if each.stale:
            say(f"left {each.file} as it is: {many(packages)}")
        elif each.written:
            say(f"wrote {each.file}: {many(packages)}")
        else:
            say(state(each.file, packages))
    for name in outcome.removed:
        say(f"removed {name}: no profile of the project has it")


def table(outcome: LockOutcome) -> dict[str, Any]:
    """Return the same as data."""
    return {
        "written": outcome.written,
        "resolved": outcome.resolved,
        "removed": list(outcome.removed),
        "notes": list(outcome.notes),
        "locks": [_table(each) for each in outcome.locks],
    }


def state(file: str, packages: int) -> str:
    """Return what is said of a lock that did not change."""
    return f"{file} is up to date: {many(packages)}"


def _table(each: Locked) -> dict[str, Any]:
    return {
        "file": each.file,
        "profile": each.profile,
        "written": each.written,
        "packages": len(each.lock.pylock.packages),
        "changes": [{"name": c.name, "old": c.old, "new": c.new} for c in each.changes],
        "effects": [asdict(effect) for effect in each.effects],
    }


def _changes(each: Locked) -> None:
    for change in each.changes[:_SHOWN] if each.known else ():
        if change.old is None:
            say(f"  + {change.name} {change.new}")
        elif change.new is None:
            say(f"  - {change.name} {change.old}")
        else:
            say(f"  ~ {change.name} {change.old} → {change.new}")
    if each.known and len(each.changes) > _SHOWN:
        say(f"  … and {len(each.changes) - _SHOWN} more (see --json)")
    for effect in each.effects:
        say(f"  {'!' if effect.worse else '*'} {effect.sentence}")
