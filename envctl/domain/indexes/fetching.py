"""What is on its way from an index, as whoever installs tells of it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetch:
    """One file that is being fetched, or has been (``done``); ``size``: bytes, where it is known."""

    name: str
    size: int | None = None
    done: bool = False


Heard = Callable[[Fetch], None]
"""Is told of each file twice: when it begins and when it is there."""
