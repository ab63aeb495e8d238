"""Every way in which envctl *cannot* do what it was asked.

"No" is a value (a finding, a plan with nothing in it); "cannot" is one of these classes. Each says what
happened, where (a path, or a key such as ``tool.envctl.gpu.count``) and what to do next.
"""

from collections.abc import Iterable
from typing import ClassVar


class EnvctlError(Exception):
    """The base of all failures that envctl reports; never raised itself.

    ``code`` is stable and meant for machines (it stands in the JSON envelope); ``exit_code`` is one of the
    few numbers that scripts branch on.

    ``message`` says what, in one line; ``where`` it is; ``why``: what led to it, a sentence each, where one line does
    not say it; ``hint``: the next step, of one line or several; ``details``: what another program said of it. A line
    end that a name from a file brings along is spelled out: nothing that is quoted can add a line to a message.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 3

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        why: Iterable[str] = (),
        hint: str | Iterable[str] | None = None,
        details: str = "",
    ) -> None:
        super().__init__(message)
        self.message = _line(message)
        self.where = None if where is None else _line(where)
        self.why = tuple(_line(each) for each in why)
        self.hint = hint if hint is None else _lines(hint)
        self.details = details

    def __str__(self) -> str:
        """Return what and why, for who quotes it."""
        return "\n    ".join([f"{self.message}:" if self.why else self.message, *self.why])


def _line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\r", "\\r")


def _lines(texts: str | Iterable[str]) -> str:
    return _line(texts) if isinstance(texts, str) else "\n".join(map(_line, texts))


class UsageError(EnvctlError):
    """The command line asks for something that does not exist (an unknown layer or shell, a bad ``K=V``)."""

    code = "usage"
    exit_code = 2


class ProjectError(EnvctlError):
    """The folder cannot be worked in: not a project, read-only, disk full, already locked."""

    code = "project"


class ManifestError(EnvctlError):
    """``pyproject.toml`` or another file that the user writes does not say what it must."""

    code = "manifest"


class LockError(EnvctlError):
    """``pylock.toml`` is missing where it is needed, unreadable, or from a newer envctl."""

    code = "lock"


class NewerLockError(LockError):
    """A lock that a newer envctl wrote: not broken, and not to be replaced by this one."""


class RecordError(EnvctlError):
    """A machine record under ``.envctl/machines/`` cannot be read."""

    code = "record"


class DescriptionError(EnvctlError):
    """What is to be compared is not there, cannot be read, or has nothing in common with the other."""

    code = "description"


class ResolutionError(EnvctlError):
    """No set of versions answers the manifest, or a package does not exist."""

    code = "resolution"


class IndexFailure(EnvctlError):
    """A package index is unreachable, refuses us, or serves something that is no index."""

    code = "index"


class HashMismatchError(EnvctlError):
    """A file's content is not what the lock says."""

    code = "hash-mismatch"


class InterpreterError(EnvctlError):
    """No interpreter on this machine fits the manifest's Python."""

    code = "interpreter"


class EnvironmentFailure(EnvctlError):
    """The environment cannot be made, or ``.venv`` is not envctl's to replace."""

    code = "environment"


class ImageError(EnvctlError):
    """The image's files cannot be written as the manifest asks."""

    code = "image"


class RegistryFailure(EnvctlError):
    """An image registry is unreachable, refuses us, or serves something that is no image."""

    code = "registry"


class ExportError(EnvctlError):
    """The lock holds something that the asked format cannot say."""

    code = "export"


class LeaseError(EnvctlError):
    """The devices that were asked for are not to be had: taken, too few, or out of reach."""

    code = "lease"


class ToolMissingError(EnvctlError):
    """A program that envctl calls is not installed."""

    code = "tool-missing"
    exit_code = 4


class ToolFailedError(EnvctlError):
    """A program that envctl calls ended in a way that envctl cannot explain better."""

    code = "tool-failed"
    exit_code = 4


class ContainerError(EnvctlError):
    """The container engine is absent, refuses us, or failed."""

    code = "container"
    exit_code = 4


class NoEngineError(ContainerError):
    """No container engine answers, or it refuses us; what it has may be found elsewhere."""
