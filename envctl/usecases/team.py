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
    """Read every saved record (``load_all`` stops at the first that cannot be read)."""
    records: list[Record] = []
    unreadable: list[Unreadable] = []
    for file in project.listing(FOLDER):
        name, dot, extension = file.rpartition(".")
        if not (name and dot and extension == "toml"):
            continue
        try:
            found = _read(project, f"{FOLDER}/{file}")
        except (RecordError, ProjectError) as error:
            unreadable.append(Unreadable(file=file, message=_message(error)))
        else:
            records += [replace(found, name=name)] if found else []
    return Team(records=tuple(records), unreadable=tuple(unreadable))


def _read(project: Project, path: str) -> Record | None:
    text = project.read(path)
    return None if text is None else from_toml_dict(read_toml(text, path, failure=RecordError))


def _message(error: RecordError | ProjectError) -> str:
    return f"{error.message} ({error.where})" if error.where else error.message
