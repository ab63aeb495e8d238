"""What ``init`` adds to a manifest: from requirements files, from ``[tool.uv]``, from this machine."""

import posixpath
import re
import unicodedata

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.imported import Additions, Entry, Imported, Note
from envctl.domain.manifest_reading import parse_manifest
from envctl.domain.platforms import Platform
from envctl.domain.resolution import Interpreter
from envctl.errors import ManifestError
from envctl.readers.toml import read_toml
from envctl.usecases.init_folder import MANIFEST, REQUIREMENTS, Folder
from envctl.usecases.init_indexes import named

_GROUP = "runtime"
_MINORS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
Settings = tuple[tuple[str, str | tuple[str, ...]], ...]


def additions(
    folder: Folder, *, interpreter: Interpreter, platform: Platform, default_index: str | None
) -> tuple[Additions, tuple[Note, ...]]:
    """Return what the manifest lacks, and what the user must know about it."""
    python, python_notes = _python(folder, interpreter)
    here: Settings = (("python", python), ("platforms", (platform.name,)))
    if folder.own:
        return Additions(settings=here), _platform_notes(folder.own, platform)
    found = folder.requirements
    indexes, index_notes = named((*folder.uv.indexes, *found.indexes), default_index)
    group = _GROUP if folder.packaged and found.requirements else None
    groups = (*((group,) if group else ()), *_groups(folder))
    day = folder.uv.exclude_newer
    made = Additions(
        header=_header(found),
        project=None if folder.packaged else (_name(folder), "0.1.0"),
        dependencies=found.requirements,
        group=group,
        settings=(
            *here,
            *((("groups", groups),) if groups else ()),
            *((("exclude-newer", day),) if day else ()),
        ),
        constraints=(*folder.uv.constraints, *found.constraints),
        indexes=indexes,
        image_groups=(group,) if group else (),
    )
    notes = (*found.notes, *folder.uv.notes, *index_notes, *python_notes, *_notes(folder))
    return made, notes


def check(text: str, folder: Folder) -> None:
    """Refuse a manifest that no later command could read; raises ``ManifestError`` with the key."""
    if folder.dynamic:
        return  # said in a note: there the user has to choose
    try:
        parse_manifest(read_toml(text, MANIFEST))
    except ManifestError as error:
        error.where = f"{MANIFEST}: {error.where}" if error.where else MANIFEST
        raise


def _python(folder: Folder, interpreter: Interpreter) -> tuple[str, list[Note]]:
    """Choose the environment's Python: the one that is pinned, else this one, else the oldest allowed."""
    wanted = reading.text(folder.project, "requires-python", "project") or ""
    try:
        allowed = SpecifierSet(wanted)
    except InvalidSpecifier:
        return interpreter.minor, []  # `check` says it better, with the key
    if folder.python and _allows(allowed, folder.python):
        return folder.python, []
    if allowed.contains(interpreter.version):
        return interpreter.minor, []
    minor = next((minor for minor in _MINORS if _allows(allowed, minor)), interpreter.minor)
    said = f"python = {minor}, because {wanted!r} leaves out this machine's {interpreter.version}"
    return minor, [Note(where=f"{MANIFEST}: project.requires-python", message=said)]


def _allows(allowed: SpecifierSet, minor: str) -> bool:
    return allowed.contains(f"{minor}.0") or allowed.contains(f"{minor}.99")


def _groups(folder: Folder) -> tuple[str, ...]:
    """uv's rule: the groups that are named as default ones, else ``dev``."""  # noqa: D403 (its name)
    if folder.uv.groups is not None:
        return folder.uv.groups
    groups = reading.table(folder.data, "dependency-groups", "")
    return tuple(name for name in groups if canonicalize_name(name) == "dev")


def _name(folder: Folder) -> str:
    """Make a project's name of the folder's (PEP 508, "Names"), and not that of one of its dependencies."""
    plain = unicodedata.normalize("NFKD", folder.name).encode("ascii", "ignore").decode()
    name = canonicalize_name(re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")) or "project"
    texts = [entry.text for entry in folder.requirements.requirements if entry.text]
    taken = {canonicalize_name(Requirement(text).name) for text in texts}
    return f"{name}-project" if name in taken else name


def _header(found: Imported) -> tuple[str, ...]:
    lines = ("What this project asks for: `envctl lock` writes pylock.toml from it.",)
    files = sorted({_file(entry) for entry in found.requirements if entry.where})
    more = (f"Made from {', '.join(files)}, which envctl does not read again.",) if files else ()
    return lines + more


def _file(entry: Entry) -> str:
    return posixpath.normpath(entry.where.rpartition(":")[0])


def _notes(folder: Folder) -> list[Note]:
    notes = [Note(where=file, message=_why_unread(file)) for file in folder.unread]
    if folder.dynamic:
        said = "list the dependencies in project.dependencies: a lock needs to know them"
        notes.append(Note(where=f"{MANIFEST}: project.dynamic", message=said))
    if folder.packaged:
        said = "its dependencies are not read: list them in [project] or in a dependency group"
        notes.append(Note(where="setup.py, setup.cfg or tool.poetry", message=said))
    return notes


def _why_unread(file: str) -> str:
    if file == REQUIREMENTS:
        return f"not read: {MANIFEST} says already what the project depends on"
    if file.endswith(".lock"):
        return "not read: envctl makes a lock of its own"
    return "not read: list what you need of it in project.dependencies or a dependency group"


def _platform_notes(own: reading.Table, platform: Platform) -> tuple[Note, ...]:
    names = reading.texts(own, "platforms", "tool.envctl")
    if not names or any(name.startswith(platform.name) for name in names):
        return ()
    said = f"this machine is {platform.name}: add that, if the lock shall serve it"
    return (Note(where=f"{MANIFEST}: tool.envctl.platforms", message=said),)
