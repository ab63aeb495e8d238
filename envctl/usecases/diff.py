"""Compare two things of one kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from envctl.domain.difference import Comparison
from envctl.domain.runs import difference as run_difference
from envctl.errors import DescriptionError
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
        name="description of a run",
        claims=run_file.claims,
        read=run_file.read_run,
        compare=run_difference.compare,
    ),
)
"""The first that claims a text has it."""


def diff(given: Callable[[str], str | None], a: str, b: str) -> Comparison:
    """Compare two files, which ``given`` reads; raises ``DescriptionError``."""
    (kind, one), (other, two) = _read(given, a), _read(given, b)
    if kind is not other:
        raise DescriptionError(
            f"a {kind.name} and a {other.name} cannot be compared",
            where=f"{a}, {b}",
            hint="name two of one kind",
        )
    return kind.compare(one, two)


def _read(given: Callable[[str], str | None], name: str) -> tuple[Kind, Any]:
    text = given(name)
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
            f"this is no {known}",
            where=name,
            hint="name a file that `envctl run` or `envctl describe --json` wrote",
        )
    return kind, kind.read(text, name)
