"""One attempt at a captured environment: with what is known so far of its packages, a manifest and a lock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from envctl.domain.captured.packages import Capture, Captured
from envctl.domain.captured.proof import Judged
from envctl.domain.captured.standing import Standing
from envctl.domain.environment.here import Here
from envctl.domain.imported import Additions
from envctl.domain.manifest import Manifest
from envctl.domain.record import Record
from envctl.errors import ManifestError, ResolutionError
from envctl.ports import Catalogue, Engine, Project, Runner, Sdists
from envctl.usecases import init, load
from envctl.usecases.capture.lock import Exactly, added, proofs
from envctl.usecases.capture.manifest import imported
from envctl.usecases.capture.plan import Sorted, sort_out
from envctl.usecases.lock import Wish, made
from envctl.usecases.lock_outcome import LockOutcome


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureOutcome:
    """What came of an environment. ``lock`` is ``None`` where none could be made: ``blocked`` says why, in sentences.

    ``plan``: the manifest and all else that ``init`` does. ``files``: what is to be written, where those of ``before``
    are still as they were. ``added``: what the lock has and the environment lacks.
    """

    capture: Capture
    sorted: Sorted
    plan: init.InitPlan
    files: Mapping[str, str]
    before: Mapping[str, str | None] = field(default_factory=dict)
    packages: tuple[Judged, ...] = ()
    lock: LockOutcome | None = None
    blocked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    added: Mapping[str, str] = field(default_factory=dict)

    @property
    def strangers(self) -> frozenset[str]:
        """The packages of which an index has another project's of the same name and version."""
        doubts = (
            (each.package.name, doubt.code) for each in self.packages for doubt in each.doubts
        )
        return frozenset(name for name, code in doubts if code == "stranger")


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """What a capture needs of the world. ``here``: this machine as the environment's Python sees it.

    ``engine`` opens a resolver by its name. ``own_folder``: the project's real path, under which it may be installed
    editable. ``default_index``: the resolvers' own.
    """

    catalogue: Catalogue
    engine: Callable[[str], Engine]
    run: Runner
    sdists: Sdists
    extend: Callable[[str, Additions], str]
    here: Here
    record: Record
    own_folder: str
    default_index: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """An environment and the project that it comes to.

    ``packages``: all of it, conda's own among them. ``own``: the project itself. ``asked`` and ``allowed``: see
    ``sort_out``. ``torch``: the builds whose index is to be added. ``notes``: what is known before anything is tried.
    """

    project: Project
    capture: Capture
    packages: tuple[Captured, ...]
    own: Captured | None
    asked: frozenset[str]
    allowed: frozenset[str]
    torch: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]
    doors: Doors
    group: str | None = None


def attempt(case: Case, standings: Mapping[str, Standing], workspace: Path) -> CaptureOutcome:
    """Find out what becomes of it; raises ``ManifestError``, ``ProjectError``, ``IndexFailure``."""
    doors = case.doors
    plan = sort_out(
        case.packages,
        standings,
        environment=doors.here.environment,
        own=case.own,
        asked=case.asked,
        allowed=case.allowed,
    )
    started = init.plan(
        case.project,
        interpreter=doors.here.interpreter,
        platform=doors.here.platform,
        record=doors.record,
        extend=doors.extend,
        default_index=doors.default_index,
        source=case.capture.label,
        found=imported(case.capture, plan, torch=case.torch, notes=case.notes),
        group=case.group,
    )
    text = started.files.get(load.MANIFEST) or case.project.read(load.MANIFEST) or ""
    manifest = load.parsed(text)
    _fits(manifest, case.capture, doors.here)
    bare = CaptureOutcome(capture=case.capture, sorted=plan, plan=started, files=started.files)
    if plan.blocked:
        return _without_lock(bare, doors, plan.blocked)
    return _locked(case.project, manifest, bare, doors, workspace)


def _locked(
    project: Project, manifest: Manifest, bare: CaptureOutcome, doors: Doors, workspace: Path
) -> CaptureOutcome:
    plan, here = bare.sorted, doors.here
    resolver = Exactly(
        doors.engine(manifest.resolver),
        doors.run,
        workspace,
        doors.sdists,
        plan=plan,
        platform=here.platform,
    )
    try:
        wish = Wish(upgrade=())
        outcome, texts = made(project, manifest, resolver, lambda: here.interpreter, wish)
    except ResolutionError as error:
        return _without_lock(bare, doors, (str(error),))
    lock = outcome.locks[0].lock
    refused = resolver.refused
    said = f"not all installed versions can be had together: {refused}" if refused else ""
    return replace(
        bare,
        files={**bare.files, **texts},
        packages=proofs(plan, lock, here, doors.catalogue),
        lock=outcome,
        notes=(said,) if said else (),
        added=added(plan, lock, here),
    )


def _without_lock(bare: CaptureOutcome, doors: Doors, why: tuple[str, ...]) -> CaptureOutcome:
    packages = proofs(bare.sorted, None, doors.here, doors.catalogue)
    return replace(bare, packages=packages, blocked=why)


def _fits(manifest: Manifest, found: Capture, here: Here) -> None:
    """Refuse a manifest whose lock would be for another Python, or not for this machine."""
    python = manifest.python or ""
    if ".".join(python.split(".")[:2]) != found.minor:
        raise ManifestError(
            f"the environment has Python {found.python}, and this project asks for {python}",
            where="pyproject.toml: tool.envctl.python",
            hint="change that key, or capture the environment in an empty folder",
        )
    name = here.platform.name
    if manifest.platforms and not any(each.name.startswith(name) for each in manifest.platforms):
        raise ManifestError(
            f"the environment is one for {name}, which this project does not lock for",
            where="pyproject.toml: tool.envctl.platforms",
            hint=f"add {name} there",
        )
