"""How far torch must be held back for a lock that runs on every recorded machine. Pure; rests on the dated tables."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from packaging.version import Version

from envctl.domain.fleet import Fit, fits
from envctl.domain.fleet.view import Offer, oldest_python, platform_on
from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.gpu.facts import numbers
from envctl.domain.platforms import Platform
from envctl.domain.record import Record
from envctl.domain.verdict.newest import for_python

_CUDA = re.compile(r"cu\d{3,}")
Place = tuple[str, str]
"""A platform's system and machine."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """What to add to a resolution: torch below a minor in these profiles' locks, and the oldest glibc by platform.

    ``minor``: the torch that the tables promise then; ``machines``: those for which it is done.
    """

    minor: str | None = None
    profiles: tuple[str | None, ...] = ()
    floors: Mapping[Place, tuple[int, int]] = field(default_factory=dict)
    machines: tuple[str, ...] = ()

    @property
    def limit(self) -> str | None:
        """The constraint: ``torch<2.11``."""
        if self.minor is None:
            return None
        major, minor = numbers(self.minor)
        return f"torch<{major}.{minor + 1}"

    def platforms(self, declared: Iterable[Platform]) -> tuple[Platform, ...]:
        """Return the platforms with the libc that the machines have."""
        return tuple(replace(p, libc=self.floors.get((p.os, p.machine), p.libc)) for p in declared)


def hold(
    offers: Sequence[Offer], records: Sequence[Record], now: Sequence[Fit], so_far: Hold
) -> Hold | None:
    """Return the least that lets every machine run, and as many as can use their GPUs; ``None``: nothing does.

    ``now``: how the machines fare with the locks as they are; ``so_far``: what they were held back by already.
    """
    floors = {**so_far.floors, **_floors(offers, now)}
    open_ = [replace(offer, any_libc=True) for offer in offers] if floors else list(offers)
    best = _best(open_, records)
    if best is None or (best[0] is None and floors == so_far.floors):
        return None
    minor, found = best
    served = {fit.name for fit in found if fit.chosen is not None and not fit.idle}
    return Hold(
        minor=minor or so_far.minor,
        profiles=tuple(o.manifest.profile for o in offers if _builds(o)),
        floors=floors,
        machines=tuple(
            fit.name for fit in now if fit.name in served and (fit.chosen is None or fit.idle)
        ),
    )


def _best(
    offers: Sequence[Offer], records: Sequence[Record]
) -> tuple[str | None, tuple[Fit, ...]] | None:
    """Return the newest torch with which the fewest machines go without their GPU; all must run.

    The version is ``None`` where the locks' own is as good as any.
    """
    found = fits(offers, records)
    best: tuple[int, str | None, tuple[Fit, ...]] | None = None
    if all(fit.chosen for fit in found):
        best = (_score(found), None, found)
    for minor in _minors(offers) if best is None or best[0] else ():
        predicted = [_predicted(offer, minor) for offer in offers]
        if not all(predicted):
            continue
        found = fits([each for each in predicted if each], records)
        if all(fit.chosen for fit in found) and (best is None or _score(found) < best[0]):
            best = (_score(found), minor, found)
    return best[1:] if best else None


def _score(found: Iterable[Fit]) -> int:
    return sum(fit.idle for fit in found)


def mends(offers: Sequence[Offer], record: Record) -> bool:
    """Whether some older torch of the same builds runs on that machine, by the tables."""
    return _best([replace(offer, any_libc=True) for offer in offers], [record]) is not None


def _minors(offers: Iterable[Offer]) -> Iterator[str]:
    """Yield the minors that the tables know below the newest of the locks, the newest first."""
    own = [numbers(gpu_builds.minor(build)) for offer in offers for build in _builds(offer)]
    known = dict.fromkeys(minor for minor, _ in gpu_builds.torch_builds())
    for minor in sorted(known, key=numbers, reverse=True):
        if own and numbers(minor) < max(own):
            yield minor


def _builds(offer: Offer) -> tuple[str, ...]:
    """Return the versions of torch that a lock is held back by: those with CUDA, one for each way of asking."""
    found = (str(p.version) for p in offer.lock.pylock.packages if p.name == "torch" and p.version)
    return tuple(
        each for each in found if not (local := Version(each).local) or _CUDA.fullmatch(local)
    )


def _predicted(offer: Offer, minor: str) -> Offer | None:
    """Return the lock as it would be with that torch; ``None``: it has no such build, or none that is well known."""
    newer = [each for each in _builds(offer) if numbers(gpu_builds.minor(each)) > numbers(minor)]
    if newer and not for_python(minor, oldest_python(offer)):
        return None
    found = {each: _older(each, minor) for each in newer}
    older = {each: build for each, build in found.items() if build}
    return replace(offer, torch=older) if len(older) == len(newer) else None


def _older(version: str, minor: str) -> str | None:
    """Return the same build of an older torch, if its kernels are known."""
    local = Version(version).local
    cuda = gpu_builds.cuda_of(local) if local else gpu_builds.torch_default(minor)
    built = local is None or (minor, local) in gpu_builds.torch_builds()
    if not (cuda and built and gpu_builds.torch_kernels(minor, cuda, "x86_64")):
        return None
    return f"{minor}.0" + (f"+{local}" if local else "")


def _floors(offers: Sequence[Offer], now: Iterable[Fit]) -> dict[Place, tuple[int, int]]:
    """Return the glibc of the machines whose own is too old, where the manifest names their platform."""
    declared = {(p.os, p.machine) for offer in offers for p in offer.manifest.platforms}
    found: dict[Place, tuple[int, int]] = {}
    for fit in now:
        codes = {o.code for trial in fit.trials for o in trial.obstacles}
        platform, libc = platform_on(fit.record), _glibc(fit.record)
        if fit.chosen is None and "libc-too-old" in codes and platform and libc:
            place = (platform.os, platform.machine)
            if place in declared:
                found[place] = min(libc, found.get(place, libc))
    return found


def _glibc(record: Record) -> tuple[int, int] | None:
    name, _, version = (record.libc or "").partition(" ")
    found = numbers(version)
    return (found[0], found[1]) if name == "glibc" and len(found) > 1 else None
