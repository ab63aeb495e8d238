"""A Pipfile: packages, further categories, sources and the Python that it asks for.

pipenv documentation, "Pipfile & Pipfile.lock" and "Specifiers". Since pipenv 2022.3 a package comes from the
first source, unless it names another one by ``index``.
"""

import re
from collections.abc import Mapping

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envctl.domain import reading
from envctl.domain.imported import Entry, FoundIndex, Imported, Section
from envctl.readers.gathering import Gathered, section_name
from envctl.readers.requirements.parts import assembled, both, git_url
from envctl.readers.toml import read_toml

# PEP 508, "Environment Markers": each may be a key of a package's table, with an operator in its value.
_MARKERS = (
    "os_name",
    "sys_platform",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_version",
    "python_full_version",
    "implementation_name",
    "implementation_version",
)
_KEYS = (
    *_MARKERS,
    "version",
    "extras",
    "markers",
    "index",
    "editable",
    "git",
    "ref",
    "subdirectory",
    "file",
    "path",
)
_NOT_CATEGORIES = ("source", "packages", "requires", "scripts", "pipenv", "pipfile")
_NOT_CARRIED = {
    "allow_prereleases": "name the pre-release that you want instead, as `>=2.0rc1`",
    "install_search_all_sources": "a package comes from the default index, or from one that claims it",
}


def read_pipfile(text: str, name: str) -> Imported:
    """Read the text of a Pipfile; raises ``ManifestError`` with the key that is wrong."""
    data = read_toml(text, name)
    return _read(data, Gathered(), name)


def _read(data: reading.Table, found: Gathered, file: str) -> Imported:
    main = _category(data, "packages", file, found)
    sections = tuple(
        Section(kind="group", name=_group(key), entries=_category(data, key, file, found))
        for key in data
        if key not in _NOT_CATEGORIES
    )
    python, requires = _python(data, file, found)
    settings = reading.table(data, "pipenv", "")
    for key in settings:
        if settings[key] is not False:
            reason = _NOT_CARRIED.get(key, "that is pipenv's own: left out")
            found.note(f"{file}: pipenv.{key}", reason)
    if "scripts" in data:
        found.note(f"{file}: scripts", "envctl has no scripts: `envctl run -- COMMAND` runs one")
    return Imported(
        python=python,
        requires_python=requires,
        requirements=main,
        sections=sections,
        indexes=_sources(data, found, file),
        notes=tuple(found.notes),
    )


def _group(category: str) -> str:
    return "dev" if category == "dev-packages" else section_name(category)


def _category(data: reading.Table, key: str, file: str, found: Gathered) -> tuple[Entry, ...]:
    table = reading.table(data, key, "")
    return tuple(
        entry
        for name, value in table.items()
        for entry in _package(name, value, f"{file}: {key}.{name}", found)
    )


def _package(name: str, value: object, where: str, found: Gathered) -> tuple[Entry, ...]:
    if isinstance(value, str):
        table: reading.Table = {"version": value}
    elif isinstance(value, Mapping):
        table = value
    else:
        raise reading.wrong("a version or a table", value, where)
    found.left_out(table, _KEYS, where)
    url = _address(name, table, where, found)
    if url == "":
        return ()
    if index := reading.text(table, "index", where):
        found.tie(index, name)
    said = [(key, reading.text(table, key, where)) for key in _MARKERS]
    conditions = [f"{key} {value}" for key, value in said if value]
    markers = [reading.text(table, "markers", where) or "", *conditions]
    text = assembled(
        name,
        extras=reading.texts(table, "extras", where),
        specifier="" if url else _version(name, table, where, found),
        url=url,
        marker=both(markers, where),
    )
    return found.entry(text, where)


def _address(name: str, table: reading.Table, where: str, found: Gathered) -> str | None:
    """Return a direct reference's address, ``None`` where an index has the package, ``""`` where nobody has it."""
    if git := reading.text(table, "git", where):
        if reading.flag(table, "editable", where, default=False):
            found.note(where, f"`{name}` will not be editable: the lock pins its commit")
        reference = reading.text(table, "ref", where)
        return git_url(git, reference, reading.text(table, "subdirectory", where))
    file = reading.text(table, "file", where) or ""
    if file.startswith(("http://", "https://")):
        return file
    if path := file or reading.text(table, "path", where):
        if path.rstrip("/") == ".":
            found.note(where, "the project itself is not one of its own dependencies: left out")
        else:
            said = "a path means something on this machine only: publish it on an index"
            found.note(where, f"`{name}` at `{path}`: {said}")
        return ""
    return None


def _version(name: str, table: reading.Table, where: str, found: Gathered) -> str:
    said = (reading.text(table, "version", where) or "*").strip()
    if said == "*":
        return ""
    if re.fullmatch(r"\d[\w.!+]*", said):
        said = f"=={said}"
    try:
        SpecifierSet(said)
    except InvalidSpecifier:
        found.note(where, f"`{name}` is carried over without `{said}`, which is no version")
        return ""
    return said


def _python(data: reading.Table, file: str, found: Gathered) -> tuple[str | None, str | None]:
    """Return the environment's Python and the range that ``[requires]`` gives instead of one version."""
    table = reading.table(data, "requires", "")
    full = reading.text(table, "python_full_version", "requires")
    said = (full or reading.text(table, "python_version", "requires") or "").strip()
    if re.fullmatch(r"3\.\d{1,3}(\.\d{1,3})?", said):
        return said, None
    try:
        return None, str(SpecifierSet(said)) or None
    except InvalidSpecifier:
        found.note(f"{file}: requires", f"`{said}` is no version of Python 3: left out")
        return None, None


def _sources(data: reading.Table, found: Gathered, file: str) -> tuple[FoundIndex, ...]:
    indexes: list[FoundIndex] = []
    tables = reading.tables(data, "source", "")
    for number, table in enumerate(tables):
        where = f"{file}: source[{number}]"
        name = reading.text(table, "name", where)
        if not reading.flag(table, "verify_ssl", where, default=True):
            said = "certificates are always checked: give your CA to each machine"
            found.note(f"{where}.verify_ssl", said)
        if number and name not in found.tied:
            found.note(where, f"no package names the source `{name}`: left out")
            continue
        url = reading.required_text(table, "url", where)
        index = found.index(url, name, where, default=number == 0)
        indexes += [index] if index else []
    found.unknown_ties([reading.text(t, "name", "source") or "" for t in tables], f"{file}: source")
    return tuple(indexes)
