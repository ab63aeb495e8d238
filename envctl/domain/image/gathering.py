"""Gathering what an image builds from a lock, for each platform, and in which order."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from packaging.pylock import PackageSdist, PackageWheel
from packaging.utils import canonicalize_name

from envctl.domain.build import PROJECT
from envctl.domain.build.locked import LockedBuild
from envctl.domain.contract import Contract
from envctl.domain.environment.here import Here
from envctl.domain.image.layers import Slices, part_of
from envctl.domain.image.sources import Section, Source, checked_source, is_name
from envctl.domain.image.wheels import checked
from envctl.domain.lock import Lock
from envctl.domain.lock.slices import Item, Target
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import Platform
from envctl.domain.resolution import Interpreter
from envctl.domain.workshop.job import ARCHITECTURES, Job, Site, architectures, jobs, surroundings
from envctl.errors import ImageError

_KEY = tuple[str, str]


@dataclass(kw_only=True, slots=True)
class _Work:
    """One source while it is gathered, by platform."""

    build: LockedBuild
    section: Section
    env: Mapping[str, str]
    file: PackageSdist | None = None
    within: dict[Platform, tuple[Item, ...]] = field(default_factory=dict)


def sources(
    manifest: Manifest,
    lock: Lock,
    found: Slices,
    contract: Contract,
    *,
    python: str,
    libc: tuple[int, int] | None,
    where: str,
) -> tuple[Source, ...]:
    """Return what is built, those that others are built with first; raises ``ImageError`` and ``LockError``.

    ``libc``: the oldest of base image and builder.
    """
    works: dict[_KEY, _Work] = {}
    for platform, taken in found.items():
        target = Target(platform=platform, python=python, libc=libc or platform.libc)
        here = Here(
            interpreter=Interpreter(path="python3", version=python),
            platform=platform,
            environment=target.environment(),
            tags=target.tags(),
        )
        site = Site(here=here, lock=lock, builds=lock.builds, contract=contract)
        installed = {(item.name, item.version) for item in taken.items}
        own = _own(manifest, site, works) if manifest.image.project == "package" else ()
        for job in jobs((*taken.items, *own), site):
            key = (job.item.name, job.item.version)
            section: Section = part_of(key[0]) if key in installed else "build"
            _gather(works, key, job, platform, section, where)
    return tuple(_ordered(works, where))


def _own(manifest: Manifest, site: Site, works: dict[_KEY, _Work]) -> tuple[Item, ...]:
    """Note the project itself as something to build; return what its build environment holds."""
    build = site.builds.builds.get(PROJECT)
    if manifest.name is None or manifest.build_system is None or build is None:
        raise ImageError(
            "the project is to be installed as a package, and nothing says how it is built",
            where="tool.envctl.image.project",
            hint="add a [build-system] and project.name to pyproject.toml, then run `envctl lock`",
        )
    name = canonicalize_name(manifest.name)
    if not is_name(name):
        raise ImageError(
            f"{manifest.name!r} is not the name of a package",
            where="project.name",
            hint="use letters, digits and single hyphens",
        )
    within = surroundings(build, site).within
    env = dict(build.env)
    if "nvcc" in build.needs and (listed := architectures(site.contract)):
        env.setdefault(ARCHITECTURES, listed)
    work = works.setdefault((name, ""), _Work(build=build, section="project", env=env))
    work.within[site.here.platform] = within
    return within


def _gather(
    works: dict[_KEY, _Work],
    key: _KEY,
    job: Job,
    platform: Platform,
    section: Section,
    where: str,
) -> None:
    assert isinstance(job.item.artefact, PackageSdist)  # noqa: S101  # `jobs` makes no other
    checked_source(job.item, job.item.artefact, where)
    work = works.setdefault(key, _Work(build=job.build, section=section, env=job.variables))
    work.file = job.item.artefact
    work.section = section if work.section == "build" else work.section
    work.within[platform] = job.within


def _ordered(works: Mapping[_KEY, _Work], where: str) -> Iterator[Source]:
    stages = dict(zip(works, _stages(works), strict=True))
    before = {
        key: {dep for items in work.within.values() for dep in _built(items, works)}
        for key, work in works.items()
    }
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError as error:
        names = " and ".join(sorted({name for name, _ in error.args[1]}))
        raise ImageError(
            f"{names} need each other to be built, on one platform or another",
            where=where,
            hint="name a version with a wheel of one of them in tool.envctl.constraints",
        ) from error
    for key in order:
        yield _source(key, works[key], stages, where)


def _source(key: _KEY, work: _Work, stages: Mapping[_KEY, str], where: str) -> Source:
    after: dict[str, list[str]] = {}
    for platform, items in work.within.items():
        for other in _built(items, stages):
            after.setdefault(stages[other], []).append(platform.machine)
    return Source(
        stage=stages[key],
        name=key[0],
        version=key[1],
        section=work.section,
        machines=tuple(platform.machine for platform in work.within),
        file=work.file,
        within={
            platform: tuple(_wheels(items, stages, key[0], where))
            for platform, items in work.within.items()
        },
        after={stage: tuple(machines) for stage, machines in sorted(after.items())},
        env=dict(sorted(work.env.items())),
        needs=work.build.needs,
    )


def _stages(works: Iterable[_KEY]) -> Iterator[str]:
    """Yield a name for each stage, of which a file's name is made: no dots. Two versions of one package differ."""
    seen: dict[str, int] = {}
    for name, version in works:
        seen[name] = number = seen.get(name, 0) + bool(version)
        if not version:
            yield "package"
        else:
            yield f"build-{name}" + (f"_{number}" if number > 1 else "")


def _built(items: Iterable[Item], works: Iterable[_KEY]) -> Iterator[_KEY]:
    known = set(works)
    for item in items:
        key = (item.name, item.version)
        if key in known and isinstance(item.artefact, PackageSdist):
            yield key


def _wheels(
    items: Iterable[Item], stages: Mapping[_KEY, str], label: str, where: str
) -> Iterator[Item]:
    for item in items:
        if isinstance(item.artefact, PackageWheel):
            checked(item, where)
            yield item
        elif (item.name, item.version) not in stages:
            raise ImageError(
                f"`{label}` is built with `{item.name}`, of which the lock has no wheel and not how to build it",
                where=where,
                hint="run `envctl lock`",
            )
