"""Compare two things that results rest on: whatever they are, in the same words."""

import re
from dataclasses import replace

from packaging.utils import canonicalize_name

from envctl.domain.difference import Comparison
from envctl.domain.difference.comparing import compare
from envctl.domain.difference.side import WORDS, Kind, Side, comparable
from envctl.domain.nearest import nearest
from envctl.domain.record.side import side_of as side_of_record
from envctl.domain.runs import difference as run_difference
from envctl.errors import DescriptionError
from envctl.readers.addresses import redacted
from envctl.usecases.diff import files, images, locks, places, revisions
from envctl.usecases.diff.found import Doors, Found
from envctl.usecases.record import FOLDER

_REVISION = re.compile(r"^[^:/]*[~^@][^/]*")  # gitrevisions(7)
_REMEDIES: dict[frozenset[Kind], str] = {
    frozenset(
        ("lock", "record")
    ): "`envctl verify --only fleet` says which recorded machines can run the lock",
    frozenset(
        ("environment", "record")
    ): "`envctl verify --only machine,fleet` says what can run where",
    frozenset(
        ("image", "record")
    ): "`envctl verify --only fleet` says which recorded machines can run the lock",
}


def diff(doors: Doors, a: str | None = None, b: str | None = None) -> Comparison:
    """Compare two things by their names; without names the last commit with the project's locks as they are.

    With one: a record with this machine, anything else with the project's locks; ``A..B`` and ``A...B`` are two.
    Raises ``DescriptionError`` for a name that is nobody's and for two of which one has nothing of the other.
    """
    if a is not None and b is None and (both := revisions.pair(doors, a)):
        a, b = both
    one = _read(doors, a or "HEAD")
    two = _read(doors, b) if b is not None else _here(doors, one.kind)
    if one.run and two.run:
        found = run_difference.compare(one.run, two.run)
        return replace(found, a=one.name, b=two.name)
    found = _compared(doors, one, two)
    return Comparison(
        differences=tuple(each.freed(redacted) for each in found.differences),
        remarks=tuple(map(redacted, found.remarks)),
        a=one.name,
        b=two.name,
    )


def _compared(doors: Doors, one: Found, two: Found) -> Comparison:
    if not comparable(one.kind, two.kind):
        raise DescriptionError(
            f"{WORDS[one.kind]} and {WORDS[two.kind]} have nothing that could be compared",
            where=f"{one.name}, {two.name}",
            hint=_REMEDIES.get(
                frozenset((one.kind, two.kind)), "name two that hold packages, or two machines"
            ),
        )
    if one.locks and two.locks:
        return locks.compare(one, two)
    return compare(_side(doors, one, two), _side(doors, two, one))


def _side(doors: Doors, found: Found, other: Found) -> Side:
    side, manifest = found.side or locks.as_side(found, other, doors), doors.manifest()
    own = [canonicalize_name(manifest.name)] if manifest and manifest.name else []
    return replace(side, aside=side.aside.union(own))


def _here(doors: Doors, kind: Kind) -> Found:
    """Return what is compared with where only one thing is named."""
    if kind == "record":
        return Found(
            kind="record", name="this machine", side=side_of_record(doors.record(), "this machine")
        )
    project = doors.project()
    if project is None:
        raise DescriptionError(
            "there is nothing to compare it with: you are in no project",
            where="envctl diff",
            hint="name two things, or go to the project's folder",
        )
    return places.locks(project, "the project's locks")


def _read(doors: Doors, word: str) -> Found:
    """Find what a word means: a path before a record, that before a revision, and that before an image."""
    if not word:
        raise DescriptionError(
            "an empty name names nothing", where='""', hint="name it, or leave it out"
        )
    kind = doors.place(word)
    if kind == "environment":
        return places.environment(doors, word, word)
    if kind == "project":
        return places.project(doors, word)
    project = doors.project()
    path = f"{FOLDER}/{word}.toml"
    saved = project.read(path) if project and "/" not in word else None
    text = None if kind == "folder" else doors.given(word)
    if text is not None:
        return files.read(text, word)
    if saved is not None:
        return files.read(saved, path, f"{word}, a saved record")
    found = (
        revisions.file(doors, word) or revisions.revision(doors, word) or images.image(doors, word)
    )
    if found is None:
        doors.given(word)  # says what a folder is missing
        raise _unknown(doors, word)
    return found


def _unknown(doors: Doors, word: str) -> DescriptionError:
    project = doors.project()
    names = [name.removesuffix(".toml") for name in project.listing(FOLDER)] if project else []
    names += (
        [name for name in project.listing(".") if files.LOCK_NAME.fullmatch(name)]
        if project
        else []
    )
    close = nearest(word, names)
    if close:
        hint = f"did you mean `{close}`?"
    elif word == "HEAD" or _REVISION.search(word):
        hint = revisions.unknown(doors)
    else:
        hint = (
            "name a lock, `HEAD~1`, `.venv`, a machine's name, an image with its tag, "
            "or a file that `envctl run` or `envctl describe --json` wrote"
        )
    return DescriptionError(
        "there is no such file, environment, saved record, git revision or image",
        where=word,
        hint=hint,
    )
