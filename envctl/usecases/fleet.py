"""The team's machines and the project's locks: what ``verify`` says of them, and ``lock --fleet`` goes by."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from envctl.checks import fleet as fleet_check
from envctl.domain.finding import Finding
from envctl.domain.fleet import Fit, fits
from envctl.domain.fleet.hold import Hold, hold
from envctl.domain.fleet.room import allowed, doubts
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


def unread(file: str, problem: str) -> Finding:
    """Return what to say of a lock that cannot be read where no other layer says it: nobody knows who runs it."""
    return Finding(
        code="lock-unreadable",
        layer="fleet",
        severity="error",
        subject=file,
        message=f"the lock cannot be read: {problem}",
        fix="envctl lock",
        file=file,
    )


def choice(
    project: Project, every: Iterable[Manifest], done: Mapping[str, Lock]
) -> tuple[Offer, ...]:
    """Return what machines may choose from when ``done`` is written: these locks by file name, and the others there."""
    return offers((each, done.get(each.lock_name) or _there(project, each)) for each in every)


def warnings(found: Team, choice: tuple[Offer, ...]) -> Iterator[str]:
    """Yield one sentence on the machines that run nothing, with what would do."""
    tried = fits(choice, found.records)
    if said := refusal(choice, tried):
        mend = _mended(choice, found, tried)
        enough = set(mend.machines) >= {f.name for f in tried if f.chosen is None}
        heeds = f" (`{fleet_check.FIX}` holds torch back instead)"
        yield f"{said}{heeds}" if enough and not mend.doubts else said


def look(found: Team, choice: tuple[Offer, ...]) -> Look:
    """Try each lock on each machine."""
    tried = fits(choice, found.records)
    mend = _mended(choice, found, tried)

    def advised(fit: Fit) -> str | None:
        way = advice(choice, fit)
        if fit.name not in mend.machines or not mend.doubts:
            return way
        why = (
            f"{mend.doubts[0]}, and which of its releases goes with an older one is not known here"
        )
        may = f"`{fleet_check.FIX}` may help: {why}"
        return f"{may}; or {way}" if way else may

    findings = fleet_check.check(
        tried,
        found.unreadable,
        mended=() if mend.doubts else mend.machines,
        advised=advised,
    )
    return Look(findings=tuple(findings), said=_said(choice, found, tried))


def _there(project: Project, manifest: Manifest) -> Lock | None:
    try:
        return load.lock(project, manifest.lock_name)
    except LockError:
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mend:
    """The machines for which ``lock --fleet`` would do, and the packages that may stand against it."""

    machines: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def _mended(choice: tuple[Offer, ...], found: Team, tried: tuple[Fit, ...]) -> _Mend:
    """Judge by the tables, the manifest and the locked packages' own words."""
    if found.unreadable or not any(fit.chosen is None or fit.idle for fit in tried):
        return _Mend()
    held = hold(choice, found.records, tried, Hold())
    minor = held.minor if held else None
    if held is None or minor is None or not all(allowed(offer, minor) for offer in choice):
        return _Mend()
    against = dict.fromkeys(each for offer in choice for each in doubts(offer, minor))
    return _Mend(machines=held.machines, doubts=tuple(against))


def _said(choice: tuple[Offer, ...], found: Team, tried: tuple[Fit, ...]) -> str:
    if not (found.records or found.unreadable):
        return "no machine is recorded"
    if said := refusal(choice, tried):
        return said
    count, lost = len(tried), len(found.unreadable)
    unread = f", {lost} cannot be read" if lost else ""
    return f"runs on {count} of {count + lost} machine{'' if count + lost == 1 else 's'}{unread}"
