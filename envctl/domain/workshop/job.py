"""One build to be done on this machine: what the build sees, and the key under which its wheel is kept."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain.build.locked import Builds, LockedBuild
from envctl.domain.contract import Contract
from envctl.domain.environment.here import Here
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import CREATOR
from envctl.domain.lock.slices import Item
from envctl.errors import LockError, ManifestError

ARCHITECTURES = "TORCH_CUDA_ARCH_LIST"
# How much is done at once, which changes nothing in what comes out.
_PACE = frozenset({"MAX_JOBS", "CMAKE_BUILD_PARALLEL_LEVEL", "NVCC_THREADS", "MAKEFLAGS"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A source to be built: ``within`` is what its build environment holds, ``variables`` what it is told.

    ``inputs``: everything on which the wheel depends, as JSON's types.
    """

    item: Item
    build: LockedBuild
    within: tuple[Item, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The digest of the inputs: hexadecimal."""
        text = json.dumps(self.inputs, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """Where and from what is built: this machine, the lock, its builds, and the contract derived from it."""

    here: Here
    lock: Lock
    builds: Builds
    contract: Contract


def jobs(items: Iterable[Item], site: Site) -> tuple[Job, ...]:
    """Return a job for each of the slice's sdists, those that others are built with before them.

    An sdist of which the lock says nothing has none: another tool locked it, or for a Python that has a wheel.
    Raises ``LockError``: the lock has no file for a build requirement here, or two sources need each other.
    """
    found: dict[str, Job] = {}
    for item in items:
        _add(item, site, found, ())
    return tuple(found.values())


def _add(item: Item, site: Site, found: dict[str, Job], above: tuple[str, ...]) -> None:
    key = f"{item.name}=={item.version}"
    build = site.builds.builds.get(key)
    if key in found or build is None or not isinstance(item.artefact, PackageSdist):
        return
    if key in above:
        raise LockError(
            f"to build `{key}`, `{above[-1]}` must be there, and the other way round",
            where="pylock.toml",
            hint="name a version with a wheel of one of them in tool.envctl.constraints",
        )
    seen = surroundings(build, site, item)
    for other in seen.within:
        _add(other, site, found, (*above, key))
    found[key] = _job(item, build, seen, site)


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What a build sees: its locked requirements; everything in its environment; what it may compile against."""

    requires: tuple[Item, ...] = ()
    within: tuple[Item, ...] = ()
    against: tuple[Item, ...] = ()


def surroundings(build: LockedBuild, site: Site, item: Item | None = None) -> Surroundings:
    """Return what a build sees on this machine; raises ``LockError``.

    With isolation: its locked requirements and nothing else. Without: also what ``item`` needs when it runs
    (flash-attn's torch), in the lock's versions, and what all of these need. Of the lock's own packages only those
    that are named, not those that come along, are taken for something to compile against: a new ``filelock``
    builds no kernels anew.
    """
    own = _chosen(build, site)
    if build.isolation:
        return Surroundings(requires=own, within=own)
    groups, extras = site.lock.pylock.dependency_groups or (), site.lock.pylock.extras or ()
    slice_ = site.here.slice_of(site.lock, groups=tuple(groups), extras=tuple(extras))
    every = {each.name: each for each in slice_.items}
    edges = {(entry.name, entry.version): entry.requires for entry in site.lock.entries}
    named = {each.name for each in own} | {*(_needed(item, edges) if item else ())}
    held = {name: every[name] for name in _reached(named, every, edges)}
    held |= {each.name: each for each in own}
    if item is not None:
        held.pop(item.name, None)
    against = (every[name] for name in sorted(named & every.keys()))
    return Surroundings(
        requires=own,
        within=tuple(held[name] for name in sorted(held)),
        against=tuple(each for each in against if _compiled(each)),
    )


def _reached(
    names: Iterable[str],
    every: Mapping[str, Item],
    edges: Mapping[tuple[str, str], tuple[str, ...]],
) -> set[str]:
    """Return these names and all that they need, as far as they are in the lock."""
    found: set[str] = set()
    rest = list(names)
    while rest:
        name = rest.pop()
        if name in every and name not in found:
            found.add(name)
            rest += _needed(every[name], edges)
    return found


def _chosen(build: LockedBuild, site: Site) -> tuple[Item, ...]:
    """Choose this machine's file of each build requirement."""
    try:
        packages = site.builds.required(build, site.lock.pylock.packages)
    except ManifestError as error:
        raise LockError(error.message, where=error.where, hint="run `envctl lock`") from error
    return select(packages, site.here)


def select(packages: Iterable[Package], here: Here) -> tuple[Item, ...]:
    """Choose this machine's files of packages that stand in no slice; raises ``LockError``."""
    alone = Pylock(lock_version=Version("1.0"), created_by=CREATOR, packages=list(packages))
    return here.slice_of(Lock(pylock=alone)).items


def _needed(item: Item, edges: Mapping[tuple[str, str], tuple[str, ...]]) -> Iterator[str]:
    for text in edges.get((item.name, item.version), ()):
        yield _name(text)


def _name(text: str) -> str:
    match = _NAME.match(text)
    return canonicalize_name(match[0]) if match else ""


def _compiled(item: Item) -> bool:
    """Whether it holds compiled code, as far as its file's name tells."""
    wheel = item.artefact
    return not (isinstance(wheel, PackageWheel) and wheel.filename.endswith("-any.whl"))


def _job(item: Item, build: LockedBuild, seen: Surroundings, site: Site) -> Job:
    variables = dict(build.env)
    cuda = "nvcc" in build.needs
    if cuda and (listed := architectures(site.contract)):
        variables.setdefault(ARCHITECTURES, listed)
    inputs: dict[str, Any] = {
        "schema": 1,
        "name": item.name,
        "version": item.version,
        "source": _identity(item),
        # Interpreter, ABI, platform and libc: `cp311-cp311-manylinux_2_36_x86_64`.
        "tag": str(site.here.tags[0]),
        "isolation": build.isolation,
        "requires": sorted(map(_identity, seen.requires)),
        "against": sorted(map(_identity, seen.against)),
        "env": {name: value for name, value in sorted(variables.items()) if name not in _PACE},
    }
    if cuda:
        inputs["cuda"] = site.contract.cuda
        inputs["capabilities"] = list(site.contract.compute_capabilities)
    return Job(item=item, build=build, within=seen.within, variables=variables, inputs=inputs)


def _identity(item: Item) -> str:
    hashes = sorted(f"{kind}:{value}" for kind, value in item.hashes.items())
    return " ".join([f"{item.name}=={item.version}", *hashes])


def architectures(contract: Contract) -> str:
    """Return the contract's compute capabilities as ``TORCH_CUDA_ARCH_LIST`` has them: ``8.0;9.0+PTX``."""
    names = [*contract.compute_capabilities]
    names += [each for each in contract.ptx if each not in names]
    return ";".join(name + "+PTX" * (name in contract.ptx) for name in names)
