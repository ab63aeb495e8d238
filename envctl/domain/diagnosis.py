"""One line of ``doctor``: what was looked at, how it is, and what mends it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]
STATES: tuple[State, ...] = ("ok", "warn", "fail")


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """The state of one thing; ``mend`` is the next step, a command or what a person must do."""

    check: str
    state: State
    message: str
    mend: str | None = None
