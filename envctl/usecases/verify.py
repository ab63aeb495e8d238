"""Every layer's question in one command; changes nothing in the project and needs no network."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from envctl.checks import environment as environment_check
from envctl.checks import lock as lock_check
from envctl.checks import record as record_check
from envctl.domain.finding import LAYERS, Finding, Layer
from envctl.domain.finding.place import at
from envctl.domain.finding.weights import Weighed
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest, restricted
from envctl.domain.profile import variants
from envctl.errors import LockError, NewerLockError
from envctl.ports import Project
from envctl.usecases import load
from envctl.usecases.choice import in_use
from envctl.usecases.surroundings import Surroundings
from envctl.usecases.team import team
from envctl.usecases.verify_environment import environment
from envctl.usecases.verify_machine import machine, variables


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What was looked at and what was found, as the team counts it (``weighed``).

    By layer: ``skipped`` gives the reason, ``said`` one sentence for all of its findings, or on what it rests.
    ``strict``: the team lets warnings count as errors.
    """

    layers: tuple[Layer, ...]
    weighed: Weighed
    skipped: Mapping[Layer, str]
    said: Mapping[Layer, str]
    strict: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that count."""
        return self.weighed.findings

    def fails(self, *, strict: bool | None = None) -> bool:
        """Whether the answer is no; ``strict``: the caller's word on warnings, else the team's counts."""
        return self.weighed.fails(strict=self.strict if strict is None else strict)


def verify(
    around: Surroundings, *, only: Collection[Layer] = (), skip: Collection[Layer] = ()
) -> Report:
    """Look at the layers in their order; a layer that needs a lock is skipped where there is none to be used."""
    layers = tuple(each for each in LAYERS if (not only or each in only) and each not in skip)
    whole = load.manifest(around.project)
    every = [_pair(around.project, each) for each in variants(whole)]
    findings: list[Finding] = []
    skipped: dict[Layer, str] = {}
    said: dict[Layer, str] = {}
    for layer in layers:
        if layer == "lock":
            findings += _locks(around, whole, every)
        elif layer == "image":
            # With the environment: the note of the answer rests on `.venv` then.
            findings += _images(around, every, skipped, libraries="environment" in layers)
        elif layer == "fleet":
            findings += _fleet(around, every, skipped, said, alone="lock" not in layers)
        else:
            manifest, lock, reason = _here(around, whole, every)
            if manifest is None or lock is None:
                if manifest is None and layer == "environment" and whole.managed:
                    findings.append(environment_check.no_profile(around.environments.current()))
                else:
                    skipped[layer] = reason
            else:
                findings += at(_LOOKS[layer](around, manifest, lock), lock=manifest.lock_name)
    weighed = whole.verify.weigh(findings)
    return Report(
        layers=layers, weighed=weighed, skipped=skipped, said=said, strict=whole.verify.strict
    )


_Locked = tuple[Manifest, Lock | None, str | None]


def _pair(project: Project, manifest: Manifest) -> _Locked:
    lock, problem = _lock(project, manifest.lock_name)
    return restricted(manifest, lock.only if lock else None), lock, problem


def _lock(project: Project, name: str) -> tuple[Lock | None, str | None]:
    try:
        return load.lock(project, name), None
    except NewerLockError:
        raise
    except LockError as error:
        return None, f"{error.message} ({error.where})" if error.where else error.message


def _locks(around: Surroundings, whole: Manifest, every: list[_Locked]) -> Iterator[Finding]:
    for manifest, lock, problem in every:
        found = lock_check.check(manifest, lock, problem=problem)
        yield from at(found, lock=manifest.lock_name)
    if whole.profiles:
        locks = {manifest.profile or "": lock for manifest, lock, _ in every if lock}
        plain = around.project.read(load.LOCK) is not None
        first = every[0][0].lock_name
        yield from at(lock_check.check_profiles(whole, locks, plain=plain), lock=first)


def _images(
    around: Surroundings, every: list[_Locked], skipped: dict[Layer, str], *, libraries: bool
) -> Iterator[Finding]:
    from envctl.usecases import verify_image  # noqa: PLC0415  # most calls look elsewhere

    why: list[str] = []
    yield from verify_image.images(around, every, why)
    if why:
        skipped["image"] = why[-1]
    if libraries:
        yield from verify_image.libraries(around, every)


def _fleet(
    around: Surroundings,
    every: list[_Locked],
    skipped: dict[Layer, str],
    said: dict[Layer, str],
    *,
    alone: bool,
) -> tuple[Finding, ...]:
    """Judge the locks that can be read; ``alone``: no other layer says of those that cannot."""
    from envctl.checks import visible_devices  # noqa: PLC0415  # most calls look elsewhere
    from envctl.usecases import fleet  # noqa: PLC0415

    offers = fleet.offers((manifest, lock) for manifest, lock, _ in every)
    broken = [(manifest.lock_name, problem) for manifest, _, problem in every if problem]
    unread = tuple(fleet.unread(*each) for each in broken) if alone else ()
    if not offers:
        if not unread:
            why = f"the lock cannot be read: {broken[0][1]}" if broken else None
            skipped["fleet"] = why or "there is no lock to compare with"
        return unread
    machines = team(around.project)
    found = fleet.look(machines, offers)
    said["fleet"] = found.said
    declared = (manifest.env for manifest, _, _ in every)
    lists = visible_devices.check(declared, machines.records)
    return tuple(at((*unread, *found.findings, *record_check.twice(machines.records), *lists)))


def _here(
    around: Surroundings, whole: Manifest, every: list[_Locked]
) -> tuple[Manifest | None, Lock | None, str]:
    """Return what is synced here: the manifest as its profile sees it, and that lock."""
    manifest = in_use(whole, around.environments.current().stamp)
    if manifest is None:
        return None, None, "no profile is synced here"
    manifest, lock, _ = next(each for each in every if each[0].profile == manifest.profile)
    return manifest, lock, "there is no lock to compare with"


_LOOKS: Mapping[Layer, Callable[[Surroundings, Manifest, Lock], Iterator[Finding]]] = {
    "environment": environment,
    "variables": variables,
    "machine": machine,
}
