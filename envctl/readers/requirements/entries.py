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

    def remark(self, comment: str) -> None:
        """Keep a comment, or a blank line between two sections."""
        if comment or ((self.waiting or self.done) and self.waiting[-1:] != [""]):
            self.waiting.append(addresses.redacted(comment))

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

    def spoken_for(self, comment: str | None) -> tuple[str, ...]:
        """Hand out the comments right above and beside a line that becomes something else than an entry."""
        above: list[str] = []
        while self.waiting and self.waiting[-1]:
            above.insert(0, self.waiting.pop())
        return (*above, addresses.redacted(comment)) if comment else tuple(above)

    def entries(self) -> tuple[Entry, ...]:
        """Return the array, the file's last comments included, without blank lines at its ends."""
        while self.waiting[-1:] == [""]:
            self.waiting.pop()
        if self.waiting:
            self.done.append(Entry(above=tuple(self.waiting)))
            self.waiting = []
        return tuple(self.done)
