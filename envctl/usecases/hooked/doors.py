"""Through which doors the hooks are put in and started."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from envctl.domain.hooks.scripts import HookFile


class Repository(Protocol):
    """A git work tree (see ``envctl.adapters.hooks.repository``). Names are as seen from ``top``."""

    @property
    def top(self) -> Path: ...

    def staged_names(self) -> tuple[str, ...]:
        """Return the files that the commit changes or removes."""
        ...

    def changed(self, old: str, new: str) -> tuple[str, ...] | None:
        """Return the files that differ between two commits; ``None``: that cannot be said."""
        ...

    def manifests(self) -> tuple[str, ...]:
        """Return every ``pyproject.toml`` that git has."""
        ...

    def midway(self) -> bool:
        """Whether a rebase or a bisection is at work."""
        ...


class Folder(Protocol):
    """The folder of a repository's hooks (see ``envctl.adapters.hooks.folder``)."""

    path: Path

    @property
    def place(self) -> Literal["git", "tree", "ignored", "outside"]:
        """Whether it is git's own, in the work tree (there also one that git ignores), or somewhere else."""
        ...

    def look(self, name: str) -> HookFile: ...

    def put(self, name: str, script: str) -> None:
        """Write ours; another's is kept and started by it. Raises ``ProjectError``."""
        ...

    def take(self, name: str) -> None:
        """Take ours away and put back what was there before; raises ``ProjectError``."""
        ...

    def events(self) -> Collection[str]:
        """Return the events at which git's settings start pre-commit or prek."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Let one process at a time change the hooks."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """How a repository's hooks are reached; ``read``, ``write`` and ``remove``: files at its top, byte for byte.

    ``python``: what runs envctl, and the flags that it needs for that. ``has``: whether there is such a program.
    """

    repository: Repository
    folder: Folder
    read: Callable[[str], str | None]
    write: Callable[[str, str], None]
    remove: Callable[[str], None]
    python: Callable[[], tuple[str, str]]
    has: Callable[[str], bool]
