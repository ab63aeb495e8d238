"""The formats that a lock can be written in, by the name that ``envctl export`` gives them.

One module a format; to add one, write the module and name it here.
"""

from collections.abc import Mapping
from typing import Protocol

from envctl.domain.export import Excerpt, Exported, Option, Settings
from envctl.emitters.exports import conda, cyclonedx, pylock, requirements


class Format(Protocol):
    """A module with these names.

    ``NAME``: the word on the command line. ``SUMMARY``: its one-line help. ``FILE``: what such a file is usually
    named; ``FILES``: a pattern of the names that it may have. ``EXAMPLE``: a command line. ``OPTIONS``: its own.
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

    @property
    def OPTIONS(self) -> tuple[Option, ...]: ...  # noqa: N802

    def emit(self, excerpt: Excerpt, settings: Settings) -> Exported:
        """Write the excerpt; raises ``ExportError`` for what the format cannot say, ``UsageError``."""
        ...


EXPORTS: Mapping[str, Format] = {
    "requirements": requirements,
    "environment": conda,
    "sbom": cyclonedx,
    "pylock": pylock,
}
