"""Personal configuration that a user may believe to count, and that does not."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from envctl.domain.checkup import settings
from envctl.domain.checkup.settings import MEND, SettingsFile, Topic
from envctl.domain.diagnosis import Diagnosis
from envctl.readers.toml import read_toml
from envctl.readers.uv_settings import read_uv_settings
from envctl.usecases import load
from envctl.usecases.doctoring.subject import Subject

_NAME = "settings"


def look(subject: Subject) -> Iterator[Diagnosis]:
    """Compare what is set with what is taken; values are never shown."""
    taken = settings.taken(subject.environ)
    if taken:
        message = f"taken, because they say how a place is reached: {_listed(taken)}"
        yield Diagnosis(check=_NAME, state="ok", message=message)
    nothing = True
    for each in chain(_variables(subject), _files(subject), _of_uv(subject)):
        nothing = False
        yield each
    if nothing:
        message = "no other setting of pip or uv that could be mistaken for the project's"
        yield Diagnosis(check=_NAME, state="ok", message=message)


def _variables(subject: Subject) -> Iterator[Diagnosis]:
    """Name the variables that change nothing here; those without a topic would change nothing anyway."""
    for about, names in settings.by_topic(settings.dropped(subject.environ)).items():
        if about is not None:
            yield _unheard(about, f"{_listed(names)} in your environment", names, variables=True)


def _files(subject: Subject) -> Iterator[Diagnosis]:
    project = subject.project()
    for file in subject.checkup.settings(project.root if project else None):
        if file.problem:
            message = f"{file.path}: {file.problem}; {file.tool} itself stumbles over it"
            yield Diagnosis(check=_NAME, state="warn", message=message, mend=f"correct {file.path}")
            continue
        yield from _file(file, subject.environ)


def _file(file: SettingsFile, environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    unsaid = (key for key in file.keys if not settings.said_otherwise(key, environ))
    pairs = ((settings.topic(key), key) for key in unsaid)
    for about, names in settings.by_topic(pairs).items():
        if about is not None:
            yield _unheard(about, f"{_listed(names)} in {file.path}", names)


def _unheard(
    about: Topic, what: str, names: tuple[str, ...], *, variables: bool = False
) -> Diagnosis:
    """Say that a setting is not honoured, and where its like is said."""
    verb = "are" if len(names) > 1 else "is"
    mend = MEND[about]
    if variables:
        mend += f"; `unset {' '.join(names)}` if nothing else needs {'them' if len(names) > 1 else 'it'}"
    return Diagnosis(
        check=_NAME, state="warn", message=f"not honoured: {what} {verb} not read", mend=mend
    )


def _of_uv(subject: Subject) -> Iterator[Diagnosis]:
    """Look at ``[tool.uv]`` of the manifest: `init` takes it over, no other command reads it."""
    project, manifest = subject.project(), subject.manifest()
    text = project.read(load.MANIFEST) if project else None
    if manifest is None or text is None:
        return
    found = read_uv_settings(read_toml(text, load.MANIFEST))
    known = {index.url.rstrip("/") for index in manifest.indexes}
    lost = [index for index in found.indexes if index.url.rstrip("/") not in known]
    if lost:
        number = "an index" if len(lost) == 1 else f"{len(lost)} indexes"
        yield Diagnosis(
            check=_NAME,
            state="warn",
            message=f"not honoured: {number} of [tool.uv] that [[tool.envctl.index]] does not name",
            mend="`envctl init` takes them over",
        )
    others = [note.where for note in found.notes if "does not honour" in note.message]
    if others:
        yield Diagnosis(
            check=_NAME,
            state="warn",
            message=f"not honoured: {_listed(others)} in pyproject.toml",
            mend="say it in [tool.envctl], or in the requirement itself (`name @ address`)",
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
