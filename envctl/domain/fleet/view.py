"""One lock as one recorded machine sees it: whether it has anything for that machine, and what it asks of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from packaging.markers import Marker
from packaging.pylock import Package
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envctl.domain import contract as contracts
from envctl.domain.contract import Contract, LockedPackage
from envctl.domain.finding.codes import Code
from envctl.domain.fleet.ways import Way, ways
from envctl.domain.fleet.wheels import for_machine, for_musl
from envctl.domain.gpu import torch_builds
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.serving import gaps, reached
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import Platform, platform_of
from envctl.domain.record import Record
from envctl.domain.verdict import VerdictKind

_SYSTEMS = {"darwin": "darwin", "windows": "win32"}
_NAMES = {"darwin": "macos", "win32": "windows", "linux": "linux"}
_SHOWN = 3
_VERSION = re.compile(r"\d+\.\d+")
_PYTHON = "3.12"  # where nothing says which
_MINORS = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One lock that machines may take, and the manifest as its profile sees it.

    ``torch``: judge as if the lock had these versions of it instead of its own; ``any_libc``: and wheels for any libc.
    """

    manifest: Manifest
    lock: Lock
    torch: Mapping[str, str] = field(default_factory=dict)
    any_libc: bool = False

    def serves(self, record: Record) -> bool:
        """Whether the manifest has this profile for the machine's platform at all."""
        platforms = {(p.os, p.machine) for p in self.manifest.platforms}
        found = platform_on(record)
        return not platforms or (found is not None and (found.os, found.machine) in platforms)


@dataclass(frozen=True, kw_only=True, slots=True)
class Obstacle:
    """Something that is less than a pass: a finding's code, a sentence, and the same in a few words."""

    code: Code
    kind: VerdictKind
    reason: str
    brief: str
    expected: str | None = None
    actual: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What a lock asks of a kind of machine; ``contract`` is ``None`` where it has nothing for it.

    ``way``: with which extra, where they bring different builds; ``torch``: the version that is installed then.
    """

    contract: Contract | None
    obstacles: tuple[Obstacle, ...] = ()
    way: str = ""
    torch: str | None = None


def platform_on(record: Record) -> Platform | None:
    """Return a recorded machine's platform, ``None`` for one that no lock is made for."""
    return platform_of(_SYSTEMS.get(record.os.id, "linux"), record.architecture)


def place(record: Record) -> str:
    """Return the name of a recorded machine's platform, a known one or not."""
    found = platform_on(record)
    system = _NAMES[_SYSTEMS.get(record.os.id, "linux")]
    return found.name if found else f"{system}-{record.architecture}"


def python_on(offer: Offer, record: Record) -> str:
    """Return the Python that the lock would be installed for there: the recorded one, if the lock is for it."""
    own = record.python.version
    fine = _VERSION.match(own) is not None and accepts(offer, own)
    return own if fine else (offer.manifest.python or _PYTHON)


def pythons(offer: Offer) -> str | None:
    """Return the Pythons that a lock is for, ``None`` for any."""
    wanted = offer.manifest.python_specifier or offer.lock.pylock.requires_python
    return None if wanted is None else str(wanted)


def accepts(offer: Offer, python: str) -> bool:
    """Whether a lock is for that Python; a record may hold anything for one."""
    try:
        return SpecifierSet(pythons(offer) or "").contains(python, prereleases=True)
    except ValueError:  # more digits than Python reads
        return False


def oldest_python(offer: Offer) -> str | None:
    """Return the oldest Python minor that a lock is for, as far as it says."""
    if offer.manifest.python:
        return offer.manifest.python
    wanted = SpecifierSet(pythons(offer) or "")
    known = (f"3.{minor}" for minor in range(_MINORS) if str(wanted))
    return next((m for m in known if any(wanted.contains(f"{m}.{n}") for n in (0, 99))), None)


def views(offer: Offer, record: Record) -> tuple[View, ...]:
    """Look at a lock from a machine, in each way that it may be installed there."""
    platform, python = platform_on(record), python_on(offer, record)
    if platform is None or not _covers(offer.lock, platform, python):
        return (View(contract=None, obstacles=(uncovered(record),)),)
    every = ways(offer.lock, platform, python)
    return tuple(_view(offer, record, platform, python, way) for way in every)


def _view(offer: Offer, record: Record, platform: Platform, python: str, way: Way) -> View:
    """Look at the packages that the platform gets, and at the contract of those."""
    packages = _packages(offer.lock, platform, python, way)
    if offer.torch:
        packages = [each for each in packages if not torch_builds.accelerators(each.name)]
    missing = _missing(packages, platform, python, record, way)
    locked = tuple(sorted(_locked(package, platform, python) for package in packages))
    locked = tuple(
        (n, offer.torch.get(v, v) if n == "torch" else v, files) for n, v, files in locked
    )
    return View(
        contract=contracts.derive(locked, machine=platform.machine),
        obstacles=(_unserved(missing, record, python),) if missing else (),
        way=way.name,
        torch=max((v for n, v, _ in locked if n == "torch" and v), key=Version, default=None),
    )


def torch_of(lock: Lock) -> str | None:
    """Return the newest version of torch in a lock, with its local tag."""
    found = [p.version for p in lock.pylock.packages if p.name == "torch" and p.version]
    return str(max(found)) if found else None


def _covers(lock: Lock, platform: Platform, python: str) -> bool:
    made_for = lock.pylock.environments
    environment: dict[str, str | frozenset[str]] = {**platform.environment(python)}
    return not made_for or any(_holds(marker, environment) for marker in made_for)


def _holds(marker: Marker, environment: dict[str, str | frozenset[str]]) -> bool:
    return marker.evaluate(environment, context="lock_file")


def _packages(lock: Lock, platform: Platform, python: str, way: Way) -> list[Package]:
    return [
        package
        for package in lock.pylock.packages
        if reached(package, platform, python, extras=way.extras, groups=way.groups)
    ]


def _locked(package: Package, platform: Platform, python: str) -> LockedPackage:
    """Return a package as the contract's rules take it, with the wheels for that system and Python only."""
    names = [wheel.filename for wheel in package.wheels or ()]
    fine = (name for name in names if for_machine(name, platform, python))
    return package.name, version_of(package), tuple(fine)


def _missing(
    packages: Sequence[Package], platform: Platform, python: str, record: Record, way: Way
) -> list[str]:
    """Return the packages that have neither a wheel for the machine nor a source, whatever its glibc."""
    if (record.libc or "").startswith("musl"):
        return [package.name for package in packages if not for_musl(package, platform)]
    found = gaps(packages, [platform], python, extras=way.extras, groups=way.groups)
    return [gap.name for gap in found if not gap.source]


def _where(record: Record) -> str:
    musl = (record.libc or "").startswith("musl")
    return f"{place(record)} with musl" if musl else place(record)


def uncovered(record: Record) -> Obstacle:
    """Return why a lock is not for that machine's platform at all."""
    return Obstacle(
        code="platform-unserved",
        kind="fail",
        reason=f"the lock has nothing for {place(record)}",
        brief=f"{place(record)} is not in the lock",
        actual=place(record),
    )


def _unserved(missing: Sequence[str], record: Record, python: str) -> Obstacle:
    names = ", ".join(f"`{name}`" for name in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    where = f"{_where(record)} and Python {'.'.join(python.split('.')[:2])}"
    return Obstacle(
        code="platform-unserved",
        kind="fail",
        reason=f"the lock has no file of {names}{more} for {where}",
        brief=f"no file of {names}{more} for {where}",
        actual=where,
    )
