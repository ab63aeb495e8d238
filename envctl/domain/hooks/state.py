"""What is asked of a repository's hooks, what was done, and what is there."""

from dataclasses import dataclass
from typing import Literal

from envctl.domain.hooks import Hook, Origin

Means = Literal["pre-commit", "git"]
"""A configuration that pre-commit or prek reads, or hooks of git's own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What ``install`` is asked: which hooks (``None``: those that are there, else the usual two), by which means."""

    hooks: tuple[Hook, ...] | None = None
    origin: Origin | None = None
    means: Means | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """What was written or taken away, what a person should know, and what is to be done next."""

    means: Means
    changed: tuple[str, ...]
    notes: tuple[str, ...] = ()
    next: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Active:
    """One hook, and by which means: a configuration of ``pre-commit`` or ``prek``, one ``by hand``, or ``git``.

    ``started``: the git hooks that start it, ``lacking``: those that should and do not. ``current``: it is as this
    envctl would write it.
    """

    hook: str
    means: Literal["pre-commit", "prek", "by hand", "git"]
    where: str
    started: tuple[str, ...]
    lacking: tuple[str, ...]
    current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """Every hook that is there, and what is to be done, if anything."""

    active: tuple[Active, ...]
    next: tuple[str, ...]
