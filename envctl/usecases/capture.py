"""A live environment → a manifest of its roots and a lock of its exact versions, with what is not proved said."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.domain import torch_builds
from envctl.domain.captured import Capture, Captured
from envctl.domain.captured_proof import Judged
from envctl.domain.captured_standing import Standing, of_torch, standing
from envctl.domain.here import Here
from envctl.domain.imported import Additions
from envctl.domain.manifest import Index, Manifest
from envctl.domain.record import Record
from envctl.errors import ManifestError, ProjectError, ResolutionError
from envctl.ports import Catalogue, Engine, Project, Runner, Sdists
from envctl.usecases import init, load
from envctl.usecases.capture_lock import Exactly, added, proofs
from envctl.usecases.capture_manifest import imported
from envctl.usecases.capture_plan import Sorted, is_known, sort_out, with_conda
from envctl.usecases.lock import LockOutcome, Wish, made


@dataclass(frozen=True, kw_only=True, slots=True)
class CaptureOutcome:
    """What came of an environment. ``lock`` is ``None`` where none could be made: ``blocked`` says why, in sentences.

    ``plan``: the manifest and all else that ``init`` does. ``added``: what the lock has and the environment lacks.
    """

    capture: Capture
    sorted: Sorted
    plan: init.InitPlan
    files: Mapping[str, str]
    packages: tuple[Judged, ...]
    lock: LockOutcome | None = None
    blocked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    added: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """What a capture reaches the world through; ``engine`` opens a resolver by its name."""

    catalogue: Catalogue
    engine: Callable[[str], Engine]
    run: Runner
    sdists: Sdists
    extend: Callable[[str, Additions], str]


def capture(
    project: Project,
    found: Capture,
    *,
    doors: Doors,
    here: Here,
    record: Record,
    workspace: Path,
    own_folder: str,
    default_index: str | None = None,
    group: str | None = None,
) -> CaptureOutcome:
    """Carry it out: manifest, lock and all else are written as one, or nothing is.

    ``here``: this machine as the environment's Python sees it. ``own_folder``: the project's real path, under which it
    may be installed editable. Raises ``ManifestError``, ``ProjectError``, ``IndexFailure``.
    """
    old = _manifest(project)
    packages, notes = with_conda(found)
    own = next((each for each in packages if _is_own(each, old, own_folder)), None)
    standings, torch = _standings(packages, old, doors.catalogue)
    plan = sort_out(
        packages,
        standings,
        environment=here.environment,
        own=own,
        wanted=_asked(old) if old else frozenset(),
    )
    started = init.plan(
        project,
        interpreter=here.interpreter,
        platform=here.platform,
        record=record,
        extend=doors.extend,
        default_index=default_index,
        source=found.label,
        found=imported(found, plan, torch=torch, notes=notes),
        group=group,
    )
    text = started.files.get(load.MANIFEST) or project.read(load.MANIFEST) or ""
    outcome = _locked(project, load.parsed(text), found, plan, started, doors, here, workspace)
    project.write(outcome.files)
    return outcome


def _locked(
    project: Project,
    manifest: Manifest,
    found: Capture,
    plan: Sorted,
    started: init.InitPlan,
    doors: Doors,
    here: Here,
    workspace: Path,
) -> CaptureOutcome:
    """Make the lock, if there can be one."""
    _fits(manifest, found, here)
    bare = CaptureOutcome(
        capture=found, sorted=plan, plan=started, files=started.files, packages=()
    )
    if plan.blocked:
        packages = proofs(plan, None, here, doors.catalogue)
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
        outcome, texts = made(
            project, manifest, resolver, lambda: here.interpreter, Wish(upgrade=())
        )
    except ResolutionError as error:
        packages = proofs(plan, None, here, doors.catalogue)
        return replace(bare, packages=packages, blocked=(error.message,))
    lock = outcome.locks[0].lock
    refused = resolver.refused
    said = (
        (f"not all installed versions can be had together: {refused.message}",) if refused else ()
    )
    return replace(
        bare,
        files={**started.files, **texts},
        packages=proofs(plan, lock, here, doors.catalogue),
        lock=outcome,
        notes=said,
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


def _standings(
    packages: tuple[Captured, ...], old: Manifest | None, catalogue: Catalogue
) -> tuple[dict[str, Standing], dict[str, tuple[str, ...]]]:
    """Ask the indexes for every package that may come from one, torch's own among them where that is needed."""
    indexes = old.indexes if old else ()
    asked = {
        each.name: each
        for each in packages
        if not (each.origin.local or each.origin.kind in ("vcs", "archive"))
    }
    found = _stand(asked, catalogue, indexes)
    if indexes:
        return found, {}  # what a manifest names is all that there is
    torch = of_torch(
        each
        for name, each in asked.items()
        if not found[name].exact and each.origin.kind == "index"
    )
    own = tuple(
        Index(name=f"pytorch-{build}", url=torch_builds.index_url(build), packages=names)
        for build, names in torch.items()
    )
    special = {name: asked[name] for names in torch.values() for name in names}
    return found | (_stand(special, catalogue, own) if special else {}), torch


def _stand(
    packages: Mapping[str, Captured], catalogue: Catalogue, indexes: tuple[Index, ...]
) -> dict[str, Standing]:
    offers = catalogue.versions(packages.keys(), indexes)
    return {
        name: standing(each, offers.get(name, {}), sure=is_known(each))
        for name, each in packages.items()
    }


def _is_own(package: Captured, manifest: Manifest | None, folder: str) -> bool:
    """Whether a package is the project itself, from this folder."""
    return package.origin.local and (
        package.origin.url == folder
        or package.name == canonicalize_name((manifest and manifest.name) or "")
    )


def _asked(manifest: Manifest) -> frozenset[str]:
    sets = (manifest.dependencies, *manifest.extras.values(), *manifest.groups.values())
    return frozenset(canonicalize_name(Requirement(text).name) for texts in sets for text in texts)
