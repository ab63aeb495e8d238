"""The team's machines as they are saved: the records, and those that cannot be read."""

import re
from dataclasses import dataclass

from envctl.domain.record import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Unreadable:
    """A record that cannot be read: its file, and why; without a file none of them can be."""

    file: str
    message: str

    @property
    def name(self) -> str:
        """The machine's name as ``record --save`` takes it, where the file's name is one."""
        stem = self.file.rpartition(".")[0]
        return stem if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", stem) else "NAME"


@dataclass(frozen=True, kw_only=True, slots=True)
class Team:
    """The saved records, in the order of their names, and those that cannot be read."""

    records: tuple[Record, ...]
    unreadable: tuple[Unreadable, ...]
