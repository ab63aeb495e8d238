"""One lock as one recorded machine sees it: whether it has anything for that machine, and what it asks of it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.pylock import Package
from packaging.specifiers import SpecifierSet

from envctl.domain import contract as contracts
from envctl.domain.contract import Contract, LockedPackage, wheel_tags
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
_FOREIGN = {"linux": ("win", "macosx"), "macos": ("linux", "manylinux", "musllinux", "win")}
_SHOWN = 3
_VERSION = re.compile(r"\d+\.\d+")
_PYTHON = "3.12"  # where nothing says which


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One lock that machines may take, and the manifest as its profile sees it.

    ``torch``: judge as if the lock had this version of it instead; ``any_libc``: and wheels for any libc.
    """

    manifest: Manifest
    lock: Lock
    torch: str | None = None
    any_libc: bool = False

    def serves(self, record: Record) -> bool:
        """Whether the manifest has this profile for the machine's platform at all."""
        platforms = {(p.os, p.machine) for p in self.manifest.platforms}
        found = platform_on(record)
        return not platforms or (found is not None and (found.os, found.machine) in platforms)


@dataclass(frozen=True, kw_only=True, slots=True)
class Obstacle:
    """Something that is less than a pass: a finding's code, a sentence, and the same in a few words."""

    code: str
    kind: VerdictKind
    reason: str
    brief: str
    expected: str | None = None
    actual: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What a lock asks of a kind of machine; ``contract`` is ``None`` where it has nothing for it."""

    contract: Contract | None
    obstacles: tuple[Obstacle, ...] = ()


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


def view(offer: Offer, record: Record) -> View:
    """Look at a lock from a machine: the packages that its platform gets, and the contract of those."""
    platform, python = platform_on(record), python_on(offer, record)
    if platform is None or not _covers(offer.lock, platform, python):
        return View(contract=None, obstacles=(uncovered(record),))
    packages = _packages(offer.lock, platform, python)
    if offer.torch:
        packages = [each for each in packages if not torch_builds.accelerators(each.name)]
    missing = _missing(offer.lock, packages, platform, python, record)
    locked = tuple(sorted(_locked(package, platform) for package in packages))
    if offer.torch:
        locked = tuple((n, offer.torch if n == "torch" else v, files) for n, v, files in locked)
    return View(
        contract=contracts.derive(locked, machine=platform.machine),
        obstacles=(_unserved(missing, record, python),) if missing else (),
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


def _packages(lock: Lock, platform: Platform, python: str) -> list[Package]:
    extras, groups = lock.pylock.extras or (), lock.pylock.dependency_groups or ()
    return [
        package
        for package in lock.pylock.packages
        if reached(package, platform, python, extras=extras, groups=groups)
    ]


def _locked(package: Package, platform: Platform) -> LockedPackage:
    """Return a package as the contract's rules take it, with the wheels for that system only."""
    names = [wheel.filename for wheel in package.wheels or ()]
    return package.name, version_of(package), tuple(name for name in names if _for(name, platform))


def _for(wheel: str, platform: Platform) -> bool:
    tag = wheel.removesuffix(".whl").rpartition("-")[2]
    foreign = _FOREIGN.get(platform.os, ("linux", "manylinux", "musllinux", "macosx"))
    if tag.startswith(foreign):
        return False
    pairs = wheel_tags.tags(wheel)
    return not pairs or any(machine == platform.machine for _, machine in pairs)


def _missing(
    lock: Lock, packages: Sequence[Package], platform: Platform, python: str, record: Record
) -> list[str]:
    """Return the packages that have neither a wheel for the machine nor a source, whatever its glibc."""
    if (record.libc or "").startswith("musl"):
        return [package.name for package in packages if not _for_musl(package, platform)]
    found = gaps(
        packages,
        [platform],
        python,
        extras=lock.pylock.extras or (),
        groups=lock.pylock.dependency_groups or (),
    )
    return [gap.name for gap in found if not gap.source]


def _for_musl(package: Package, platform: Platform) -> bool:
    """Whether musl's wheels (PEP 656), others' that name no libc, or a source serve there."""
    wheels: Iterable[str] = (wheel.filename for wheel in package.wheels or ())
    direct = package.sdist or package.vcs or package.directory or package.archive
    return bool(direct) or any(
        name.endswith("-any.whl")
        or any(
            machine == platform.machine and policy.startswith(("musllinux", "linux"))
            for policy, machine in wheel_tags.tags(name)
        )
        for name in wheels
    )


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
