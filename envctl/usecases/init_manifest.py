"""What ``init`` adds to a manifest: from other tools' files, from ``[tool.uv]``, from this machine."""

import posixpath
import re
import unicodedata
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.imported import Additions, Entry, Note
from envctl.domain.manifest.reading import RUNTIME, parse_manifest
from envctl.domain.platforms import Platform
from envctl.domain.resolution import Interpreter
from envctl.errors import ManifestError
from envctl.readers.toml import read_toml
from envctl.usecases import init_notes as notes_of
from envctl.usecases.init_folder import MANIFEST, Folder
from envctl.usecases.init_indexes import named
from envctl.usecases.init_merge import Merge

_MINORS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
Settings = tuple[tuple[str, str | tuple[str, ...]], ...]


def additions(
    folder: Folder,
    *,
    interpreter: Interpreter,
    platform: Platform,
    default_index: str | None,
    group: str | None = None,
) -> tuple[Additions, tuple[Note, ...]]:
    """Return what the manifest lacks, and what the user must know about it.

    ``group``: the dependency group that takes what was found, instead of the project's own dependencies.
    """
    python, python_notes = _python(folder, interpreter)
    here: Settings = (("python", python), ("platforms", (platform.name,)))
    if folder.initialised and folder.source is None:
        return Additions(settings=here), notes_of.platform_notes(folder.own, platform)
    merge = Merge(folder)
    made = _imported(folder, merge, group)
    indexes, index_notes = named((*folder.uv.indexes, *folder.found.indexes), default_index)
    groups = _groups(folder, made)
    merge.settings(groups, python, folder.found.python)
    day = folder.uv.exclude_newer
    made = replace(
        made,
        indexes=merge.indexes(indexes),
        settings=(
            *here,
            *((("groups", groups),) if groups else ()),
            *((("exclude-newer", day),) if day else ()),
        ),
    )
    said = (*folder.found.notes, *folder.uv.notes, *index_notes, *python_notes, *merge.notes)
    return made, (*said, *notes_of.folder_notes(folder))


def _imported(folder: Folder, merge: Merge, group: str | None) -> Additions:
    """Return what was found and the manifest lacks, without the settings."""
    found = folder.found
    target = group or (RUNTIME if folder.outside and found.requirements else None)
    return Additions(
        header=_header(folder),
        project=None if folder.packaged else _project(folder),
        dependencies=merge.dependencies(found.requirements, target),
        group=target,
        sections=merge.sections((*folder.uv.sections, *found.sections), taken=target),
        constraints=merge.constraints((*folder.uv.constraints, *found.constraints)),
        env=merge.env(found.env),
        image_groups=(RUNTIME,) if folder.outside and target == RUNTIME else (),
    )


def check(text: str, folder: Folder) -> None:
    """Refuse a manifest that no later command could read; raises ``ManifestError`` with the key."""
    try:
        parse_manifest(read_toml(text, MANIFEST))
    except ManifestError as error:
        if folder.dynamic and error.where == "project.dynamic":
            return  # said in a note: there the user has to choose
        error.where = f"{MANIFEST}: {error.where}" if error.where else MANIFEST
        raise


def _project(folder: Folder) -> tuple[tuple[str, str], ...]:
    """Return the keys of a ``[project]`` table that is to be made; one that is there gets none of them."""
    asked = folder.found.requires_python
    python = (("requires-python", asked),) if asked else ()
    return (("name", _name(folder)), ("version", "0.1.0"), *python)


def _python(folder: Folder, interpreter: Interpreter) -> tuple[str, list[Note]]:
    """Choose the environment's Python: the one that is pinned, else this one, else the oldest allowed."""
    wanted = reading.text(folder.project, "requires-python", "project")
    wanted = wanted or folder.found.requires_python or ""
    try:
        allowed = SpecifierSet(wanted)
    except InvalidSpecifier:
        return interpreter.minor, []  # `check` says it better, with the key
    for pinned in (folder.found.python, folder.python):
        if pinned and _allows(allowed, pinned):
            return pinned, []
    if allowed.contains(interpreter.version):
        return interpreter.minor, []
    minor = next((minor for minor in _MINORS if _allows(allowed, minor)), interpreter.minor)
    said = f"python = {minor}, because {wanted!r} leaves out this machine's {interpreter.version}"
    return minor, [Note(where=f"{MANIFEST}: project.requires-python", message=said)]


def _allows(allowed: SpecifierSet, python: str) -> bool:
    if python.count(".") == 2:
        return allowed.contains(python)
    return allowed.contains(f"{python}.0") or allowed.contains(f"{python}.99")


def _groups(folder: Folder, made: Additions) -> tuple[str, ...]:
    """Return the default groups: those that the source has, or by uv's rule the named ones, else ``dev``."""
    there = reading.table(folder.data, "dependency-groups", "")
    added = [each.name for each in made.sections if each.kind == "group"]
    if made.group and made.dependencies:
        added.append(made.group)
    known = {canonicalize_name(name): name for name in there} | {name: name for name in added}
    if folder.found.groups is not None:
        wanted = folder.found.groups
    elif folder.uv.groups is not None:
        wanted = folder.uv.groups
    else:
        wanted = tuple(name for name in known if name == "dev")
    listed = [known[canonicalize_name(name)] for name in wanted if canonicalize_name(name) in known]
    groups = dict.fromkeys((*made.image_groups, *listed))
    if folder.initialised:  # a group that was there is not listed because somebody wants it so
        groups = dict.fromkeys(name for name in groups if name not in there)
    return tuple(groups)


def _name(folder: Folder) -> str:
    """Make a project's name of the source's or the folder's (PEP 508, "Names"), and not that of a dependency."""
    name = _plain(folder.found.name or "") or _plain(folder.name) or "project"
    texts = [entry.text for entry in folder.found.requirements if entry.text]
    taken = {canonicalize_name(Requirement(text).name) for text in texts}
    return f"{name}-project" if name in taken else name


def _plain(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return canonicalize_name(re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_only).strip("-._"))


def _header(folder: Folder) -> tuple[str, ...]:
    lines = ("What this project asks for: `envctl lock` writes pylock.toml from it.",)
    sets = (folder.found.requirements, *(each.entries for each in folder.found.sections))
    files = sorted({_file(entry) for entries in sets for entry in entries if entry.where})
    more = (f"Made from {', '.join(files)}, which envctl does not read again.",) if files else ()
    return lines + more


def _file(entry: Entry) -> str:
    return posixpath.normpath(re.sub(r":\d+$", "", entry.where.partition(": ")[0]))
