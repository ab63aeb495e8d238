"""The manifest: what ``pyproject.toml`` asks for, in ``[project]``, ``[dependency-groups]`` and ``[tool.envctl]``."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Literal

from envctl.domain.build import BuildSettings, BuildSystem
from envctl.domain.finding.weights import Weights
from envctl.domain.platforms import Platform

ResolverName = Literal["uv", "pip-tools"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """A package index by name; ``packages`` are patterns of names that come from it and nowhere else."""

    name: str
    url: str
    packages: tuple[str, ...] = ()

    def claim(self, name: str) -> int:
        """Return how closely a pattern of this index fits a package's name: 0 not at all, a name itself best.

        The name is normalised; a pattern is written as anyone writes names, and compared as PEP 503 has it.
        """
        plain = (re.sub(r"[-_.]+", "-", pattern).lower() for pattern in self.packages)
        fits = (pattern for pattern in plain if fnmatchcase(name, pattern))
        return max((len(p) + (0 if _WILD & set(p) else 1000) for p in fits), default=0)


_WILD = frozenset("*?[")


def claimant(indexes: Iterable[Index], name: str) -> Index | None:
    """Return the index that a package must come from; of several claims the closest counts, in whatever order."""
    claims = [(index.claim(name), index.name, index) for index in indexes]
    best = max((each for each in claims if each[0]), key=lambda each: each[:2], default=None)
    return best[2] if best else None


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuNeed:
    """What the lock cannot tell about GPUs: whether one must be there, and how many."""

    required: bool = False
    count: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageSettings:
    """``[tool.envctl.image]``; ``target`` is its key ``for``.

    ``chosen``: groups and extras are the command line's word, which the Dockerfile remembers. ``project``: how the
    project itself gets in, as files (``source``) or installed as a wheel (``package``). ``builder``: the image in which
    sources are compiled; ``build_packages``: what Debian adds to it. ``ports``: TCP, each 1 to 65535.
    """

    build: str = "buildkit"
    target: str = "docker"
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    system_packages: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    base: str | None = None
    registry: str | None = None
    source: tuple[str, ...] = ()
    project: str = "source"
    builder: str | None = None
    build_packages: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    healthcheck: tuple[str, ...] = ()
    stop_signal: str | None = None
    chosen: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """One variant of the project, as the manifest writes it: what it adds to, or sets instead of, the rest.

    ``torch``: the build, by the name of its index (``cpu``, ``cu126``, ``rocm6.4``). ``extras`` and ``groups`` are
    installed with this profile without being asked for. ``platforms`` and ``gpu`` replace the manifest's own.
    """

    name: str
    torch: str | None = None
    dependencies: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    platforms: tuple[Platform, ...] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    gpu: GpuNeed | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where another tool's settings take a package from: in words, the key, and the index's name if it is one."""

    what: str
    where: str
    index: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """Everything that a project asks for. Requirements are normalised PEP 508 strings, in the user's order.

    ``profile``: this is the manifest as that profile sees it (see ``envctl.domain.profile``); ``default_extras`` and
    ``torch`` come from it. ``build_system``: how the project itself is built; ``None``: it is not installed.
    ``elsewhere``: names that another tool's settings take from somewhere else (see ``foreign_sources``).
    ``inject``: a Python that is started directly has the variables as well (see ``envctl.emitters.inject``).
    ``managed``: envctl makes ``.venv``; else another tool does, and envctl only enters it.
    ``only``: this is the manifest without the extras and groups that a lock leaves out (see ``restricted``).
    ``verify``: how much each code of a finding counts.
    """

    name: str | None = None
    requires_python: str | None = None
    dependencies: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    build_system: BuildSystem | None = None
    required_version: str | None = None
    python: str | None = None
    resolver: ResolverName = "uv"
    platforms: tuple[Platform, ...] = ()
    default_groups: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    exclude_newer: str | None = None
    indexes: tuple[Index, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    inject: bool = False
    gpu: GpuNeed = GpuNeed()
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    image: ImageSettings = ImageSettings()
    builds: Mapping[str, BuildSettings] = field(default_factory=dict)
    profile: str | None = None
    default_extras: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    managed: bool = True
    elsewhere: Mapping[str, Source] = field(default_factory=dict)
    torch: str | None = None
    verify: Weights = field(default_factory=Weights)

    @property
    def python_specifier(self) -> str | None:
        """The lock's ``requires-python``: the pinned Python, or else the project's own range."""
        if self.python is None:
            return self.requires_python
        return f"=={self.python}" if self.python.count(".") == 2 else f"=={self.python}.*"

    @property
    def lock_name(self) -> str:
        """The lock's file name (PEP 751, "File Name")."""
        return f"pylock.{self.profile}.toml" if self.profile else "pylock.toml"

    @property
    def for_linux(self) -> bool:
        """Whether there can be an image of it."""
        return not self.platforms or any(platform.os == "linux" for platform in self.platforms)


def restricted(manifest: Manifest, only: Iterable[str] | None) -> Manifest:
    """Return the manifest with just these extras and groups (``extra viz``, ``group dev``); ``None``: with all."""
    if only is None:
        return manifest
    kept = frozenset(only)
    extras = {name: texts for name, texts in manifest.extras.items() if f"extra {name}" in kept}
    groups = {name: texts for name, texts in manifest.groups.items() if f"group {name}" in kept}
    image = manifest.image
    return replace(
        manifest,
        only=tuple(sorted(kept)),
        extras=extras,
        groups=groups,
        default_extras=tuple(name for name in manifest.default_extras if name in extras),
        default_groups=tuple(name for name in manifest.default_groups if name in groups),
        image=replace(
            image,
            extras=tuple(name for name in image.extras if name in extras),
            groups=tuple(name for name in image.groups if name in groups),
        ),
    )
