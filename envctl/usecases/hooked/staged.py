"""A project as it is staged: what a commit would make of it."""

from collections.abc import Collection
from typing import Protocol

from envctl.ports import Project


class Staged(Project, Protocol):
    """A project whose files are those in git's index (see ``envctl.adapters.hooks.staged``).

    ``apart``: the files that were asked for and are otherwise in the folder.
    """

    @property
    def apart(self) -> Collection[str]: ...
