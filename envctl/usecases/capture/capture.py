"""A live environment → a manifest of its roots and a lock of its exact versions, with what is not proved said."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.domain.captured.packages import Capture, Captured
from envctl.domain.captured.standing import Standing
from envctl.domain.manifest import Manifest
from envctl.errors import ProjectError
from envctl.ports import Project
from envctl.usecases import load
from envctl.usecases.capture.attempt import CaptureOutcome, Case, Doors, attempt
from envctl.usecases.capture.plan import guards, with_conda
from envctl.usecases.capture.standing import stand


def capture(
    project: Project, found: Capture, *, doors: Doors, workspace: Path, group: str | None = None
) -> CaptureOutcome:
    """Find out what becomes of an environment; nothing is written yet, nor is the project locked.

    Raises ``ManifestError``, ``ProjectError``, ``IndexFailure``.
    """
    before = _texts(project)
    old = _manifest(project)
    packages, notes = with_conda(found)
    standings, torch = stand(packages, old.indexes, doors.catalogue)
    case = Case(
        project=project,
        capture=found,
        packages=packages,
        own=next((each for each in packages if _is_own(each, old, doors.own_folder)), None),
        asked=_asked(old),
        allowed=_asked(old) | _constrained(old, packages),
        torch=torch,
        notes=notes,
        doors=doors,
        group=group,
    )
    standings |= _strangers(each.name for each in packages if _barred(each, old))
    outcome = attempt(case, standings, workspace / "first")
    # Only the files tell whose package it is, and those are known when there is a lock.
    if strangers := _strangers(outcome.strangers - case.asked):
        outcome = attempt(case, standings | strangers, workspace / "second")
    return replace(outcome, before=before)


def carry_out(project: Project, outcome: CaptureOutcome) -> tuple[str, ...] | None:
    """Write manifest, lock and all else as one; return what changed. ``None``: somebody else changed the project."""
    if _texts(project) != outcome.before:
        return None
    return project.write(outcome.files)


def _texts(project: Project) -> dict[str, str | None]:
    return {name: project.read(name) for name in (load.MANIFEST, load.LOCK)}


def _manifest(project: Project) -> Manifest:
    text = project.read(load.MANIFEST)
    if text is None:
        return Manifest()
    found = load.parsed(text)
    if found.profiles:
        raise ProjectError(
            "this project has profiles, and an environment is one of them at most",
            where="pyproject.toml: tool.envctl.profiles",
            hint="capture it in an empty folder, and take what you need from there",
        )
    return found


def _is_own(package: Captured, manifest: Manifest, folder: str) -> bool:
    """Whether a package is the project itself, from this folder."""
    return package.origin.local and (
        package.origin.url == folder or package.name == canonicalize_name(manifest.name or "")
    )


def _asked(manifest: Manifest) -> frozenset[str]:
    sets = (manifest.dependencies, *manifest.extras.values(), *manifest.groups.values())
    return frozenset(canonicalize_name(Requirement(text).name) for texts in sets for text in texts)


def _barred(package: Captured, manifest: Manifest) -> bool:
    """Whether an earlier capture found that the index has a stranger's package of that name and version."""
    return guards(package)[1] in manifest.constraints


def _strangers(names: Iterable[str]) -> dict[str, Standing]:
    return {name: Standing(name=name, known=True, stranger=True) for name in names}


def _constrained(manifest: Manifest, packages: Iterable[Captured]) -> frozenset[str]:
    """Return the names that a constraint of somebody's own names, and not one that an earlier capture wrote."""
    ours = {text for each in packages for text in guards(each)}
    theirs = [text for text in manifest.constraints if text not in ours]
    return frozenset(canonicalize_name(Requirement(text).name) for text in theirs)
