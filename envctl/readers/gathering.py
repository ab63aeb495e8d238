"""What a reader has found so far: each thing is carried over, or there is a note that says why not."""

from collections.abc import Iterable, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.domain import reading
from envctl.domain.imported import Entry, FoundIndex, Note
from envctl.domain.requirement import requirement
from envctl.readers import addresses
from envctl.readers.requirements.options import CREDENTIALS, carried
from envctl.readers.requirements.texts import LeftOutError, portable


class Gathered:
    """Notes as they come, and the packages that are tied to an index by its name."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.tied: dict[str, list[str]] = {}

    def note(self, where: str, message: str) -> None:
        """Add what a person must know; the message holds no secret any more afterwards."""
        self.notes.append(Note(where=where, message=addresses.redacted(message)))

    def entry(self, text: str, where: str, comment: str = "") -> tuple[Entry, ...]:
        """Return a requirement as a manifest holds it, or nothing and a note; raises ``ManifestError``."""
        try:
            said = portable(text, where)
        except LeftOutError as error:
            self.note(where, f"`{text}`: {error}")
            return ()
        if said.stripped:
            self.note(where, CREDENTIALS)
        requirement(said.text, where)
        return (Entry(text=said.text, comment=addresses.redacted(comment), where=where),)

    def tie(self, index: str, name: str) -> None:
        """Remember that a package comes from the index of that name."""
        names = self.tied.setdefault(index, [])
        if (plain := canonicalize_name(name)) not in names:
            names.append(plain)

    def index(self, url: str, name: str | None, where: str, *, default: bool) -> FoundIndex | None:
        """Return an index free of credentials, with what is tied to it, or nothing and a note."""
        clean, message = carried(url)
        if message:
            self.note(where, message)
        if clean is None:
            return None
        packages = () if default else tuple(self.tied.get(name or "", ()))
        return FoundIndex(url=clean, name=plain_name(name), packages=packages, default=default)

    def unknown_ties(self, names: Iterable[str], where: str) -> None:
        """Note the packages whose index is declared nowhere."""
        known = set(names)
        for index, packages in self.tied.items():
            if index not in known:
                listed = ", ".join(f"`{package}`" for package in packages)
                self.note(where, f"there is no index `{index}`, which {listed} shall come from")

    def left_out(self, table: Mapping[str, object], known: Iterable[str], where: str) -> None:
        """Note each key of a table that envctl has no word for."""
        for key in sorted(set(table) - set(known)):
            self.note(reading.join(where, key), "envctl has no word for this key: left out")


def plain_name(name: str | None) -> str | None:
    """Return an index's name as a manifest takes it: letters, digits, dashes, underscores, dots."""
    if name is None:
        return None
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)
    return kept.strip("._-") or None


def section_name(name: str) -> str:
    """Return the name of a group or an extra as PEP 685 and PEP 735 have it."""
    return canonicalize_name(plain_name(name) or "group")


def without(entries: Iterable[Entry], others: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries whose package none of the others names."""
    taken = {_package(entry) for entry in others if entry.text}
    return tuple(entry for entry in entries if not entry.text or _package(entry) not in taken)


def _package(entry: Entry) -> str:
    return canonicalize_name(Requirement(entry.text or "").name)


def plain_comment(comment: str) -> str:
    """Return a comment without what TOML's comments cannot hold (TOML 1.0.0, "Comment")."""
    return "".join(c for c in comment if c == "\t" or c.isprintable()).strip()
