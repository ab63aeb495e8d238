"""Read the team's machines, each for itself: one record that cannot be read hides no other."""

from dataclasses import replace

from envctl.domain.record import Record
from envctl.domain.record.reading import from_toml_dict
from envctl.domain.record.team import Team, Unreadable
from envctl.errors import ProjectError, RecordError
from envctl.ports import Project
from envctl.readers.toml import read_toml
from envctl.usecases.record import FOLDER


def team(project: Project) -> Team:
    """Read every saved record (``load_all`` stops at the first that cannot be read).

    Whatever is called like a record is one, be it a link that leads nowhere: a machine must not get lost in silence.
    """
    records: list[Record] = []
    unreadable: list[Unreadable] = []
    try:
        files = project.entries(FOLDER)
    except ProjectError as error:
        return Team(records=(), unreadable=(Unreadable(file="", message=_message(error)),))
    for file in files:
        name, _, extension = file.rpartition(".")
        if not name or file.startswith(".") or extension.lower() != "toml":
            continue
        try:
            found = _read(project, f"{FOLDER}/{file}")
        except (RecordError, ProjectError) as error:
            unreadable.append(Unreadable(file=file, message=_message(error)))
        else:
            records.append(replace(found, name=name))
    return Team(records=tuple(records), unreadable=tuple(unreadable))


def _read(project: Project, path: str) -> Record:
    text = project.read(path)
    if text is None:
        raise RecordError(
            "there is no such file: a link leads nowhere",
            where=path,
            hint="correct the link, or save the record again on that machine",
        )
    return from_toml_dict(read_toml(text, path, failure=RecordError))


def _message(error: RecordError | ProjectError) -> str:
    return f"{error.message} ({error.where})" if error.where else error.message
