"""What was found in another tool's files beside what a manifest holds already: what stands there wins."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.imported import Entry, FoundIndex, Note, Section
from envctl.usecases.init_folder import MANIFEST, Folder


class Merge:
    """The manifest as it is, and a note for each thing that it says otherwise."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.notes: list[Note] = []

    def dependencies(self, entries: Sequence[Entry], group: str | None) -> tuple[Entry, ...]:
        """Return what ``project.dependencies``, or that group, lacks."""
        if group:
            return self._lacking(entries, self._group(group))
        return self._lacking(
            entries, reading.texts(self._folder.project, "dependencies", "project")
        )

    def sections(self, found: Iterable[Section], taken: str | None) -> tuple[Section, ...]:
        """Return the groups and extras that lack something; without ``[project]`` an extra becomes a group."""
        sections: dict[tuple[str, str], Section] = {}
        groups = {each.name for each in found if each.kind == "group"} | {taken}
        for each in found:
            one = self._as_group(each, groups) if each.kind == "extra" and self._no_extras else each
            there = self._group(one.name) if one.kind == "group" else self._extra(one.name)
            lacking = self._lacking(one.entries, there or ())
            if lacking or there is None:
                before = sections.get((one.kind, one.name))
                entries = (*(before.entries if before else ()), *lacking)
                sections[one.kind, one.name] = replace(one, entries=entries)
        return tuple(sections.values())

    def constraints(self, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """Return the constraints that are not listed yet, in any spelling."""
        there = {
            _spelled(text) for text in reading.texts(self._folder.own, "constraints", "tool.envctl")
        }
        found = tuple(entries)
        if not there and any(each.text for each in found):
            return found  # with the comments at its end
        return tuple(each for each in found if each.text and _spelled(each.text) not in there)

    def indexes(self, found: Sequence[FoundIndex]) -> tuple[FoundIndex, ...]:
        """Return all indexes for a manifest that names none; else note those that it does not name."""
        tables = reading.tables(self._folder.own, "index", "tool.envctl")
        if not tables:
            return tuple(found)
        known = {str(table.get("url", "")).rstrip("/") for table in tables}
        for index in found:
            if index.url not in known:
                said = (
                    f"`{index.url}` left out: {MANIFEST} names its indexes already; add it by hand"
                )
                self._note("tool.envctl.index", said)
        return ()

    def env(self, found: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return the variables that are not set yet."""
        there = reading.table(self._folder.own, "env", "tool.envctl")
        for name, value in found:
            if name in there and there[name] != value:
                self._note(f"tool.envctl.env.{name}", "stays as it is: the file says otherwise")
        return tuple((name, value) for name, value in found if name not in there)

    def settings(self, groups: Sequence[str], python: str, asked: str | None) -> None:
        """Note what ``[tool.envctl]`` says already, and otherwise."""
        own = self._folder.own
        missing = [g for g in groups if g not in reading.texts(own, "groups", "tool.envctl")]
        if "groups" in own and missing:
            listed = ", ".join(f"`{name}`" for name in missing)
            self._note("tool.envctl.groups", f"add {listed}, if it shall be installed by default")
        if asked == python and own.get("python", python) != python:
            self._note("tool.envctl.python", f"stays as it is: the file asks for {python}")

    @property
    def _no_extras(self) -> bool:
        folder = self._folder
        dynamic = reading.texts(folder.project, "dynamic", "project")
        return folder.packaged or "optional-dependencies" in dynamic

    def _as_group(self, extra: Section, groups: set[str | None]) -> Section:
        name = f"extra-{extra.name}" if extra.name in groups else extra.name
        said = f"the extra `{extra.name}` becomes the group `{name}`: `[project]` is not envctl's to make here"
        self._note(f"dependency-groups.{name}", said)
        return replace(extra, kind="group", name=name)

    def _group(self, name: str) -> list[object] | None:
        return _array(reading.table(self._folder.data, "dependency-groups", ""), name)

    def _extra(self, name: str) -> list[object] | None:
        return _array(reading.table(self._folder.project, "optional-dependencies", "project"), name)

    def _lacking(
        self, entries: Sequence[Entry], there: Sequence[object] | None
    ) -> tuple[Entry, ...]:
        """Return the entries whose package is not there yet; comments alone only into a new array."""
        known: dict[str, list[str]] = {}
        for text in there or ():
            if isinstance(text, str) and (name := _name(text)):
                known.setdefault(name, []).append(text)
        kept: list[Entry] = []
        for each in entries:
            if each.text is None:
                kept += [] if known else [each]
            elif (name := _name(each.text)) not in known:
                kept.append(each)
            elif _spelled(each.text) not in map(_spelled, known[name]):
                said = f"`{each.text}` left out: {MANIFEST} has `{known[name][0]}` already"
                self.notes.append(Note(where=each.where, message=said))
        return tuple(kept)

    def _note(self, key: str, message: str) -> None:
        note = Note(where=f"{MANIFEST}: {key}", message=message)
        if note not in self.notes:
            self.notes.append(note)


def _array(table: reading.Table, name: str) -> list[object] | None:
    """Return the array of that name in any spelling; ``None``: there is none."""
    for key, value in table.items():
        if canonicalize_name(key) == canonicalize_name(name) and isinstance(value, list):
            return value
    return None


def _name(text: str) -> str:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return ""  # `check` says it, with the key


def _spelled(text: str) -> str:
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return text
    parsed.name = canonicalize_name(parsed.name)
    return str(parsed)
