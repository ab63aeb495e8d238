"""Requirements out of the manifest and out of the locks, or neither."""

from collections.abc import Iterator, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.domain.manifest import Manifest
from envctl.domain.nearest import listed, meant
from envctl.errors import UsageError
from envctl.ports import Editor, Project
from envctl.usecases import load
from envctl.usecases.editing import Edit, Edited, Make, Target, requirements_at, text_of, write
from envctl.usecases.lock_outcome import LockOutcome


def remove(
    project: Project,
    manifest: Manifest,
    names: Sequence[str],
    *,
    where: Target,
    editor: Editor,
    make: Make,
) -> Edited:
    """Take every line of these names out of one list of the manifest, and lock.

    Nothing is written unless that resolves. Raises ``UsageError`` for a name that is not in the list, with the nearest
    that is; ``ResolutionError``, ``ProjectError``.
    """
    before = text_of(project)
    text = before
    edits: list[Edit] = []
    for name in dict.fromkeys(_name(each) for each in names):
        lines = [r for r in requirements_at(text, where) if canonicalize_name(r.name) == name]
        shorter = editor.without_requirement(text, where.path, name)
        if shorter is None:
            raise _absent(name, before, manifest, where)
        text = shorter
        edits += [Edit(key=where.key, old=str(line), new=None) for line in lines]
    outcome, files = make(load.parsed(text))
    write(project, before, text, outcome, files)
    return Edited(edits=tuple(edits), outcome=outcome, notes=tuple(_staying(edits, outcome)))


def _name(text: str) -> str:
    try:
        found = Requirement(text)
    except InvalidRequirement:
        found = None
    if found is None or found.specifier or found.url or found.marker or found.extras:
        raise UsageError(
            f"`{text}` is not the name of a package",
            where="envctl remove",
            hint="name what is to go, for example `envctl remove numpy`",
        )
    return canonicalize_name(found.name)


def _absent(name: str, text: str, manifest: Manifest, where: Target) -> UsageError:
    """Say where a package is instead, or what there is that is called almost so."""
    for other in _targets(manifest):
        if other.key != where.key and name in _names(text, other):
            hint = f"it is in {other.key}: `envctl remove {other.option}{name}`"
            break
    else:
        names = sorted(_names(text, where))
        hint = meant(name, names, otherwise=f"there is: {listed(names) if names else 'nothing'}")
    return UsageError(f"there is no `{name}` in {where.key}", where=load.MANIFEST, hint=hint)


def _targets(manifest: Manifest) -> Iterator[Target]:
    yield Target()
    yield from (Target(kind="extra", name=name) for name in manifest.extras)
    yield from (Target(kind="group", name=name) for name in manifest.groups)
    yield from (Target(kind="profile", name=name) for name in manifest.profiles)


def _names(text: str, where: Target) -> list[str]:
    return [canonicalize_name(each.name) for each in requirements_at(text, where)]


def _staying(edits: Sequence[Edit], outcome: LockOutcome) -> Iterator[str]:
    """Say which of the packages are still locked: something else needs them."""
    names = dict.fromkeys(canonicalize_name(Requirement(str(e.old)).name) for e in edits)
    for name in names:
        files = [
            each.file
            for each in outcome.locks
            if any(package.name == name for package in each.lock.pylock.packages)
        ]
        if files:
            yield f"`{name}` stays in {', '.join(files)}: something else needs it"
