"""The lock: a PEP 751 ``pylock.toml`` plus what envctl writes into its ``[tool.envctl]``.

That table never changes what is installed (PEP 751 forbids it). It holds the schema version, the normalised
inputs one per line, the declared variables, the contract, and one line per package: a digest of its entry, so
that an edit or a re-lock by another tool is noticed, and its edges, which PEP 751 writers leave out. One digest
per package rather than one for the file: adding a package then changes only lines about it, and two branches
that add different packages merge.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.markers import Marker
from packaging.pylock import (
    Package,
    Pylock,
)
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain import build
from envctl.domain.build import locked as build_lock
from envctl.domain.lock.entry import CREATOR, digest, version_of
from envctl.domain.manifest import Index, Manifest
from envctl.domain.resolution import Resolution

SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What envctl knows of one package entry: its identity, the digest of its text, and its edges."""

    name: str
    version: str
    digest: str
    requires: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """A lock as read or as made. ``entries`` and ``inputs`` are empty in a lock that envctl did not write.

    ``adopted``: the tool that wrote the packages of a lock that envctl took over as it was. ``only``: the extras and
    groups that it was made for (``extra viz``, ``group dev``); ``None``: all of the manifest's.
    """

    pylock: Pylock
    schema: int | None = None
    made_by: str | None = None
    adopted: str | None = None
    profile: str | None = None
    only: tuple[str, ...] | None = None
    inputs: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    contract: Mapping[str, Any] = field(default_factory=dict)
    builds: build_lock.Builds = field(default_factory=build_lock.Builds)

    @property
    def ours(self) -> bool:
        """Whether envctl wrote this lock, or adopted it from whoever did."""
        return self.schema is not None and str(self.pylock.created_by) == (self.adopted or CREATOR)


def inputs_of(manifest: Manifest) -> tuple[str, ...]:
    """Return what a resolution depends on, one line each, sorted: never versions of the project, comments, order."""
    lines = [f"resolver {manifest.resolver}"]
    if manifest.python_specifier:
        lines.append(f"python {manifest.python_specifier}")
    if manifest.exclude_newer:
        lines.append(f"exclude-newer {manifest.exclude_newer}")
    lines += [f"platform {platform.name}" for platform in manifest.platforms]
    lines += [f"requires {text}" for text in manifest.dependencies]
    for kind, sets in (("extra", manifest.extras), ("group", manifest.groups)):
        for name, texts in sets.items():
            # A line for the set itself: an empty one can be asked for all the same.
            lines += [f"{kind} {name}", *(f"{kind} {name}: {text}" for text in texts)]
    lines += [f"constraint {text}" for text in manifest.constraints]
    lines += _index_lines(manifest.indexes)
    lines += build.input_lines(manifest.builds, manifest.build_system)
    return tuple(sorted(set(lines)))


def _index_lines(indexes: Iterable[Index]) -> Iterator[str]:
    """Yield each index; open ones with their place, which counts. Of claims the closest counts, wherever it stands."""
    place = 0
    for index in indexes:
        place += not index.packages
        rest = f"only {' '.join(sorted(index.packages))}" if index.packages else f"#{place}"
        yield f"index {index.name} {index.url} {rest}"


def assemble(resolution: Resolution, manifest: Manifest, contract: Mapping[str, Any]) -> Lock:
    """Put a resolver's answer and the manifest's declarations together as one lock, in stable order."""
    packages = sorted(resolution.packages, key=_order)
    python = manifest.python_specifier or resolution.requires_python
    pylock = Pylock(
        lock_version=Version("1.0"),
        environments=[Marker(text) for text in resolution.environments] or None,
        requires_python=None if python is None else SpecifierSet(python),
        extras=[canonicalize_name(name) for name in sorted(manifest.extras)],
        dependency_groups=sorted(manifest.groups),
        created_by=CREATOR,
        packages=packages,
    )
    pylock.validate()
    return Lock(
        pylock=pylock,
        schema=SCHEMA,
        made_by=resolution.made_by,
        profile=manifest.profile,
        only=manifest.only,
        inputs=inputs_of(manifest),
        entries=tuple(
            Entry(
                name=package.name,
                version=version_of(package),
                digest=digest(package),
                requires=resolution.edges.get((package.name, version_of(package)), ()),
            )
            for package in packages
        ),
        env=dict(sorted(manifest.env.items())),
        contract=contract,
    )


def _order(package: Package) -> tuple[str, str, str]:
    return package.name, version_of(package), str(package.marker or "")
