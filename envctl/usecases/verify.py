"""Every layer's question in one command; changes nothing in the project and needs no network."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from envctl.checks import environment as environment_check
from envctl.checks import lock as lock_check
from envctl.checks import machine as machine_check
from envctl.checks import variables as variables_check
from envctl.domain import contract as contracts
from envctl.domain.environment import Current, Inspection, own_differs, without_own
from envctl.domain.finding import Finding, Layer
from envctl.domain.here import Here
from envctl.domain.local import Local
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest, restricted
from envctl.domain.profile import variants
from envctl.domain.record import Record
from envctl.errors import LockError, ManifestError, NewerLockError, ProjectError
from envctl.ports import Environments, Project, Workshop
from envctl.usecases import build, load
from envctl.usecases.choice import in_use
from envctl.usecases.own import own
from envctl.usecases.record import load_all, this_machine
from envctl.usecases.wanted import Wanted, wanted

DONE: tuple[Layer, ...] = ("lock", "environment", "variables", "machine", "image")
"""The layers that this version looks at; `fleet` has its place in ``LAYERS``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What ``verify`` may look at, each asked only when a layer needs it."""

    project: Project
    environments: Environments
    here: Callable[[Manifest], Here]
    inspect: Callable[[str], Inspection]
    record: Callable[[], Record]
    environ: Mapping[str, str]
    workshop: Callable[[], Workshop]


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What was looked at and what was found; ``skipped`` gives the reason by layer."""

    layers: tuple[Layer, ...]
    findings: tuple[Finding, ...]
    skipped: Mapping[Layer, str]

    def fails(self, *, strict: bool = False) -> bool:
        """Whether the answer is no."""
        bad = ("error", "warning") if strict else ("error",)
        return any(finding.severity in bad for finding in self.findings)


def verify(
    around: Surroundings, *, only: Collection[Layer] = (), skip: Collection[Layer] = ()
) -> Report:
    """Look at the layers in their order; a layer that needs a lock is skipped where there is none to be used."""
    layers = tuple(each for each in DONE if (not only or each in only) and each not in skip)
    whole = load.manifest(around.project)
    every = [_pair(around.project, each) for each in variants(whole)]
    findings: list[Finding] = []
    skipped: dict[Layer, str] = {}
    for layer in layers:
        if layer == "lock":
            findings += _locks(around, whole, every)
        elif layer == "image":
            findings += _images(around, every, skipped)
        else:
            manifest, lock, reason = _here(around, whole, every)
            if manifest is None or lock is None:
                if manifest is None and layer == "environment" and whole.managed:
                    findings.append(environment_check.no_profile(around.environments.current()))
                else:
                    skipped[layer] = reason
            else:
                findings += _LOOKS[layer](around, manifest, lock)
    return Report(layers=layers, findings=tuple(findings), skipped=skipped)


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
            yield from image_check.check(**dockerize.evidence(around.project, manifest, lock))


def _here(
    around: Surroundings, whole: Manifest, every: list[_Locked]
) -> tuple[Manifest | None, Lock | None, str]:
    """Return what is synced here: the manifest as its profile sees it, and that lock."""
    manifest = in_use(whole, around.environments.current().stamp)
    if manifest is None:
        return None, None, "no profile is synced here"
    manifest, lock, _ = next(each for each in every if each[0].profile == manifest.profile)
    return manifest, lock, "there is no lock to compare with"


def _wanted(around: Surroundings, manifest: Manifest, lock: Lock) -> Wanted:
    """Return what the environment here should be, by the choice that it was made with; raises ``LockError``."""
    stamp = around.environments.current().stamp
    groups = stamp.groups if stamp else manifest.default_groups
    extras = stamp.extras if stamp else manifest.default_extras
    known = set(lock.pylock.dependency_groups or ()), set(lock.pylock.extras or ())
    return wanted(
        around.project,
        lock,
        around.here(manifest),
        groups=tuple(name for name in groups if name in known[0]),
        extras=tuple(name for name in extras if name in known[1]),
        profile=manifest.profile,
        own=own(around.project, manifest, lock),
        bare=stamp.bare if stamp else False,
        inject=manifest.inject,
    )


def _environment(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    current = around.environments.current()
    try:
        want = _wanted(around, manifest, lock)
    except LockError as error:
        yield environment_check.unserved(error.message, advice=error.hint)
        return
    if not manifest.managed and current.kind != "ours":
        yield from _unmanaged(around, current, want, manifest)
        return
    ours = current.path if current.kind == "ours" else None
    stale = None
    if ours is not None and current.stamp is not None:
        activation = want.activation(ours, around.project)
        stale = around.environments.activation_differs(ours, activation)
        if dict(current.stamp.env) != want.env:
            stale = "the declared variables have changed since the environment was made"
    packages = around.environments.packages(ours) if ours else {}
    yield from environment_check.check(
        current,
        want.items,
        without_own(packages, current.stamp),
        around.inspect(ours).problems if ours and current.stamp else (),
        python=want.here.interpreter.version,
        own=own_differs(current.stamp, packages, want.own.digest if want.own else None),
        by=lambda name: around.environments.installer(ours or "", name),
        stale=stale,
    )


def _unmanaged(
    around: Surroundings, current: Current, want: Wanted, manifest: Manifest
) -> Iterator[Finding]:
    from envctl.checks import unmanaged  # noqa: PLC0415  # most projects' environments are envctl's

    path = current.path
    yield from unmanaged.check(
        current,
        want.items,
        around.environments.packages(path) if path else {},
        around.inspect(path).problems if path else (),
        python=want.here.interpreter.version,
        own=canonicalize_name(manifest.name) if manifest.name else None,
    )


def _variables(around: Surroundings, _manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    current = around.environments.current()
    active = bool(current.path) and around.environ.get("VIRTUAL_ENV") in (
        current.path,
        str(around.project.root / ".venv"),
    )
    records = load_all(around.project)
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
    contract = contracts.from_table(lock.contract)
    yield from machine_check.check(contract, around.record(), manifest.gpu)
    if lock.builds.builds:
        yield from _building(around, manifest, lock)


def _building(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    """Look for compilers only where something is still to be built."""
    try:
        want = _wanted(around, manifest, lock)
        stamp = around.environments.current().stamp
        if stamp is None or stamp.slice_digest != want.items.digest:
            yield from build.lacking(want.items.items, want.site, around.workshop())
    except LockError:  # the layer `environment` says it
        return


_LOOKS: Mapping[Layer, Callable[[Surroundings, Manifest, Lock], Iterator[Finding]]] = {
    "environment": _environment,
    "variables": _variables,
    "machine": _machine,
}
