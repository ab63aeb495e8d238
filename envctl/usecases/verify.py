"""Every layer's question in one command; changes nothing in the project and needs no network."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from envctl.checks import environment as environment_check
from envctl.checks import lock as lock_check
from envctl.checks import machine as machine_check
from envctl.checks import variables as variables_check
from envctl.domain import contract as contracts
from envctl.domain.finding import Finding, Layer
from envctl.domain.here import Here
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.domain.record import Record
from envctl.errors import LockError, NewerLockError
from envctl.ports import Environments, Project
from envctl.usecases import load
from envctl.usecases.record import load_all, this_machine
from envctl.usecases.sync import wanted

DONE: tuple[Layer, ...] = ("lock", "environment", "variables", "machine", "image")
"""The layers that this version looks at; `fleet` has its place in ``LAYERS``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What ``verify`` may look at, each asked only when a layer needs it."""

    project: Project
    environments: Environments
    here: Callable[[Manifest], Here]
    record: Callable[[], Record]
    environ: Mapping[str, str]


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
    manifest = load.manifest(around.project)
    lock, problem = _lock(around.project)
    findings: list[Finding] = []
    skipped: dict[Layer, str] = {}
    for layer in layers:
        if layer == "lock":
            findings += lock_check.check(manifest, lock, problem=problem)
        elif lock is None:
            skipped[layer] = "there is no lock to compare with"
        else:
            findings += _LOOKS[layer](around, manifest, lock)
    return Report(layers=layers, findings=tuple(findings), skipped=skipped)


def _lock(project: Project) -> tuple[Lock | None, str | None]:
    try:
        return load.lock(project), None
    except NewerLockError:
        raise
    except LockError as error:
        return None, f"{error.message} ({error.where})" if error.where else error.message


def _environment(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    current = around.environments.current()
    groups = current.stamp.groups if current.stamp else manifest.default_groups
    extras = current.stamp.extras if current.stamp else ()
    known = set(lock.pylock.dependency_groups or ()), set(lock.pylock.extras or ())
    here = around.here(manifest)
    try:
        want = wanted(
            around.project,
            lock,
            here,
            groups=tuple(name for name in groups if name in known[0]),
            extras=tuple(name for name in extras if name in known[1]),
        )
    except LockError as error:
        yield environment_check.unserved(error.message, advice=error.hint)
        return
    ours = current.path if current.kind == "ours" else None
    scripts = (
        ours is not None
        and current.stamp is not None
        and around.environments.scripts_differ(ours, want.activation(ours, around.project))
    )
    yield from environment_check.check(
        current,
        want.items,
        around.environments.packages(ours) if ours else {},
        around.environments.problems(ours) if ours and current.stamp else (),
        python=here.interpreter.version,
        stale=scripts or bool(current.stamp and dict(current.stamp.env) != want.env),
    )


def _variables(around: Surroundings, _manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    current = around.environments.current()
    active = bool(current.path) and around.environ.get("VIRTUAL_ENV") in (
        current.path,
        str(around.project.root / ".venv"),
    )
    records = load_all(around.project)
    record = this_machine(records, around.record().machine_id) if records else None
    yield from variables_check.check(lock.env, around.environ, active=active, record=record)


def _machine(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    contract = contracts.from_table(lock.contract)
    yield from machine_check.check(contract, around.record(), manifest.gpu)


def _image(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    from envctl.checks import image as image_check  # noqa: PLC0415  # most calls look elsewhere
    from envctl.usecases import dockerize  # noqa: PLC0415

    yield from image_check.check(**dockerize.evidence(around.project, manifest, lock))


_LOOKS: Mapping[Layer, Callable[[Surroundings, Manifest, Lock], Iterator[Finding]]] = {
    "environment": _environment,
    "variables": _variables,
    "machine": _machine,
    "image": _image,
}
