"""A live environment → a manifest of its roots and a lock of its exact versions, with what is not proved said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.domain.captured import Capture, Captured
from envctl.domain.captured_proof import Judged
from envctl.domain.captured_standing import Standing
from envctl.domain.here import Here
from envctl.domain.imported import Additions
from envctl.domain.manifest import Manifest
from envctl.domain.record import Record
from envctl.errors import ManifestError, ProjectError, ResolutionError
from envctl.ports import Catalogue, Engine, Project, Runner, Sdists
from envctl.usecases import init, load
from envctl.usecases.capture_lock import Exactly, added, proofs
from envctl.usecases.capture_manifest import imported
from envctl.usecases.capture_plan import Sorted, sort_out, with_conda
from envctl.usecases.capture_standing import stand
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


def capture(
    project: Project, found: Capture, *, doors: Doors, workspace: Path, group: str | None = None
) -> CaptureOutcome:
    """Find out what becomes of an environment; nothing is written yet, nor is the project locked.

    Raises ``ManifestError``, ``ProjectError``, ``IndexFailure``.
    """
    before = _texts(project)
    old = _manifest(project)
    packages, notes = with_conda(found)
    standings, torch = stand(packages, old.indexes if old else (), doors.catalogue)

    def attempt(name: str) -> CaptureOutcome:
        plan = sort_out(
            packages,
            standings,
            environment=doors.here.environment,
            own=next((each for each in packages if _is_own(each, old, doors.own_folder)), None),
            wanted=_asked(old) if old else frozenset(),
        )
        started = init.plan(
            project,
            interpreter=doors.here.interpreter,
            platform=doors.here.platform,
            record=doors.record,
            extend=doors.extend,
            default_index=doors.default_index,
            source=found.label,
            found=imported(found, plan, torch=torch, notes=notes),
            group=group,
        )
        return _locked(project, found, plan, started, doors, workspace / name)

    outcome = attempt("first")
    strangers = {
        each.package.name: Standing(name=each.package.name, known=True, stranger=True)
        for each in outcome.packages
        if any(doubt.code == "stranger" for doubt in each.doubts)
        if each.package.name not in outcome.sorted.wanted
    }
    if strangers:
        standings = {**standings, **strangers}
        outcome = attempt("second")
    return replace(outcome, before=before)


def carry_out(project: Project, outcome: CaptureOutcome) -> bool:
    """Write manifest, lock and all else as one; ``False``: somebody changed the project meanwhile."""
    if _texts(project) != outcome.before:
        return False
    project.write(outcome.files)
    return True


def _texts(project: Project) -> dict[str, str | None]:
    return {name: project.read(name) for name in (load.MANIFEST, load.LOCK)}


def _locked(
    project: Project,
    found: Capture,
    plan: Sorted,
    started: init.InitPlan,
    doors: Doors,
    workspace: Path,
) -> CaptureOutcome:
    """Make the lock, if there can be one."""
    text = started.files.get(load.MANIFEST) or project.read(load.MANIFEST) or ""
    manifest = load.parsed(text)
    _fits(manifest, found, doors.here)
    bare = CaptureOutcome(capture=found, sorted=plan, plan=started, files=started.files)
    here, catalogue = doors.here, doors.catalogue
    if plan.blocked:
        packages = proofs(plan, None, here, catalogue)
        return replace(bare, packages=packages, blocked=plan.blocked)
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
        packages = proofs(plan, None, here, catalogue)
        return replace(bare, packages=packages, blocked=(error.message,))
    lock = outcome.locks[0].lock
    refused = resolver.refused
    said = f"not all installed versions can be had together: {refused.message}" if refused else ""
    return replace(
        bare,
        files={**started.files, **texts},
        packages=proofs(plan, lock, here, catalogue),
        lock=outcome,
        notes=(said,) if said else (),
        added=added(plan, lock, here),
    )


def _manifest(project: Project) -> Manifest | None:
    text = project.read(load.MANIFEST)
    if text is None:
        return None
    found = load.parsed(text)
    if found.profiles:
        raise ProjectError(
            "this project has profiles, and an environment is one of them at most",
            where="pyproject.toml: tool.envctl.profiles",
            hint="capture it in an empty folder, and take what you need from there",
        )
    return found


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


def _is_own(package: Captured, manifest: Manifest | None, folder: str) -> bool:
    """Whether a package is the project itself, from this folder."""
    return package.origin.local and (
        package.origin.url == folder
        or package.name == canonicalize_name((manifest and manifest.name) or "")
    )


def _asked(manifest: Manifest) -> frozenset[str]:
    sets = (manifest.dependencies, *manifest.extras.values(), *manifest.groups.values())
    return frozenset(canonicalize_name(Requirement(text).name) for texts in sets for text in texts)
