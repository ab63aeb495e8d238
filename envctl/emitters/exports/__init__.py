"""What ``envctl export`` writes, by the name that it gives each.

Formats of a lock; doors, by which other tools enter the environment; companions, by which others start the image. One
module each; to add one, write the module and name it here.
"""

from collections.abc import Mapping
from typing import Protocol

from envctl.domain.environment.entrance import Entrance
from envctl.domain.export import Excerpt, Exported, Option, Settings
from envctl.domain.image.companion import Companion
from envctl.emitters.exports import (
    compose,
    conda,
    cyclonedx,
    devcontainer,
    direnv,
    kernel,
    pylock,
    requirements,
    vscode,
)


class Named(Protocol):
    """A module with these names.

    ``NAME``: the word on the command line. ``SUMMARY``: its one-line help. ``FILE``: what such a file is usually
    named; ``FILES``: a pattern of the names that it may have. ``EXAMPLE``: a command line.
    """

    @property
    def NAME(self) -> str: ...  # noqa: N802  # a module's constant

    @property
    def SUMMARY(self) -> str: ...  # noqa: N802

    @property
    def FILE(self) -> str: ...  # noqa: N802

    @property
    def FILES(self) -> str: ...  # noqa: N802

    @property
    def EXAMPLE(self) -> str: ...  # noqa: N802


class Format(Named, Protocol):
    """A format of the lock: a module with these names as well. ``OPTIONS``: its own."""

    @property
    def OPTIONS(self) -> tuple[Option, ...]: ...  # noqa: N802

    def emit(self, excerpt: Excerpt, settings: Settings) -> Exported:
        """Write the excerpt; raises ``ExportError`` for what the format cannot say, ``UsageError``."""
        ...


class Door(Named, Protocol):
    """What lets another tool enter the environment. ``FILES`` is about the whole path, as seen from the project.

    ``HELP``: its help. ``HOLDS_VALUES``: the declared values stand in it, so that it is about one profile.
    """

    @property
    def HELP(self) -> str: ...  # noqa: N802

    @property
    def HOLDS_VALUES(self) -> bool: ...  # noqa: N802

    def emit(self, entrance: Entrance) -> Exported:
        """Write a file that is sealed (see ``envctl.domain.seal``)."""
        ...


class Accompanying(Named, Protocol):
    """What another tool starts the image by. ``FILES`` and ``HELP`` as a door's."""

    @property
    def HELP(self) -> str: ...  # noqa: N802

    def emit(self, companion: Companion) -> Exported:
        """Write a file that is sealed (see ``envctl.domain.seal``)."""
        ...


EXPORTS: Mapping[str, Format] = {
    "requirements": requirements,
    "environment": conda,
    "sbom": cyclonedx,
    "pylock": pylock,
}

DOORS: Mapping[str, Door] = {
    "kernel": kernel,
    "direnv": direnv,
    "vscode": vscode,
}

COMPANIONS: Mapping[str, Accompanying] = {
    "devcontainer": devcontainer,
    "compose": compose,
}
