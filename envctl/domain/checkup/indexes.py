"""Package indexes: what is asked of one, and what came of it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexQuestion:
    """Which index is asked for which project's page; ``page`` is empty for the index's own.

    The project is one that this index serves anyway: no other index hears of a name.
    """

    name: str
    url: str
    page: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexAnswer:
    """What came of it. ``host`` is who was asked, a mirror perhaps; ``login``: whether one was found, never which.

    ``keyring``: one is here that could have a login; it was not asked, because it may ask its user. ``bare``: the
    address is neither encrypted nor on this machine.
    """

    name: str
    host: str
    problem: str | None = None
    mend: str | None = None
    login: bool = False
    keyring: bool = False
    mirrored: bool = False
    bare: bool = False
