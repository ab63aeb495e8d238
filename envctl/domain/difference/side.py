"""One of two things that are compared: whatever it is, this is what of it has to do with results."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from envctl.domain.contract import Contract
from envctl.domain.difference.packages import Held
from envctl.domain.difference.settings import Value

Kind = Literal["lock", "environment", "image", "record", "run"]
WORDS: Mapping[Kind, str] = {
    "lock": "a lock",
    "environment": "an environment",
    "image": "an image",
    "record": "a record of a machine",
    "run": "a description of a run",
}
Basis = Literal["lock", "labels", "versions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """A contract, and how much of it can be known: ``labels`` have no libc, ``versions`` have no kernels either."""

    contract: Contract
    basis: Basis


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one side tells; ``None`` and a missing fact mean that it does not tell.

    ``name``: what it is, for people. ``facts``: see the module of that name. ``remarks``: what it cannot tell.
    ``asked``: the requirements and settings that a lock answers, one line each. ``aside``: packages that count only
    where both sides have them: the project itself, and what tools put into an environment unasked.
    """

    kind: Kind
    name: str
    packages: Mapping[str, Held] | None = None
    needs: Needs | None = None
    variables: Mapping[str, Value] | None = None
    facts: Mapping[str, str | None] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    asked: tuple[str, ...] | None = None
    aside: frozenset[str] = frozenset()


def comparable(a: Kind, b: Kind) -> bool:
    """Whether two kinds of things have anything in common: packages, or a machine."""
    holds, machines = {"lock", "environment", "image", "run"}, {"record", "run"}
    return {a, b} <= holds or {a, b} <= machines
