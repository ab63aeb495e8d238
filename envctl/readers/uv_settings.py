"""``[tool.uv]``: its indexes, pins to indexes, constraints and default groups; a note for what is not honoured."""

import re
from collections.abc import Mapping
from datetime import date

from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.imported import Entry, FoundIndex, Imported, Note, Section
from envctl.domain.requirement import requirement
from envctl.readers import addresses

_ROOT = "tool.uv"
_TAKEN = {
    "index",
    "index-url",
    "extra-index-url",
    "sources",
    "constraint-dependencies",
    "default-groups",
    "dev-dependencies",
    "exclude-newer",
}
# They say how uv works, not what it resolves: nothing is lost, so nothing is said.
_SILENT = {"cache-keys", "managed", "package", "required-version", "build-backend", "preview"}


def read_uv_settings(data: reading.Table) -> Imported:
    """Read ``[tool.uv]`` of a parsed ``pyproject.toml``; raises ``ManifestError`` with the key that is wrong."""
    own = reading.table(reading.table(data, "tool", ""), "uv", "tool")
    pins, notes = _pins(own)
    indexes = _indexes(own, pins, notes)
    notes += [
        Note(where=f"{_ROOT}.{key}", message="envctl does not honour this key")
        for key in own
        if key not in _TAKEN | _SILENT
    ]
    return Imported(
        constraints=tuple(
            Entry(text=text, where=f"{_ROOT}.constraint-dependencies[{n}]")
            for n, text in enumerate(reading.texts(own, "constraint-dependencies", _ROOT))
        ),
        sections=_sections(own),
        indexes=indexes,
        groups=_groups(own, data),
        exclude_newer=_day(own, notes),
        notes=tuple(notes),
    )


def _sections(own: reading.Table) -> tuple[Section, ...]:
    """Return the group that uv had before there was a standard: ``dev-dependencies``."""
    texts = reading.texts(own, "dev-dependencies", _ROOT)
    entries = tuple(
        Entry(text=requirement(text, where), where=where)
        for n, text in enumerate(texts)
        if (where := f"{_ROOT}.dev-dependencies[{n}]")
    )
    return (Section(kind="group", name="dev", entries=entries),) if entries else ()


def _pins(own: reading.Table) -> tuple[dict[str, list[str]], list[Note]]:
    """Return the packages that are pinned to each index, and a note for every other kind of source."""
    pins: dict[str, list[str]] = {}
    notes: list[Note] = []
    for name, source in reading.table(own, "sources", _ROOT).items():
        where = f"{_ROOT}.sources.{name}"
        options = source if isinstance(source, list) else [source]
        found = {o.get("index") for o in options if isinstance(o, Mapping)}
        index = found.pop() if len(found) == 1 else None
        if not isinstance(index, str):
            notes.append(Note(where=where, message="envctl does not honour this source"))
            continue
        if any(isinstance(o, Mapping) and set(o) != {"index"} for o in options):
            said = f"taken from `{index}` everywhere: envctl has no conditions here"
            notes.append(Note(where=where, message=said))
        pins.setdefault(index, []).append(canonicalize_name(name))
    return pins, notes


def _indexes(
    own: reading.Table, pins: Mapping[str, list[str]], notes: list[Note]
) -> tuple[FoundIndex, ...]:
    found: list[FoundIndex] = []
    for n, table in enumerate(reading.tables(own, "index", _ROOT)):
        where = f"{_ROOT}.index[{n}]"
        name = reading.text(table, "name", where)
        packages = tuple(pins.get(name or "", ()))
        if reading.flag(table, "explicit", where, default=False) and not packages:
            notes.append(Note(where=where, message="no package is taken from it: left out"))
            continue
        default = reading.flag(table, "default", where, default=False)
        if packages and not reading.flag(table, "explicit", where, default=False):
            said = f"only {', '.join(packages)} will come from it, and from nowhere else"
            notes.append(Note(where=where, message=said))
        url = _address(reading.required_text(table, "url", where), where, notes)
        if url:
            found.append(FoundIndex(url=url, name=name, packages=packages, default=default))
    if url := reading.text(own, "index-url", _ROOT):
        clean = _address(url, f"{_ROOT}.index-url", notes)
        found += [FoundIndex(url=clean, default=True)] if clean else []
    for n, url in enumerate(reading.texts(own, "extra-index-url", _ROOT)):
        clean = _address(url, f"{_ROOT}.extra-index-url[{n}]", notes)
        found += [FoundIndex(url=clean)] if clean else []
    return tuple(sorted(found, key=lambda index: not index.default))


def _address(url: str, where: str, notes: list[Note]) -> str | None:
    clean = addresses.public(url)
    if clean is None or not clean.startswith(("http://", "https://")):
        notes.append(Note(where=where, message="not an address that everyone can use: left out"))
        return None
    if clean != url:
        said = "the user name or password was left out: give it through your keyring or ~/.netrc"
        notes.append(Note(where=where, message=said))
    return clean.rstrip("/")


def _groups(own: reading.Table, data: reading.Table) -> tuple[str, ...] | None:
    """Uv's own rule: ``dev`` where nothing is said."""
    if own.get("default-groups") == "all":
        return tuple(reading.table(data, "dependency-groups", ""))
    return reading.texts(own, "default-groups", _ROOT) if "default-groups" in own else None


def _day(own: reading.Table, notes: list[Note]) -> str | None:
    value = own.get("exclude-newer")
    text = value.isoformat() if isinstance(value, date) else value
    if isinstance(text, str) and re.match(r"\d{4}-\d\d-\d\d", text):
        return text
    if value is not None:
        said = "envctl takes a date here, not a span of time"
        notes.append(Note(where=f"{_ROOT}.exclude-newer", message=said))
    return None
