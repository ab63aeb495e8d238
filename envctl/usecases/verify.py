"""Every layer's question in one command; changes nothing in the project and needs no network."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from envctl.checks import environment as environment_check
from envctl.checks import lock as lock_check
from envctl.checks import machine as machine_check
from envctl.checks import record as record_check
from envctl.checks import variables as variables_check
from envctl.domain.finding import LAYERS, Finding, Layer
from envctl.domain.fleet.view import Offer, oldest_python
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest, restricted
from envctl.domain.manifest.local import Local
from envctl.domain.profile import variants
from envctl.errors import InterpreterError, LockError, ManifestError, NewerLockError, ProjectError
from envctl.ports import Project
from envctl.usecases import build, load
from envctl.usecases.choice import contract_here, in_use, runs_here
from envctl.usecases.record import this_machine
from envctl.usecases.surroundings import Surroundings
from envctl.usecases.team import team
from envctl.usecases.verify_environment import environment, wanted_here


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What was looked at and what was found.

    By layer: ``skipped`` gives the reason, ``said`` one sentence for all of its findings, or on what it rests.
    """

    layers: tuple[Layer, ...]
    findings: tuple[Finding, ...]
    skipped: Mapping[Layer, str]
    said: Mapping[Layer, str]

    def fails(self, *, strict: bool = False) -> bool:
        """Whether the answer is no."""
        bad = ("error", "warning") if strict else ("error",)
        return any(finding.severity in bad for finding in self.findings)


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
            findings += _images(around, every, skipped)
            if "environment" in layers:  # then the note of the answer rests on `.venv` too
                findings += _libraries(around, every)
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
                findings += _LOOKS[layer](around, manifest, lock)
    return Report(layers=layers, findings=tuple(findings), skipped=skipped, said=said)


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
        yield from lock_check.check(manifest, lock, problem=problem)
    if whole.profiles:
        locks = {manifest.profile or "": lock for manifest, lock, _ in every if lock}
        plain = around.project.read(load.LOCK) is not None
        yield from lock_check.check_profiles(whole, locks, plain=plain)


def _images(
    around: Surroundings, every: list[_Locked], skipped: dict[Layer, str]
) -> Iterator[Finding]:
    from envctl.checks import image as image_check  # noqa: PLC0415  # most calls look elsewhere
    from envctl.usecases import dockerize  # noqa: PLC0415

    for manifest, lock, _ in every:
        if lock is None:
            skipped["image"] = "there is no lock to compare with"
        else:
            evidence = dockerize.evidence(around.project, manifest, lock)
            yield from image_check.check(**evidence, today=around.today)


def _libraries(around: Surroundings, every: list[_Locked]) -> Iterator[Finding]:
    """Look for libraries that an image of ours would lack, by what is synced here."""
    from envctl.domain.image import Names  # noqa: PLC0415  # most calls look elsewhere
    from envctl.usecases import image_libraries  # noqa: PLC0415

    for manifest, lock, _ in every:
        written = around.project.read(Names(profile=manifest.profile).dockerfile)
        if lock is not None and written and around.libraries:
            current = around.environments.current()
            look = around.libraries
            yield from image_libraries.expected(around.project, manifest, lock, current, look)


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
    return (*unread, *found.findings, *record_check.twice(machines.records), *lists)


def _here(
    around: Surroundings, whole: Manifest, every: list[_Locked]
) -> tuple[Manifest | None, Lock | None, str]:
    """Return what is synced here: the manifest as its profile sees it, and that lock."""
    manifest = in_use(whole, around.environments.current().stamp)
    if manifest is None:
        return None, None, "no profile is synced here"
    manifest, lock, _ = next(each for each in every if each[0].profile == manifest.profile)
    return manifest, lock, "there is no lock to compare with"


def _variables(around: Surroundings, _manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    current = around.environments.current()
    active = bool(current.path) and around.environ.get("VIRTUAL_ENV") in (
        current.path,
        str(around.project.root / ".venv"),
    )
    records = team(around.project).records  # of those that cannot be read the layer `fleet` tells
    record = this_machine(records, around.record().machine_id) if records else None
    local = load.local(around.project)
    yield from variables_check.check(
        lock.env,
        around.environ,
        local=local.env,
        hidden=_names(around, local),
        active=active,
        record=record,
    )


def _names(around: Surroundings, local: Local) -> Collection[str] | None:
    """Return the names that the ``env-file`` sets; ``None`` where it cannot be read."""
    try:
        return load.env_files(around.project, local, around.environ)[1].keys()
    except (ManifestError, ProjectError):
        return None


def _machine(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    record = around.record()
    contract, torch = contract_here(manifest, lock, record)
    python = oldest_python(Offer(manifest=manifest, lock=lock))

    def other() -> str | None:
        try:
            platform = around.here(manifest).platform
        except InterpreterError:  # the layer `environment` says it
            return None
        return runs_here(around.project, manifest.profile, platform, record)

    yield from machine_check.check(
        contract, record, manifest.gpu, torch=torch, python=python, other=other
    )
    if saved := this_machine(team(around.project).records, record.machine_id):
        yield from record_check.check(saved, record)
    if lock.builds.builds:
        yield from _building(around, manifest, lock)


def _building(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    """Look for compilers only where something is still to be built."""
    try:
        want = wanted_here(around, manifest, lock)
        stamp = around.environments.current().stamp
        if stamp is None or stamp.slice_digest != want.items.digest:
            yield from build.lacking(want.items.items, want.site, around.workshop())
    except LockError:  # the layer `environment` says it
        return


_LOOKS: Mapping[Layer, Callable[[Surroundings, Manifest, Lock], Iterator[Finding]]] = {
    "environment": environment,
    "variables": _variables,
    "machine": _machine,
}
