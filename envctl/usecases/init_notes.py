"""What a person must know of the folder that ``init`` was started in."""

from collections.abc import Iterator

from envctl.domain import reading
from envctl.domain.imported import Note
from envctl.domain.platforms import Platform
from envctl.usecases.init_folder import MANIFEST, REQUIREMENTS, Folder


def folder_notes(folder: Folder) -> tuple[Note, ...]:
    """Return a note for each file and table of another tool, and for what the project leaves to its build."""
    return tuple(_folder_notes(folder))


def _folder_notes(folder: Folder) -> Iterator[Note]:
    for file in folder.unread:
        if said := _why_unread(file, folder):
            yield Note(where=file, message=said)
    for where, source in folder.others:
        said = f"not read: `envctl init --from {source}` imports what it asks for"
        yield Note(where=where, message=said)
    if folder.dynamic and not folder.source:
        said = "list the dependencies in project.dependencies: a lock needs to know them"
        yield Note(where=f"{MANIFEST}: project.dynamic", message=said)
    if folder.packaged and not folder.source and not folder.others:
        said = "its dependencies are not read: list them in [project] or in a dependency group"
        yield Note(where=f"{MANIFEST}: build-system", message=said)


def _why_unread(file: str, folder: Folder) -> str | None:
    if file.endswith(".lock") or (file == REQUIREMENTS and folder.origin):
        return None if folder.locked else "the first `envctl lock` keeps its versions where it can"
    if folder.source:
        return None
    if file == REQUIREMENTS:
        return f"not read: {MANIFEST} says already what the project depends on"
    into = " --group NAME" if file.startswith("requirements") else ""
    return f"not read: `envctl init --from {file}{into}` imports it"


def platform_notes(own: reading.Table, platform: Platform) -> tuple[Note, ...]:
    """Return a note when the lock does not serve this machine's platform."""
    names = reading.texts(own, "platforms", "tool.envctl")
    if not names or any(name.startswith(platform.name) for name in names):
        return ()
    said = f"this machine is {platform.name}: add that, if the lock shall serve it"
    return (Note(where=f"{MANIFEST}: tool.envctl.platforms", message=said),)
