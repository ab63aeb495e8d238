"""One dependency of a Poetry project: a version, a table, or a list of tables with conditions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from envctl.domain import reading
from envctl.domain.imported import Entry
from envctl.readers.gathering import Gathered
from envctl.readers.poetry.constraints import python_marker, specifier
from envctl.readers.poetry.version_ranges import ConstraintError
from envctl.readers.requirements.parts import assembled, both, git_url

_KEYS = (
    "version",
    "python",
    "platform",
    "markers",
    "extras",
    "optional",
    "source",
    "git",
    "branch",
    "tag",
    "rev",
    "subdirectory",
    "url",
    "path",
    "file",
    "develop",
    "allow-prereleases",
    "allows-prereleases",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependency:
    """What one key became: its requirements, none where it was left out, and whether only extras bring it."""

    name: str
    entries: tuple[Entry, ...]
    optional: bool


def read_dependency(name: str, value: object, where: str, found: Gathered) -> Dependency:
    """Read the value of ``tool.poetry.dependencies.NAME``; raises ``ManifestError``."""
    variants = value if isinstance(value, list) else [value]
    entries: list[Entry] = []
    optional = False
    for number, variant in enumerate(variants):
        here = f"{where}[{number}]" if isinstance(value, list) else where
        if isinstance(variant, str):
            table: reading.Table = {"version": variant}
        elif isinstance(variant, Mapping):
            table = variant
        else:
            raise reading.wrong("a version or a table", variant, here)
        optional = optional or reading.flag(table, "optional", here, default=False)
        entries += _variant(name, table, here, found)
    return Dependency(name=name, entries=tuple(entries), optional=optional)


def _variant(name: str, table: reading.Table, where: str, found: Gathered) -> tuple[Entry, ...]:
    found.left_out(table, _KEYS, where)
    if reading.flag(table, "allow-prereleases", where, default=False):
        said = "pre-releases are not allowed in general: name the one that you want, as `>=2.0rc1`"
        found.note(f"{where}.allow-prereleases", said)
    url = _address(name, table, where, found)
    if url == "":
        return ()
    if source := reading.text(table, "source", where):
        found.tie(source, name)
    text = assembled(
        name,
        extras=reading.texts(table, "extras", where),
        specifier="" if url else _version(name, table, where, found),
        url=url,
        marker=both(_markers(table, where, found), where),
    )
    return found.entry(text, where)


def _address(name: str, table: reading.Table, where: str, found: Gathered) -> str | None:
    """Return a direct reference's address, ``None`` where an index has the package, ``""`` where nobody has it."""
    if git := reading.text(table, "git", where):
        references = [reading.text(table, key, where) for key in ("rev", "tag", "branch")]
        reference = next((each for each in references if each), None)
        if reading.flag(table, "develop", where, default=False):
            found.note(where, f"`{name}` will not be editable: the lock pins its commit")
        return git_url(git, reference, reading.text(table, "subdirectory", where))
    if url := reading.text(table, "url", where):
        below = reading.text(table, "subdirectory", where)
        return f"{url}#subdirectory={below}" if below else url
    if path := reading.text(table, "path", where) or reading.text(table, "file", where):
        said = "a path means something on this machine only: publish it on an index"
        found.note(where, f"`{name}` at `{path}`: {said}")
        return ""
    return None


def _version(name: str, table: reading.Table, where: str, found: Gathered) -> str:
    constraint = reading.text(table, "version", where)
    if constraint is None:
        return ""
    try:
        if "+" in constraint and re.search(r"[\^~<>]", constraint):
            found.note(where, f"`{constraint}`: an order knows no local version: it was cut off")
        return specifier(constraint)
    except ConstraintError as error:
        said = f"`{name}` is carried over without its version `{constraint}`: {error}"
        found.note(where, said)
        return ""


def _markers(table: reading.Table, where: str, found: Gathered) -> list[str]:
    markers = [reading.text(table, "markers", where) or ""]
    if python := reading.text(table, "python", where):
        try:
            markers.append(python_marker(python))
        except ConstraintError as error:
            found.note(f"{where}.python", f"`{python}` is left out: {error}")
    if platform := reading.text(table, "platform", where):
        markers.append(_platforms(platform, where, found))
    return markers


def _platforms(text: str, where: str, found: Gathered) -> str:
    """Read ``linux``, ``!=win32``, ``linux || darwin``: values of ``sys.platform``."""
    alternatives: list[str] = []
    for each in re.split(r"\s*\|\|?\s*", text.strip()):
        parts = [
            re.fullmatch(r"(?P<operator>!=|==?)?\s*(?P<name>\w+)", part, re.ASCII)
            for part in re.split(r"\s*,\s*", each)
        ]
        conditions = [
            f"sys_platform {'!=' if part['operator'] == '!=' else '=='} '{part['name']}'"
            for part in parts
            if part
        ]
        if len(conditions) != len(parts):
            found.note(f"{where}.platform", f"`{text}` is left out: it names no platform")
            return ""
        alternatives.append(" and ".join(conditions))
    return " or ".join(alternatives)
