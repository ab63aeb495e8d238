"""What is asked of a resolver, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.pylock import Package, PackageVcs

from envctl.domain.build import BuildSettings
from envctl.domain.manifest import Index, claimant
from envctl.domain.platforms import Platform


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """A CPython on this machine: the path of its executable and its full version (``3.11.7``)."""

    path: str
    version: str

    @property
    def minor(self) -> str:
        """``3.11``."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One version of one package that an earlier lock holds: the resolver keeps it where it can.

    ``vcs``: it is a commit of a repository; the version is then empty.
    """

    name: str
    version: str
    index: str | None = None
    vcs: PackageVcs | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """A resolution to be done. Requirements are canonical PEP 508 strings.

    ``platforms`` is empty for "every platform". ``pins`` are preferences, not constraints. ``indexes`` is empty
    for the resolver's own default index; otherwise the first without ``packages`` is the default one. ``builds``:
    what the manifest says of packages that a resolver may have to build to learn what they need. ``mirrors``: where
    this machine fetches an index's packages instead, by the index's address. ``earlier``: the packages of the lock so
    far, where there are mirrors. ``root``: the folder that relative paths start from.
    """

    requirements: tuple[str, ...]
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    requires_python: str | None = None
    interpreter: Interpreter
    platforms: tuple[Platform, ...] = ()
    indexes: tuple[Index, ...] = ()
    exclude_newer: str | None = None
    pins: tuple[Pin, ...] = ()
    builds: Mapping[str, BuildSettings] = field(default_factory=dict)
    mirrors: Mapping[str, str] = field(default_factory=dict)
    earlier: tuple[Package, ...] = ()
    root: str | None = None

    def claimant(self, name: str) -> Index | None:
        """Return the index that a package must come from, if one claims its name."""
        return claimant(self.indexes, name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """A resolver's answer, in PEP 751's nouns.

    ``packages``: each with every file's URL and hashes, its index, and a marker that names the ``extras`` and
    ``dependency_groups`` through which it comes (none: the project's own dependencies need it, everywhere).
    ``edges``: for each (name, version), the requirements that it brings, as ``name`` or ``name ; marker``.
    ``environments``: the marker of each platform resolved for; empty: all.
    ``made_by``: the resolver and its version. ``notes``: what a person should know.
    """

    packages: tuple[Package, ...]
    edges: Mapping[tuple[str, str], tuple[str, ...]]
    environments: tuple[str, ...]
    requires_python: str | None
    made_by: str
    notes: tuple[str, ...] = ()
