"""What the tests of the import readers share: a reader over a dict of files, and what it found as plain text."""

from pathlib import Path

from envctl.domain.imported import Entry, Imported
from envctl.readers.projects import read_project

ASSETS = Path(__file__).parents[2] / "assets" / "projects"


def read(name: str, text: str, **files: str) -> Imported:
    """Read ``text`` as the file ``name``; keywords are other files, ``__`` for a dot and ``_of_`` for a slash."""
    tree = {key.replace("_of_", "/").replace("__", "."): each for key, each in files.items()}
    return read_project(name, {**tree, name: text}.get)


def texts(entries: tuple[Entry, ...]) -> list[str]:
    return [entry.text for entry in entries if entry.text]


def required(found: Imported) -> list[str]:
    return texts(found.requirements)


def sections(found: Imported) -> dict[str, list[str]]:
    return {f"{each.kind} {each.name}": texts(each.entries) for each in found.sections}


def said(found: Imported) -> str:
    return "\n".join(f"{note.where} {note.message}" for note in found.notes)


def comments(found: Imported) -> str:
    return "\n".join(line for entry in found.requirements for line in (*entry.above, entry.comment))
