"""A tree of requirements files, as pip reads it, to the requirements, constraints and indexes that it holds.

Nothing is dropped without a word: each line is carried over, or there is a note that says where it stands and
why it was not. Files are reached through ``read`` alone, which gives ``None`` for a file that is not there.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Callable
from optparse import Values

from packaging.requirements import Requirement

from envctl.domain.imported import Imported, Note
from envctl.domain.requirement import requirement
from envctl.errors import ManifestError
from envctl.readers import addresses
from envctl.readers.requirements.entries import Entries
from envctl.readers.requirements.lines import Line, OptionError, logical_lines, split
from envctl.readers.requirements.options import CREDENTIALS, Indexes, left_out
from envctl.readers.requirements.texts import LeftOutError, portable

_SHOWN = 3  # lines of one file that cannot be carried over; it may be no requirements file at all

Read = Callable[[str], str | None]


def read_requirements(name: str, read: Read) -> Imported:
    """Read ``name`` and every file that it names; raises ``ManifestError`` with ``file:line``."""
    tree = _Tree(read)
    tree.file(name, tree.requirements, via=())
    return tree.imported()


class _Tree:
    """What was found so far in a tree of files."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.requirements = Entries()
        self._constraints = Entries()
        self._indexes = Indexes()
        self._notes: list[Note] = []
        self._left: Counter[str] = Counter()

    def imported(self) -> Imported:
        return Imported(
            requirements=self.requirements.entries(),
            constraints=self._constraints.entries(),
            indexes=self._indexes.found(),
            notes=tuple(self._notes),
        )

    def file(self, name: str, sink: Entries, via: tuple[str, ...], where: str = "") -> None:
        if name in via:
            raise ManifestError(
                f"`{name}` includes itself: {' → '.join((*via, name))}",
                where=where,
                hint="take one of these lines out",
            )
        if name in sink.files:
            return  # reached by two ways: its lines are carried already
        text = self._read(name)
        if text is None:
            raise ManifestError(
                f"there is no file `{name}`",
                where=where or name,
                hint="correct that line, or add the file" if where else "name a file that exists",
            )
        sink.files.add(name)
        self._lines(name, text, sink, (*via, name))

    def _lines(self, name: str, text: str, sink: Entries, via: tuple[str, ...]) -> None:
        hashes = 0
        below = False  # whether the line before was a requirement, or a comment that belongs to one
        for line in logical_lines(text.removeprefix("\ufeff")):
            where = f"{name}:{line.number}"
            if line.text:
                count = len(sink.done)
                hashes += self._statement(line, sink, via, where)
                below = len(sink.done) == count + 1
            elif below and line.indented and line.comment:
                sink.lengthen(line.comment)
            else:
                sink.remark(line.comment or "")
                below = False
        if (more := self._left[name] - _SHOWN) > 0:
            self._note(name, f"{more} more of its lines cannot be carried over")
        if hashes:
            self._note(name, f"{hashes} hashes left out: the lock holds those of every file")

    def _statement(self, line: Line, sink: Entries, via: tuple[str, ...], where: str) -> int:
        """Take one line; return how many hashes stood on it."""
        try:
            text, options, stray = split(line.text)
        except OptionError as error:
            self._leave(line, sink, where, str(error))
            return 0
        if stray:
            self._note(where, f"pip ignores `{' '.join(stray)}` at the end of that line")
        if text:
            self._requirement(text, line, sink, where)
        elif options.editable:
            self._requirement(options.editable[0], line, sink, where, editable=True)
        elif options.requirement or options.constraint:
            self._include(options, line, sink, via, where)
        elif options.index_url or options.extra_index_url:
            self._index(options, line, sink, where)
        else:
            sink.leave(_in_sight(line, where))
        self._notes += left_out(options, where, has_text=bool(text))
        return len(options.hash or ())

    def _index(self, options: Values, line: Line, sink: Entries, where: str) -> None:
        above = sink.spoken_for(line.comment)
        notes, whole = self._indexes.take(options, above, where)
        self._notes += notes
        if not whole:
            for comment in above[: -1 if line.comment else None]:
                sink.remark(comment)
            sink.leave(_in_sight(line, where))

    def _include(
        self, options: Values, line: Line, sink: Entries, via: tuple[str, ...], where: str
    ) -> None:
        # As pip has it: `-r` makes requirements even inside a constraints file.
        wanted = (options.requirement or options.constraint)[0]
        target = self.requirements if options.requirement else self._constraints
        if "://" in wanted:
            shown = addresses.redacted(wanted)
            sink.leave(_in_sight(line, where))
            self._note(where, f"`{shown}` was not read: download it, and name the local copy")
            return
        if line.comment:
            sink.remark(line.comment)
        sink.hand_over(target)  # the comments above `-c` speak of that file
        path = posixpath.normpath(posixpath.join(posixpath.dirname(via[-1]), wanted))
        self.file(path, target, via, where)

    def _requirement(
        self, text: str, line: Line, sink: Entries, where: str, *, editable: bool = False
    ) -> None:
        try:
            said = portable(text, where)
        except LeftOutError as error:
            self._leave(line, sink, where, str(error))
            return
        parsed = Requirement(said.text)
        if said.stripped:
            self._note(where, CREDENTIALS)
        if editable:
            self._note(where, f"`{parsed.name}` will not be editable: the lock pins its commit")
        carried = said.text
        if sink is self._constraints and parsed.extras:  # pip: "Constraints cannot have extras"
            self._note(where, f"extras of the constraint `{carried}` left out: it can have none")
            carried = re.sub(r"\[[^\]]*\]", "", carried, count=1)
        same = requirement(carried, where)
        if first := sink.places.get(same):
            self._note(where, f"`{carried}` is already listed at {first}")
            return
        sink.places[same] = where
        sink.add(carried, line.comment, where)

    def _leave(self, line: Line, sink: Entries, where: str, reason: str) -> None:
        """Leave a line out, but keep it in sight: as a comment where it stood, and the first ones as notes.

        Of a file outside the project, whose text may be none of the reader's business, only those become comments.
        """
        file = where.rpartition(":")[0]
        self._left[file] += 1
        foreign = file.startswith(("/", "../"))
        if self._left[file] > _SHOWN and foreign:
            return
        sink.leave(_in_sight(line, where))
        if self._left[file] <= _SHOWN:
            self._note(where, f"`{addresses.redacted(line.text)}`: {reason}")

    def _note(self, where: str, message: str) -> None:
        self._notes.append(Note(where=where, message=message))


def _in_sight(line: Line, where: str) -> str:
    said = f"not carried over ({where}): {line.text}"
    return f"{said}  # {line.comment}" if line.comment else said
