"""The names that a word on the command line can be completed to: from the project's files, as far as they are whole.

Nothing here fails because of what a file says, and a lock is not parsed: a key press must not wait for that. Only
what can be a name is offered (PEP 508, "Names"; PEP 735, "Specification"): anything else in a file could be code for
the shell that it is typed into.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from envctl.ports import Project
from envctl.usecases.load import LOCK, MANIFEST
from envctl.usecases.record import FOLDER

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_START = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_LOCK = re.compile(r"pylock\.(?:[^.]+\.)?toml")
# A table's header, or a key `name` at the start of a line: in a lock that is a package's.
_PACKAGE = re.compile(r'^(?:(\[.*)|name\s*=\s*["\']([^"\']+)["\'])', re.MULTILINE)


def profiles(project: Project) -> tuple[str, ...]:
    """Return the project's profiles."""
    return _names(_table(_manifest(project), "tool", "envctl", "profiles"))


def groups(project: Project) -> tuple[str, ...]:
    """Return the dependency groups, of the manifest and of the locks."""
    return _names([*_table(_manifest(project), "dependency-groups"), *_heads(project, "groups")])


def extras(project: Project) -> tuple[str, ...]:
    """Return the extras, of the manifest and of the locks."""
    declared = _table(_manifest(project), "project", "optional-dependencies")
    return _names([*declared, *_heads(project, "extras")])


def requirements(
    project: Project,
    *,
    group: str | None = None,
    extra: str | None = None,
    profile: str | None = None,
) -> tuple[str, ...]:
    """Return what the manifest asks for by name, in one list if one is named, or else in any."""
    manifest = _manifest(project)
    groups_ = _table(manifest, "dependency-groups")
    extras_ = _table(manifest, "project", "optional-dependencies")
    variants = _table(manifest, "tool", "envctl", "profiles")
    own = [_table(each).get("dependencies") for each in variants.values()]
    if group:
        lists = [groups_.get(group)]
    elif extra:
        lists = [extras_.get(extra)]
    elif profile:
        lists = [_table(variants, profile).get("dependencies")]
    else:
        top = _table(manifest, "project").get("dependencies")
        lists = [top, *extras_.values(), *groups_.values(), *own]
    texts = (text for each in lists if isinstance(each, list) for text in each)
    starts = (_START.match(text) for text in texts if isinstance(text, str))
    return _names(start[1] for start in starts if start)


def packages(project: Project, *, profile: str | None = None) -> tuple[str, ...]:
    """Return the packages in the locks, or in one profile's."""
    return _names(name for text in _locks(project, profile) for name in _locked(text))


def machines(project: Project) -> tuple[str, ...]:
    """Return the machines that the team has recorded."""
    files = project.listing(FOLDER)
    return _names(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def platforms(project: Project) -> tuple[str, ...]:
    """Return the platforms that the manifest names."""
    named = _table(_manifest(project), "tool", "envctl").get("platforms")
    return _names(named if isinstance(named, list) else ())


def programs(project: Project) -> tuple[str, ...]:
    """Return the programs in the environment."""
    return _names(project.listing(".venv/bin"))


def _manifest(project: Project) -> Mapping[str, Any]:
    return _toml(project.read(MANIFEST) or "")


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):  # half edited
        return {}


def _table(table: Any, *path: str) -> Mapping[str, Any]:
    for key in path:
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else {}


def _heads(project: Project, kind: str) -> Iterator[str]:
    """Yield the extras or groups that the locks hold: keys above all tables (PEP 751)."""
    key = "dependency-groups" if kind == "groups" else kind
    for text in _locks(project, None):
        named = _toml(re.split(r"^\[", text, maxsplit=1, flags=re.MULTILINE)[0]).get(key)
        yield from named if isinstance(named, list) else ()


def _locks(project: Project, profile: str | None) -> Iterator[str]:
    wanted = f"pylock.{profile}.toml" if profile else None
    for name in (LOCK, *project.listing(".")):
        if _LOCK.fullmatch(name) and wanted in (None, name):
            yield project.read(name) or ""


def _locked(text: str) -> list[str]:
    """Return the packages as lockers write them, one table each; another spelling is parsed after all."""
    header, names = "", []
    for found in _PACKAGE.finditer(text):
        if found[1]:
            header = found[1].strip()
        elif header == "[[packages]]":
            names.append(found[2])
    if names:
        return names
    tables = _toml(text).get("packages")
    return [_table(each).get("name", "") for each in (tables if isinstance(tables, list) else ())]


def _names(names: Iterable[Any]) -> tuple[str, ...]:
    found = {name for name in names if isinstance(name, str) and _NAME.fullmatch(name)}
    return tuple(sorted(found))
