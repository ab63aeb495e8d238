"""New requirements: into the manifest and the locks, or nowhere."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envctl.domain.lock import inputs_of
from envctl.domain.lock.markers import spelled
from envctl.domain.lock.table import lock_table
from envctl.domain.manifest import Manifest
from envctl.domain.profile import variant
from envctl.emitters import pylock
from envctl.errors import UsageError
from envctl.ports import Editor, Project
from envctl.usecases import load
from envctl.usecases.editing import (
    Edit,
    Edited,
    Make,
    Target,
    requirements_at,
    text_of,
    writable,
    write,
)
from envctl.usecases.lock_outcome import Locked, LockOutcome

Bounds = Literal["lower", "exact", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Wanted:
    """One requirement as it was typed, and what it becomes in the manifest; ``old``: the line that it replaces."""

    requirement: Requirement
    text: str
    old: Requirement | None = None

    @property
    def unbounded(self) -> bool:
        """Whether nothing says which versions: then the one that is found does."""
        return self.old is None and not (self.requirement.specifier or self.requirement.url)


def add(
    project: Project,
    manifest: Manifest,
    texts: Sequence[str],
    *,
    where: Target,
    bounds: Bounds,
    editor: Editor,
    make: Make,
) -> Edited:
    """Put requirements into one list of the manifest, and lock; nothing is written unless that resolves.

    One of a name and marker that is there already is replaced; a bare name leaves it as it is. A new one without a
    version gets the one that was found as its bound. Raises ``UsageError``, ``ManifestError``, ``ResolutionError``,
    ``ProjectError``.
    """
    before = text_of(project)
    writable(before, where)
    there = requirements_at(before, where)
    wanted = [_wanted(text, there, manifest, where) for text in dict.fromkeys(texts)]
    text = _edited(before, wanted, where, editor)
    outcome, files = make(load.parsed(text))
    bounded = [_bounded(each, bounds, outcome, where) for each in wanted]
    if bounded != wanted:
        text = _edited(text, bounded, where, editor)
        outcome, files = _rebound(outcome, files, load.parsed(text))
    write(project, before, text, outcome, files)
    return Edited(
        edits=tuple(_edit(each, where) for each in bounded if each.text != str(each.old)),
        outcome=outcome,
        notes=tuple(_notes(bounded, outcome, where)),
    )


def _wanted(text: str, there: Iterable[Requirement], manifest: Manifest, where: Target) -> _Wanted:
    found = _requirement(text)
    name = canonicalize_name(found.name)
    if (
        manifest.name
        and name == canonicalize_name(manifest.name)
        and not (found.extras and where.kind in ("extra", "group"))
    ):
        raise UsageError(
            f"`{found.name}` is the project itself",
            where="envctl add",
            hint="name one of the packages that it needs",
        )
    old = next(
        (r for r in there if canonicalize_name(r.name) == name and r.marker == found.marker), None
    )
    if old is None or found.specifier or found.url:
        return _Wanted(requirement=found, text=text.strip(), old=old)
    if found.extras <= old.extras:
        return _Wanted(requirement=old, text=str(old), old=old)
    joined = _with_extras(old, found.extras | old.extras)
    return _Wanted(requirement=joined, text=_composed(joined, str(old.specifier)), old=old)


def _with_extras(requirement: Requirement, extras: Collection[str]) -> Requirement:
    copy = Requirement(str(requirement))
    copy.extras = set(extras)
    return copy


def _requirement(text: str) -> Requirement:
    try:
        found = Requirement(text)
    except InvalidRequirement as error:
        raise UsageError(
            f"`{text}` is not a requirement: {str(error).splitlines()[0]}",
            where="envctl add",
            hint="write it as PEP 508 has it, for example `envctl add 'numpy>=2'`",
        ) from error
    limits = _short(found.url or "")
    if limits is not None:
        bare = Requirement(text)
        bare.url = None
        raise UsageError(
            f"`{text}` names an address after its `@`, not a version",
            where="envctl add",
            hint=f"write `{_composed(bare, limits)}`; a folder of that name is `./{found.url}`",
        )
    return found


def _short(url: str) -> str | None:
    """Return what uv's ``name@8`` or ``name@latest`` means in PEP 508; ``None``: it is an address."""
    try:
        return "" if url == "latest" else f"=={Version(url)}"
    except InvalidVersion:
        return None


def _edited(text: str, wanted: Iterable[_Wanted], where: Target, editor: Editor) -> str:
    for each in wanted:
        if each.text != str(each.old):
            text = editor.with_requirement(text, where.path, each.text)
    return text


def _bounded(wanted: _Wanted, bounds: Bounds, outcome: LockOutcome, where: Target) -> _Wanted:
    """Give a bare name the version that was found as its bound; the lowest, where platforms differ."""
    versions = _versions(wanted, outcome, where) if wanted.unbounded else set()
    if bounds == "none" or not versions:
        return wanted
    sign = "==" if bounds == "exact" and len(versions) == 1 else ">="
    text = _composed(wanted.requirement, f"{sign}{min(versions).public}")
    return replace(wanted, text=text)


def _versions(wanted: _Wanted, outcome: LockOutcome, where: Target) -> set[Version]:
    name = canonicalize_name(wanted.requirement.name)
    return {
        Version(package.version.public)
        for each in outcome.locks
        if where.kind != "profile" or each.profile == where.name
        for package in each.lock.pylock.packages
        if package.name == name and package.version is not None
    }


def _composed(requirement: Requirement, limits: str) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    place = f" @ {requirement.url}" if requirement.url else limits
    marker = f"; {spelled(requirement.marker)}" if requirement.marker else ""
    gap = " " if requirement.url and marker else ""  # else the marker would belong to the address
    return f"{requirement.name}{extras}{place}{gap}{marker}"


def _rebound(
    outcome: LockOutcome, files: Mapping[str, str], manifest: Manifest
) -> tuple[LockOutcome, Mapping[str, str]]:
    """Let the locks say that they answer the manifest with its bounds: what was found is within them."""
    locks: list[Locked] = []
    texts = dict(files)
    for each in outcome.locks:
        lock = replace(each.lock, inputs=inputs_of(variant(manifest, each.profile)))
        texts[each.file] = pylock.emit(lock_table(lock))
        locks.append(replace(each, lock=lock, written=True))
    return replace(outcome, locks=tuple(locks)), texts


def _edit(wanted: _Wanted, where: Target) -> Edit:
    old = None if wanted.old is None else str(wanted.old)
    return Edit(key=where.key, old=old, new=wanted.text)


def _notes(wanted: Iterable[_Wanted], outcome: LockOutcome, where: Target) -> Iterable[str]:
    for each in wanted:
        if each.old is not None and each.text == str(each.old):
            yield f"`{each.text}` is there already ({where.key})"
        elif not _versions(each, outcome, where) and not each.requirement.url:
            yield f"`{each.text}` holds on no declared platform: it is not in the lock"
