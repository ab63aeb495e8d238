"""Requirements as setuptools takes them: lines, files of lines, and extras whose names may hold a marker."""

import posixpath

from packaging.requirements import Requirement

from envctl.domain.imported import Entry, FoundIndex, Imported, Section
from envctl.errors import ManifestError
from envctl.readers.gathering import Gathered, plain_comment, section_name
from envctl.readers.requirements.files import Read, read_requirements
from envctl.readers.requirements.parts import both


class Metadata:
    """The project's requirements (extra ``None``) and those of its extras, as they come."""

    def __init__(self, found: Gathered, read: Read) -> None:
        self._found = found
        self._read = read
        self._entries: dict[str, dict[Entry, None]] = {"": {}}
        self._constraints: list[Entry] = []
        self._indexes: list[FoundIndex] = []

    def imported(self) -> Imported:
        """Return the requirements, extras and what their files named besides; notes are kept elsewhere."""
        return Imported(
            requirements=tuple(self._entries[""]),
            sections=tuple(
                Section(kind="extra", name=name, entries=tuple(entries))
                for name, entries in self._entries.items()
                if name
            ),
            constraints=tuple(self._constraints),
            indexes=tuple(self._indexes),
        )

    def declare(self, name: str, where: str) -> None:
        """Take an extra that may turn out to be empty."""
        self._bucket(name, where)

    def line(self, text: str, where: str, extra: str | None) -> None:
        """Take one requirement; empty lines and comments are none. Raises ``ManifestError``."""
        self._bucket(extra, where)
        wanted, _, comment = f" {text}".partition(" #")
        if wanted.strip():
            for entry in self._found.entry(wanted.strip(), where, plain_comment(comment)):
                self._add(entry, extra, where)

    def file(self, path: str, where: str, extra: str | None, without: tuple[str, ...] = ()) -> None:
        """Take the lines of a requirements file, but for those that begin with one of ``without``.

        A file outside the project is noted: what a stranger's file names is not for them to choose.
        """
        path = posixpath.normpath(path)
        self._bucket(extra, where)
        if path.startswith(("/", "..")):
            self._found.note(where, f"`{path}` is not read: it lies outside the project")
            return
        if self._read(path) is None:
            self._found.note(where, f"`{path}` is not read: there is no such file")
            return

        def lines(name: str) -> str | None:
            text = self._read(name)
            if text is None or name != path or not without:
                return text
            return "\n".join("" if row.startswith(without) else row for row in text.splitlines())

        made = read_requirements(path, lines)
        self._found.notes += made.notes
        self._constraints += made.constraints
        self._indexes += made.indexes
        for entry in made.requirements:
            self._add(entry, extra, where)

    def _add(self, entry: Entry, extra: str | None, where: str) -> None:
        bucket, marker = self._bucket(extra, where)
        text = entry.text
        if text is not None and marker:
            parsed = Requirement(text)
            old = str(parsed.marker) if parsed.marker else ""
            parsed.marker = None
            joint = both([old, marker], where)
            text = f"{parsed} ; {joint}"
        new = Entry(text=text, above=entry.above, comment=entry.comment, where=entry.where)
        bucket[new] = None

    def _bucket(self, extra: str | None, where: str) -> tuple[dict[Entry, None], str]:
        """Return an extra's entries and marker: ``dev:sys_platform=='win32'``, ``:python_version<'3'``."""
        name, _, marker = (extra or "").partition(":")
        if marker.strip():
            try:
                both([marker], where)
            except ManifestError as error:
                error.where = where
                raise
        plain = section_name(name) if name.strip() else ""
        return self._entries.setdefault(plain, {}), marker.strip()
