"""Compare two things of one kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from envctl.domain.difference import Comparison
from envctl.domain.runs import difference as run_difference
from envctl.errors import DescriptionError
from envctl.ports import Project
from envctl.readers import run_file


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """Something that can be compared: how its text is told from others', read, and compared.

    ``read`` is given the text and the file's name, and raises a subclass of ``EnvctlError``.
    """

    name: str
    claims: Callable[[str], bool]
    read: Callable[[str, str], Any]
    compare: Callable[[Any, Any], Comparison]


KINDS: tuple[Kind, ...] = (
    Kind(
        name="the description of a run",
        claims=run_file.claims,
        read=run_file.read_run,
        compare=run_difference.compare,
    ),
)
"""The first that claims a text has it."""


def diff(project: Project, a: str, b: str) -> Comparison:
    """Compare two files, named as ``project`` sees them; raises ``DescriptionError``, ``ProjectError``."""
    (kind, one), (other, two) = _read(project, a), _read(project, b)
    if kind is not other:
        raise DescriptionError(
            f"{kind.name} and {other.name} cannot be compared",
            where=f"{a}, {b}",
            hint="name two of one kind",
        )
    return kind.compare(one, two)


def _read(project: Project, name: str) -> tuple[Kind, Any]:
    text = project.read(name)
    if text is None:
        raise DescriptionError(
            "there is no such file",
            where=name,
            hint="name a file that `envctl run` or `envctl describe --json` wrote",
        )
    kind = next((kind for kind in KINDS if kind.claims(text)), None)
    if kind is None:
        known = " or ".join(each.name for each in KINDS)
        raise DescriptionError(
            f"this is not {known}",
            where=name,
            hint="name a file that `envctl run` or `envctl describe --json` wrote",
        )
    return kind, kind.read(text, name)
