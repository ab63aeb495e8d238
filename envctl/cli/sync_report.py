"""What ``envctl sync`` reports: the plan, what was done, what came back."""

import sys
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from envctl.cli.render import envelope, say, show
from envctl.domain.build import PROJECT
from envctl.domain.environment import SyncPlan
from envctl.domain.lock import Lock
from envctl.domain.lock.state import answers
from envctl.domain.manifest import Manifest
from envctl.emitters import inject
from envctl.emitters.plural import many
from envctl.emitters.printable import printable
from envctl.usecases.choice import Choice
from envctl.usecases.sync import SyncOutcome

if TYPE_CHECKING:
    from envctl.usecases.rollback import Returned


def chosen(choice: Choice) -> list[str]:
    """Return which profile is used and why."""
    name = choice.manifest.profile
    return [f"profile {name}: {choice.reason}"] if name else []


def about(manifest: Manifest, lock: Lock) -> list[str]:
    """Return what a person should know before the work."""
    said = []
    if manifest.build_system and PROJECT not in lock.builds.builds:
        said.append("note: the lock does not say how to build the project itself: it is left out")
    if lock.ours and not (answers(lock, manifest) and dict(lock.env) == dict(manifest.env)):
        said.append("note: the lock does not answer pyproject.toml any more: run `envctl lock`")
    return said


def late(manifest: Manifest, lock: Lock) -> list[str]:
    """Say which variables ``inject`` brings too late."""
    names = ", ".join(inject.late(lock.env) if manifest.inject else ())
    what = f"note: `inject` sets {names} too late for a Python that is started directly"
    return [f"{what}: start what needs it with `envctl run`"] if names else []


def left_out(whole: Manifest, held: Manifest) -> list[str]:
    """Say which of the groups and extras that are installed by default a lock for some of them does not hold."""
    lacking = [
        *(f"group `{name}`" for name in whole.default_groups if name not in held.default_groups),
        *(f"extra `{name}`" for name in whole.default_extras if name not in held.default_extras),
    ]
    if not lacking:
        return []
    named = ", ".join(lacking)
    return [f"note: the lock was made without {named}: run `envctl lock --all-groups` to have all"]


def in_sync(packages: int) -> str:
    """Return what a sync with nothing to do says last: the fast path says it too."""
    return f".venv is in sync: {many(packages)}\n"


def planned(todo: SyncPlan, packages: int, *, as_json: bool) -> None:
    """Show what a sync would do."""
    if as_json:
        result = {"packages": packages, **_table(todo), "changed": False}
        show(envelope("sync", result, ok=todo.empty))
    elif todo.empty:
        say(in_sync(packages).removesuffix("\n"))
    else:
        _lines(todo)
        for label in todo.builds:
            say(f"  builds {label} from source")
        say(f"would sync .venv: {many(packages)}{_counts(todo)}")


def done(outcome: SyncOutcome, seconds: float, *, as_json: bool) -> None:
    """Show what a sync did."""
    todo, nothing = outcome.plan, outcome.plan.empty and not outcome.anew
    if as_json:
        more = {"changed": not nothing, "aside": outcome.aside}
        show(envelope("sync", {"packages": outcome.packages, **_table(todo), **more}, ok=True))
        return
    if nothing:
        say(in_sync(outcome.packages).removesuffix("\n"))
        return
    _lines(todo)
    if outcome.aside:
        say(_kept(outcome.aside))
    did = "made .venv anew" if outcome.anew else "synced .venv"
    took = f" in {seconds:.1f} s" if sys.stderr.isatty() else ""
    say(f"{did}: {many(outcome.packages)}{_counts(todo)}{took}")


def returned(what: "Returned | None", *, ahead: bool | None, as_json: bool) -> None:
    """Show what is at ``.venv`` again; ``ahead``: whether the lock asks for something else than that."""
    if as_json:
        state = {None: "unknown", True: "ahead", False: "same"}[ahead]
        table: Mapping[str, Any] = {"returned": what is not None, "lock": state}
        if what:
            table = {**table, **_table(what.plan), "path": what.path, "aside": what.aside}
        show(envelope("sync", table, ok=what is not None))
        return
    if what is None:
        say("there is no environment to go back to")
        return
    _lines(what.plan)
    if what.aside:
        say(_kept(what.aside))
    again = "what envctl had kept aside" if what.foreign else "the environment of before"
    say(f".venv is {again} again{_counts(what.plan)}")
    if what.foreign:
        say("`envctl sync --adopt` goes forward again")
    elif ahead:
        say("the lock is ahead of it now: `envctl verify` says how, `envctl sync` goes forward")


def _kept(aside: str) -> str:
    kept = printable(str(PurePath(*PurePath(aside).parts[-3:])), names=True)
    return f"what was at .venv is kept in {kept}; `envctl sync --rollback` brings it back"


def _table(todo: SyncPlan) -> dict[str, Any]:
    return {
        "add": dict(todo.add),
        "remove": dict(todo.remove),
        "change": {name: list(pair) for name, pair in todo.change.items()},
        "reasons": list(todo.reasons),
        "builds": list(todo.builds),
    }


def _lines(todo: SyncPlan) -> None:
    for reason in todo.reasons:
        say(f"  * {printable(reason, names=True)}")
    for name, version in todo.add.items():
        say(f"  + {name} {version}")
    for name, version in todo.remove.items():
        say(f"  - {name} {version}")
    for name, (old, new) in todo.change.items():
        say(f"  ~ {name} {old} → {new}")


def _counts(todo: SyncPlan) -> str:
    counted = (("added", todo.add), ("removed", todo.remove), ("changed", todo.change))
    said = ", ".join(f"{len(each)} {word}" for word, each in counted if each)
    return f" ({said})" if said else ""
