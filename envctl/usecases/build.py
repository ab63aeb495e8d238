"""Build what the lock has only as source, before anything is installed; take what was built before."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from packaging.pylock import PackageSdist

from envctl.checks import build as check
from envctl.domain.build.locked import LockedBuild
from envctl.domain.finding import Finding
from envctl.domain.lock.slices import Item, as_pylock
from envctl.domain.workshop.built import Built, with_built
from envctl.domain.workshop.job import Job, Site, jobs
from envctl.emitters import pylock
from envctl.errors import EnvironmentFailure
from envctl.ports import Workshop

Wanted = Sequence[tuple[str, LockedBuild]]
"""What is to be built, and how."""


def built(
    items: Iterable[Item], site: Site, workshop: Workshop, *, say: Callable[[str], None]
) -> Mapping[str, Built]:
    """Return a wheel for each source among ``items`` that the lock says how to build, by ``name==version``.

    Before the first is built, everything that a build needs of this machine must be there. Raises
    ``EnvironmentFailure``, ``LockError``, ``IndexFailure``, ``HashMismatchError``.
    """
    chosen = tuple(items)
    for label in _unknown(chosen, site):
        say(f"note: the lock does not say how to build {label}: uv builds it as it can today")
    found, waiting = _sorted_out(chosen, site, workshop)
    equipped([(_name(job), job.build) for job in waiting], site, workshop)
    for job in waiting:
        say(f"building {_name(job)}: there is no wheel of it for this machine …")
        within = pylock.emit(as_pylock(with_built(job.within, found)), header="")
        found[_name(job)] = workshop.build(job, within, site.here)
    return found


def lacking(items: Iterable[Item], site: Site, workshop: Workshop) -> tuple[Finding, ...]:
    """Return what this machine lacks to build the sources among ``items`` that were not built yet."""
    waiting = _sorted_out(items, site, workshop)[1]
    return _lacking([(_name(job), job.build) for job in waiting], site, workshop)


def labels(items: Iterable[Item], site: Site, workshop: Workshop) -> tuple[str, ...]:
    """Return which sources among ``items`` must be built first, as ``name==version``, in their order."""
    chosen = tuple(items)
    waiting = _sorted_out(chosen, site, workshop)[1]
    return (*_unknown(chosen, site), *(_name(job) for job in waiting))


def equipped(wanted: Wanted, site: Site, workshop: Workshop) -> None:
    """Raise ``EnvironmentFailure`` when this machine lacks what these builds need, by label."""
    if problems := _lacking(wanted, site, workshop):
        raise _failure(problems)


def _unknown(items: Iterable[Item], site: Site) -> Iterable[str]:
    """Return the sources that the lock says nothing about: another tool made it, or for another Python."""
    for item in items:
        if isinstance(item.artefact, PackageSdist) and _label(item) not in site.builds.builds:
            yield _label(item)


def _sorted_out(
    items: Iterable[Item], site: Site, workshop: Workshop
) -> tuple[dict[str, Built], list[Job]]:
    """Return what is built already, and what must be, in order; what only a finished build needed, is neither."""
    chosen = tuple(items)
    wanted = {_label(item) for item in chosen}
    found: dict[str, Built] = {}
    waiting: list[Job] = []
    for job in reversed(jobs(chosen, site)):  # who needs others comes after them
        if _name(job) not in wanted:
            continue
        kept = workshop.kept(job)
        if kept is not None:
            found[_name(job)] = kept
        else:
            waiting.insert(0, job)
            wanted |= {_label(item) for item in job.within}
    return found, waiting


def _lacking(wanted: Wanted, site: Site, workshop: Workshop) -> tuple[Finding, ...]:
    return tuple(
        finding
        for label, build in wanted
        if build.needs
        for finding in check.check(
            [(label, build.needs)],
            workshop.toolchain(site.here.interpreter, build.env),
            platform=site.here.platform,
            python=site.here.interpreter.minor,
            cuda=site.contract.cuda,
        )
    )


def _failure(problems: tuple[Finding, ...]) -> EnvironmentFailure:
    first = problems[0]
    name = first.subject.partition("==")[0] if "==" in first.subject else '"."'
    return EnvironmentFailure(
        first.message,
        where="this machine",
        why=[f"and {each.message}: {each.advice}" for each in problems[1:]],
        hint=f"{first.advice}; if it builds without, say so: `needs = []` in [tool.envctl.build.{name}]",
    )


def _name(job: Job) -> str:
    return _label(job.item)


def _label(item: Item) -> str:
    return f"{item.name}=={item.version}"
