"""What ``init`` finds in files that others wrote, and what it adds to a manifest."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of an array: a requirement with the comments above (``""``: a blank line) and beside it.

    Without ``text`` only its comments count: they ended the file.
    """

    text: str | None = None
    above: tuple[str, ...] = ()
    comment: str = ""
    where: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundIndex:
    """A package index, its URL free of credentials; ``default``: it replaces the tool's own default index."""

    url: str
    name: str | None = None
    packages: tuple[str, ...] = ()
    default: bool = False
    above: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Something that the user must know: what was not carried over and why, with ``file:line`` or a key."""

    where: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A named set of requirements beside the project's own: an extra or a dependency group."""

    kind: Literal["extra", "group"]
    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """The part of another tool's files that a manifest can hold, and a note for all the rest.

    ``groups`` are those that are installed by default; ``None``: nothing is said about that. ``python`` is the
    environment's (``3.11`` or ``3.11.7``), ``requires_python`` the project's range (PEP 440). ``env``: variables,
    none of them secret by its name.
    """

    name: str | None = None
    python: str | None = None
    requires_python: str | None = None
    requirements: tuple[Entry, ...] = ()
    sections: tuple[Section, ...] = ()
    constraints: tuple[Entry, ...] = ()
    indexes: tuple[FoundIndex, ...] = ()
    groups: tuple[str, ...] | None = None
    exclude_newer: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Additions:
    """What is to be added to a manifest's text; what already stands there wins.

    ``project``: the keys of the ``[project]`` table besides its dependencies, if that table is to be made.
    ``group`` names the dependency group that takes the dependencies; without it they are
    ``project.dependencies``. ``sections`` are further groups, and extras of ``[project]``.
    """

    header: tuple[str, ...] = ()
    project: tuple[tuple[str, str], ...] | None = None
    dependencies: tuple[Entry, ...] = ()
    group: str | None = None
    sections: tuple[Section, ...] = ()
    settings: tuple[tuple[str, str | tuple[str, ...]], ...] = ()
    constraints: tuple[Entry, ...] = ()
    indexes: tuple[FoundIndex, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    image_groups: tuple[str, ...] = ()
