"""``[tool.poetry]``: dependencies, groups, extras and sources of a Poetry project, of version 1 or 2."""

from collections.abc import Mapping

from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.imported import Entry, FoundIndex, Imported, Section
from envctl.readers.gathering import Gathered, section_name, without
from envctl.readers.poetry.constraints import python_specifier
from envctl.readers.poetry.dependencies import Dependency, read_dependency
from envctl.readers.poetry.version_ranges import ConstraintError

_ROOT = "tool.poetry"
_Groups = dict[str, tuple[Entry, ...]]


def read_poetry(data: reading.Table, name: str) -> Imported:
    """Read a parsed ``pyproject.toml``; raises ``ManifestError`` with the key that is wrong."""
    own = reading.table(reading.table(data, "tool", ""), "poetry", "tool")
    return _read(own, data, Gathered(), name)


def _read(own: reading.Table, data: reading.Table, found: Gathered, file: str) -> Imported:
    table = reading.table(own, "dependencies", _ROOT)
    dependencies = _dependencies(table, f"{_ROOT}.dependencies", file, found)
    main = tuple(entry for each in dependencies if not each.optional for entry in each.entries)
    extras = _extras(own, dependencies, found, file)
    groups, default = _groups(own, file, found)
    for key in ("build-constraints", "requires-plugins"):
        if key in own:
            found.note(f"{file}: {_ROOT}.{key}", "that is Poetry's own: left out")
    # Poetry 2 takes the standard's groups as its own, and installs them by default too.
    standard = reading.table(data, "dependency-groups", "")
    optional = {key for key, table in _group_tables(own).items() if table.get("optional")}
    default += [key for key in standard if key not in default and key not in optional]
    return Imported(
        name=reading.text(own, "name", _ROOT),
        requires_python=_python(table, file, found),
        requirements=main,
        sections=(
            *(
                Section(kind="extra", name=key, entries=without(entries, main))
                for key, entries in extras.items()
            ),
            *(Section(kind="group", name=key, entries=entries) for key, entries in groups.items()),
        ),
        indexes=_sources(own, found, file),
        groups=tuple(section_name(key) for key in default),
        notes=tuple(found.notes),
    )


def _dependencies(table: reading.Table, where: str, file: str, found: Gathered) -> list[Dependency]:
    return [
        read_dependency(name, value, f"{file}: {where}.{name}", found)
        for name, value in table.items()
        if name.lower() != "python"
    ]


def _python(table: reading.Table, file: str, found: Gathered) -> str | None:
    constraint = reading.text(table, "python", f"{_ROOT}.dependencies")
    if constraint is None:
        return None
    try:
        return python_specifier(constraint) or None
    except ConstraintError as error:
        where = f"{file}: {_ROOT}.dependencies.python"
        found.note(where, f"`{constraint}` is left out: {error}")
        return None


def _extras(
    own: reading.Table, dependencies: list[Dependency], found: Gathered, file: str
) -> _Groups:
    known = {canonicalize_name(each.name): each for each in dependencies}
    table = reading.table(own, "extras", _ROOT)
    extras: _Groups = {}
    used: set[str] = set()
    for extra in table:
        where = f"{_ROOT}.extras"
        entries: list[Entry] = []
        for name in reading.texts(table, extra, where):
            plain = canonicalize_name(name)
            used.add(plain)
            if plain in known:
                entries += known[plain].entries
            else:
                found.note(f"{file}: {where}.{extra}", f"`{name}` is no dependency: left out")
        extras[section_name(extra)] = tuple(entries)
    for plain, each in known.items():
        if each.optional and plain not in used and each.entries:
            where = f"{file}: {_ROOT}.dependencies.{each.name}"
            found.note(where, f"`{each.name}` is optional, and in no extra: left out")
    return extras


def _groups(own: reading.Table, file: str, found: Gathered) -> tuple[_Groups, list[str]]:
    """Return the groups with what they include, and the names of those that are installed by default."""
    groups: _Groups = {}
    default: list[str] = []
    tables = _group_tables(own)
    if "dev-dependencies" in own:  # Poetry before 1.2
        table = reading.table(own, "dev-dependencies", _ROOT)
        groups["dev"] = _entries(table, f"{_ROOT}.dev-dependencies", file, found)
        default.append("dev")
    for name, group in tables.items():
        where = f"{_ROOT}.group.{name}"
        table = reading.table(group, "dependencies", where)
        entries = _entries(table, f"{where}.dependencies", file, found)
        groups[section_name(name)] = (*groups.get(section_name(name), ()), *entries)
        if not reading.flag(group, "optional", where, default=False) and name not in default:
            default.append(name)
    return {name: _including(name, tables, groups) for name in groups}, default


def _entries(table: reading.Table, where: str, file: str, found: Gathered) -> tuple[Entry, ...]:
    dependencies = _dependencies(table, where, file, found)
    return tuple(entry for each in dependencies for entry in each.entries)


def _group_tables(own: reading.Table) -> Mapping[str, reading.Table]:
    groups = reading.table(own, "group", _ROOT)
    return {name: reading.table(groups, name, f"{_ROOT}.group") for name in groups}


def _including(
    name: str, tables: Mapping[str, reading.Table], groups: _Groups
) -> tuple[Entry, ...]:
    """Return a group's entries and those of the groups that it includes, each group once."""
    plain = {section_name(key): table for key, table in tables.items()}
    waiting, seen = [name], [name]
    while waiting:
        table = plain.get(waiting.pop(), {})
        for other in reading.texts(table, "include-groups", f"{_ROOT}.group.{name}"):
            key = section_name(other)
            if key in groups and key not in seen:
                seen.append(key)
                waiting.append(key)
    return tuple(dict.fromkeys(entry for key in seen for entry in groups[key]))


def _sources(own: reading.Table, found: Gathered, file: str) -> tuple[FoundIndex, ...]:
    """Read ``[[tool.poetry.source]]``: as in Poetry 2, a primary source takes the default index's place."""
    indexes: list[FoundIndex] = []
    tables = reading.tables(own, "source", _ROOT)
    for number, table in enumerate(tables):
        where = f"{file}: {_ROOT}.source[{number}]"
        name = reading.required_text(table, "name", where)
        url = reading.text(table, "url", where)
        if url is None:  # `PyPI`: the default index by its name
            continue
        priority = _priority(table, where)
        if priority == "explicit" and name not in found.tied:
            found.note(where, f"no package is taken from `{name}`: left out")
            continue
        first = priority == "primary" and not any(index.default for index in indexes)
        index = found.index(url, name, where, default=first and not _names_default(tables))
        if index:
            if index.packages and priority != "explicit":
                said = f"only {', '.join(index.packages)} will come from it, and from nowhere else"
                found.note(where, said)
            if index.default:
                found.note(where, f"`{name}` becomes the default index, as in Poetry 2")
            indexes.append(index)
    names = [reading.required_text(table, "name", _ROOT) for table in tables]
    found.unknown_ties([*names, "pypi", "PyPI"], f"{file}: {_ROOT}.source")
    return tuple(indexes)


def _names_default(tables: tuple[reading.Table, ...]) -> bool:
    return any("url" not in table for table in tables)


def _priority(table: reading.Table, where: str) -> str:
    """Poetry 1 had ``default`` and ``secondary``, as priorities and as flags of their own."""
    said = (reading.text(table, "priority", where) or "").lower()
    if said in ("explicit", "supplemental", "secondary"):
        return "explicit" if said == "explicit" else "supplemental"
    if reading.flag(table, "secondary", where, default=False):
        return "supplemental"
    return "primary"
