"""Whether an answer that ``verify`` has noted for a project's folder holds for what is staged of it as well."""

from typing import TYPE_CHECKING

from envctl import quick

if TYPE_CHECKING:  # it brings every noun
    from envctl.usecases.hooked.staged import Staged


def name(layers: str) -> str:
    """Return the file of the note for these layers, sorted and with commas between (see ``envctl.quick``)."""
    return f"{quick.CACHE}/verify-{layers}"


def is_as_noted(project: "Staged", note: str) -> bool:
    """Whether every file and folder that the note rests on is staged as it is in the folder.

    That the folder is as the note says is for the fast path to find out.
    """
    inputs, found, _ = note.partition("\n\n")
    for line in inputs.split("\n")[1:]:
        kind, _, path = line.partition(" ")
        within = path.partition(" ")[2].removeprefix(f"{project.root}/")
        if kind == "file":
            project.read(within)
        elif kind == "names":
            project.listing(within)
        elif kind == "entries":
            project.entries(within)
        if project.apart:
            return False
    return bool(found)
