"""The team's machines and the project's locks: what ``verify`` says of them, and ``lock --fleet`` goes by."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from envctl.checks import fleet as fleet_check
from envctl.domain.finding import Finding
from envctl.domain.fleet import Fit, fits
from envctl.domain.fleet.hold import Hold, allowed, hold
from envctl.domain.fleet.view import Offer
from envctl.domain.fleet.words import advice, refusal
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.domain.record.team import Team
from envctl.errors import LockError
from envctl.ports import Project
from envctl.usecases import load


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What the layer ``fleet`` found, and one sentence for all of it."""

    findings: tuple[Finding, ...]
    said: str


def offers(every: Iterable[tuple[Manifest, Lock | None]]) -> tuple[Offer, ...]:
    """Return what machines may choose from: the locks that there are."""
    return tuple(Offer(manifest=each, lock=lock) for each, lock in every if lock is not None)


def choice(
    project: Project, every: Iterable[Manifest], done: Mapping[str, Lock]
) -> tuple[Offer, ...]:
    """Return what machines may choose from when ``done`` is written: these locks by file name, and the others there."""
    return offers((each, done.get(each.lock_name) or _there(project, each)) for each in every)


def warnings(found: Team, choice: tuple[Offer, ...]) -> Iterator[str]:
    """Yield one sentence on the machines that run nothing, with what would do."""
    tried = fits(choice, found.records)
    if said := refusal(choice, tried):
        mended = set(_mended(choice, found, tried)) >= {f.name for f in tried if f.chosen is None}
        yield f"{said} (`{fleet_check.FIX}` heeds the machines)" if mended else said


def look(found: Team, choice: tuple[Offer, ...]) -> Look:
    """Try each lock on each machine."""
    tried = fits(choice, found.records)
    findings = fleet_check.check(
        tried,
        found.unreadable,
        mended=_mended(choice, found, tried),
        advised=lambda fit: advice(choice, fit),
    )
    return Look(findings=tuple(findings), said=_said(choice, found, tried))


def _there(project: Project, manifest: Manifest) -> Lock | None:
    try:
        return load.lock(project, manifest.lock_name)
    except LockError:
        return None


def _mended(choice: tuple[Offer, ...], found: Team, tried: tuple[Fit, ...]) -> tuple[str, ...]:
    """Return the machines for which ``lock --fleet`` would do, by the tables and the manifest."""
    if found.unreadable or not any(fit.chosen is None or fit.idle for fit in tried):
        return ()
    held = hold(choice, found.records, tried, Hold())
    if held is None or held.minor is None:
        return ()
    room = all(allowed(offer.manifest, held.minor) for offer in choice)
    return held.machines if room else ()


def _said(choice: tuple[Offer, ...], found: Team, tried: tuple[Fit, ...]) -> str:
    if not (found.records or found.unreadable):
        return "no machine is recorded"
    if said := refusal(choice, tried):
        return said
    count = len(tried)
    return f"runs on {count} of {count} machine{'' if count == 1 else 's'}"
