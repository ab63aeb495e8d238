"""The arrays that a requirements file becomes, with its comments and blank lines in their places."""

from envctl.domain.imported import Entry
from envctl.readers import addresses


class Entries:
    """The lines of one array as they come: comments wait for the requirement that they stand above."""

    def __init__(self) -> None:
        self.done: list[Entry] = []
        self.waiting: list[str] = []
        self.files: set[str] = set()
        self.places: dict[str, str] = {}
        self._own = 0  # so many of those that wait are lines left out: they stay with this array

    def remark(self, comment: str) -> None:
        """Keep a comment, or a blank line between two sections."""
        if comment or ((self.waiting or self.done) and self.waiting[-1:] != [""]):
            self.waiting.append(addresses.redacted(comment))

    def leave(self, comment: str) -> None:
        """Keep a line that is not carried over in sight: as a comment in its place, whatever follows."""
        self.remark(comment)
        self._own = len(self.waiting)

    def hand_over(self, other: "Entries") -> None:
        """Give the comments that wait to another array: they speak of a line that fills that one."""
        if other is not self:
            other.waiting += self.waiting[self._own :]
            del self.waiting[self._own :]

    def lengthen(self, comment: str) -> None:
        """Add to the last requirement's own comment: pip-compile writes ``# via`` below, indented."""
        last = self.done.pop()
        between = "" if not last.comment else " " if last.comment.endswith("via") else ", "
        said = f"{last.comment}{between}{addresses.redacted(comment)}"
        self.done.append(Entry(text=last.text, above=last.above, comment=said, where=last.where))

    def add(self, text: str, comment: str | None, where: str) -> None:
        """Add a requirement with the comments that wait for it."""
        said = addresses.redacted(comment or "")
        self.done.append(Entry(text=text, above=tuple(self.waiting), comment=said, where=where))
        self.waiting = []
        self._own = 0

    def spoken_for(self, comment: str | None) -> tuple[str, ...]:
        """Hand out the comments right above and beside a line that becomes something else than an entry."""
        above: list[str] = []
        while len(self.waiting) > self._own and self.waiting[-1]:
            above.insert(0, self.waiting.pop())
        return (*above, addresses.redacted(comment)) if comment else tuple(above)

    def entries(self) -> tuple[Entry, ...]:
        """Return the array, the file's last comments included, without blank lines at its ends."""
        while self.waiting[-1:] == [""]:
            self.waiting.pop()
        if self.waiting:
            self.done.append(Entry(above=tuple(self.waiting)))
            self.waiting = []
            self._own = 0
        return tuple(self.done)
