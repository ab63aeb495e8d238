"""Locks that every recorded machine can run: resolve, try them on each, hold torch back where that helps, again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from envctl.checks import fleet as fleet_check
from envctl.domain.fleet import Fit, fits
from envctl.domain.fleet.hold import Hold, hold, mends
from envctl.domain.fleet.view import Offer, torch_of
from envctl.domain.fleet.words import AT_THE_GPU, advice, few, joined, named, refusal
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.domain.profile import variants
from envctl.domain.record import Record
from envctl.domain.resolution import Interpreter
from envctl.errors import RecordError, ResolutionError
from envctl.ports import Project
from envctl.usecases.fleet import choice
from envctl.usecases.lock import Wish, made
from envctl.usecases.lock_outcome import LockOutcome
from envctl.usecases.record import FOLDER
from envctl.usecases.resolving import Resolver
from envctl.usecases.team import team

_ROUNDS = 6
_SHOWN = 4
_DELETE = "bring them up to date, or delete the record of one that nobody uses any more"
_HINT = f"give these machines a profile of their own with another build of torch, {_DELETE}"

_TOGETHER = "leave `--profile` out: the profiles serve the machines together"


@dataclass(frozen=True, kw_only=True, slots=True)
class _State:
    """What has been resolved so far, and how the machines fare with it; ``alone``: not all profiles were."""

    outcome: LockOutcome
    files: dict[str, str]
    offers: tuple[Offer, ...]
    fits: tuple[Fit, ...]
    alone: bool

    @property
    def refused(self) -> list[Fit]:
        return [fit for fit in self.fits if fit.chosen is None]

    @property
    def wanting(self) -> list[Fit]:
        """Those that run nothing, or without their GPU."""
        return [fit for fit in self.fits if fit.chosen is None or fit.idle]


def lock_for_fleet(
    project: Project,
    manifest: Manifest,
    *,
    resolver: Resolver,
    interpreter: Callable[[], Interpreter],
    wish: Wish,
) -> LockOutcome:
    """Write the locks with which each recorded machine runs a profile, with its GPU where that can be had.

    Raises ``ResolutionError`` with the machines and their reasons where there are none, ``RecordError`` for a record
    that cannot be read; nothing is written then.
    """
    found = team(project)
    if found.unreadable:
        first = found.unreadable[0]
        raise RecordError(
            f"the record cannot be read: {first.message}",
            where=f"{FOLDER}/{first.file}".rstrip("/"),
            hint=f"mend it, or save it again on that machine with `envctl record --save {first.name}`",
        )
    python = cache(interpreter)

    def resolved(held: Hold | None) -> _State:
        outcome, files = made(project, manifest, resolver, python, replace(wish, held=held))
        done: dict[str, Lock] = {each.file: each.lock for each in outcome.locks}
        offers = choice(project, variants(manifest), done)
        alone = wish.profiles is not None and not set(manifest.profiles) <= set(wish.profiles)
        fleet = fits(offers, found.records)
        return _State(outcome=outcome, files=files, offers=offers, fits=fleet, alone=alone)

    state, said = _settled(resolved, found.records, _pinned(wish))
    project.write(state.files)
    project.remove(state.outcome.removed)
    return replace(state.outcome, notes=(*said, *state.outcome.notes))


def _settled(
    resolved: Callable[[Hold | None], _State], records: Sequence[Record], pinned: str | None
) -> tuple[_State, tuple[str, ...]]:
    """Resolve until no machine is left wanting, or nothing can be done for those that are."""
    state, held = resolved(None), Hold()
    before = state
    for _ in range(_ROUNDS):
        better = hold(state.offers, records, state.fits, held) if state.wanting else None
        if better is None:
            break
        try:
            state, held = resolved(better), better
        except ResolutionError as error:
            if state.refused:
                raise _contradicted(state.refused, better, error, pinned) from error
            break
    if state.refused:
        raise _impossible(state)
    return state, _notes(before, state, held)


def _notes(before: _State, now: _State, held: Hold) -> tuple[str, ...]:
    if not now.fits:
        return (f"no machine is recorded in {FOLDER}: there is nothing to heed",)
    left = {fit.name for fit in now.wanting}
    helped = [fit for fit in before.wanting if fit.name not in left]
    notes = [f"limited to {_limits(held)} for {named(helped)}"] if helped else []
    if now.wanting:
        why = "these profiles alone cannot mend that" if now.alone else "no limit mends that"
        notes.append(f"the GPUs stay unused on {named(now.wanting)}: {why}")
    count = len(now.fits)
    notes.append(f"runs on every recorded machine: {count} of {count}")
    return tuple(notes)


def _limits(held: Hold) -> str:
    floors = (f"glibc {a}.{b} on {os}-{cpu}" for (os, cpu), (a, b) in held.floors.items())
    return joined([*([f"`{held.limit}`"] if held.limit else []), *floors])


def _pinned(wish: Wish) -> str | None:
    """Return the version of torch that the command line asks for: it counts for more than any limit."""
    asked = (text.partition("==") for text in wish.upgrade or ())
    exact = (f"{name}=={version}" for name, _, version in asked if version)
    return next((text for text in exact if text.startswith("torch==")), None)


def _contradicted(
    refused: Sequence[Fit], held: Hold, error: ResolutionError, pinned: str | None
) -> ResolutionError:
    if pinned:
        return ResolutionError(
            f"{named(refused)} cannot run {pinned}, and with {_limits(held)} there is no solution",
            where=f"--upgrade {pinned}",
            hint=f"leave the version out (`--upgrade torch`), or {_HINT}",
            details=error.details,
        )
    return ResolutionError(
        f"{named(refused)} cannot run what the manifest asks for, and with {_limits(held)} there is no solution: "
        f"{error.message}",
        where=error.where or f"{FOLDER}/{refused[0].name}.toml",
        why=error.why,
        hint=f"ease the requirement that stands against it, or {_HINT}",
        details=error.details,
    )


def _impossible(state: _State) -> ResolutionError:
    """Say why no lock runs everywhere: of torch only where there is one, and another could help at all."""
    helpless = [fit.name for fit in state.refused if not mends(state.offers, fit.record)]
    refused = refusal(state.offers, state.fits)
    codes = {
        o.code for f in state.refused for t in f.trials for o in t.obstacles if o.kind == "fail"
    }
    torch = any(torch_of(offer.lock) for offer in state.offers) and bool(codes & AT_THE_GPU)
    if torch:
        refused = f"{refused}; {_why(helpless)}"
    ways = [f"{f.name}: {way}" for f in state.refused if (way := advice(state.offers, f))]
    general = [text for code, text in fleet_check.ADVICE.items() if code in codes]
    hints = (*ways[:_SHOWN], *general, _HINT if torch else _DELETE)
    return ResolutionError(
        f"no lock runs on every recorded machine: {refused}",
        where=f"{FOLDER}/{(helpless or [state.refused[0].name])[0]}.toml",
        hint=_TOGETHER if state.alone else "; ".join(hints),
    )


def _why(helpless: Sequence[str]) -> str:
    if not helpless:
        return "no one version of torch runs on all of them"
    return f"no older version of torch whose kernels are known helps {joined(few(helpless))}"
