"""``[tool.pdm]``: what a PDM project says outside ``[project]``: development groups, sources, overrides."""

from envctl.domain import reading
from envctl.domain.imported import Entry, FoundIndex, Imported, Section
from envctl.errors import ManifestError
from envctl.readers.gathering import Gathered, section_name
from envctl.readers.requirements.files import read_requirements

_ROOT = "tool.pdm"
_KNOWN_RESOLUTION = ("respect-source-order",)
# They say how pdm builds, runs and stores, not what it resolves.
_SILENT = (
    "dev-dependencies",
    "source",
    "resolution",
    "distribution",
    "build",
    "version",
    "package-type",
)


def read_pdm(data: reading.Table, name: str) -> Imported:
    """Read a parsed ``pyproject.toml``; raises ``ManifestError`` with the key that is wrong."""
    own = reading.table(reading.table(data, "tool", ""), "pdm", "tool")
    return _read(own, data, Gathered(), name)


def _read(own: reading.Table, data: reading.Table, found: Gathered, file: str) -> Imported:
    table = reading.table(own, "dev-dependencies", _ROOT)
    sections = tuple(
        Section(
            kind="group",
            name=section_name(name),
            entries=_group(
                reading.texts(table, name, f"{_ROOT}.dev-dependencies"), name, file, found
            ),
        )
        for name in table
    )
    for key in own:
        if key not in _SILENT:
            found.note(f"{file}: {_ROOT}.{key}", "that is PDM's own: left out")
    resolution = reading.table(own, "resolution", _ROOT)
    for key in resolution:
        if key not in _KNOWN_RESOLUTION:
            said = "envctl does not honour this key"
            if key == "overrides":
                said = "envctl overrides nothing: say what you need in tool.envctl.constraints"
            found.note(f"{file}: {_ROOT}.resolution.{key}", said)
    standard = reading.table(data, "dependency-groups", "")
    groups = dict.fromkeys([*(section.name for section in sections), *map(section_name, standard)])
    return Imported(
        sections=sections,
        indexes=_sources(own, found, file),
        groups=tuple(groups),  # `pdm install` takes every development group
        notes=tuple(found.notes),
    )


def _group(texts: tuple[str, ...], group: str, file: str, found: Gathered) -> tuple[Entry, ...]:
    """Read lines as pip has them: PDM takes ``-e …`` here, which ``[dependency-groups]`` does not."""
    entries: list[Entry] = []
    for number, text in enumerate(texts):
        where = f"{file}: {_ROOT}.dev-dependencies.{group}[{number}]"
        line = " ".join(text.split())
        try:
            read = read_requirements(where, {where: line}.get)
        except ManifestError as error:
            error.where = where
            raise
        found.notes += [type(note)(where=where, message=note.message) for note in read.notes]
        entries += [Entry(text=each.text, where=where) for each in read.requirements if each.text]
    return tuple(entries)


def _sources(own: reading.Table, found: Gathered, file: str) -> tuple[FoundIndex, ...]:
    """Read ``[[tool.pdm.source]]``: the one named ``pypi`` takes the default index's place."""
    indexes: list[FoundIndex] = []
    for number, table in enumerate(reading.tables(own, "source", _ROOT)):
        where = f"{file}: {_ROOT}.source[{number}]"
        name = reading.text(table, "name", where)
        if reading.text(table, "type", where) == "find_links":
            found.note(where, "a lock names indexes only; serve these files as one")
            continue
        if not reading.flag(table, "verify_ssl", where, default=True):
            said = "certificates are always checked: give your CA to each machine"
            found.note(f"{where}.verify_ssl", said)
        if reading.texts(table, "exclude_packages", where):
            found.note(f"{where}.exclude_packages", "envctl has no word for this key: left out")
        for package in reading.texts(table, "include_packages", where):
            found.tie(name or "", package)
        url = reading.required_text(table, "url", where)
        index = found.index(url, name, where, default=name == "pypi")
        indexes += [index] if index else []
    return tuple(indexes)
