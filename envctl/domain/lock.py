"""The lock: a PEP 751 ``pylock.toml`` plus what envctl writes into its ``[tool.envctl]``.

That table never changes what is installed (PEP 751 forbids it). It holds the schema version, the normalised
inputs one per line, the declared variables, the contract, and one line per package: a digest of its entry, so
that an edit or a re-lock by another tool is noticed, and its edges, which PEP 751 writers leave out. One digest
per package rather than one for the file: adding a package then changes only lines about it, and two branches
that add different packages merge.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from packaging.markers import Marker
from packaging.pylock import (
    Package,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain import build, build_lock, reading
from envctl.domain.manifest import Index, Manifest
from envctl.domain.markers import spelled
from envctl.domain.resolution import Resolution
from envctl.errors import LockError, ManifestError, NewerLockError

SCHEMA = 1
CREATOR = "envctl"
_WHERE = "tool.envctl"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


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

    ``adopted``: the tool that wrote the packages of a lock that envctl took over as it was.
    """

    pylock: Pylock
    schema: int | None = None
    made_by: str | None = None
    adopted: str | None = None
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


def version_of(package: Package) -> str:
    """Return the version, or an empty string for a source tree, which has none (PEP 751)."""
    return str(package.version) if package.version is not None else ""


def package_table(package: Package) -> dict[str, Any]:
    """Return one entry as TOML-able data, in PEP 751's key order, without its tool table.

    What ``Pylock.to_dict`` gives, for the kind of entry that nearly all are: its deep copies of 20,000 small
    objects are a third of the time of a lock. The rare kinds go through it.
    """
    if package.vcs or package.directory or package.archive or package.attestation_identities:
        return _by_library(package)
    return _without_none(
        {
            "name": package.name,
            "version": None if package.version is None else str(package.version),
            "marker": None if package.marker is None else spelled(package.marker),
            "requires-python": package.requires_python and str(package.requires_python),
            "dependencies": package.dependencies and [dict(each) for each in package.dependencies],
            "index": package.index,
            "sdist": package.sdist and _file_table(package.sdist),
            "wheels": package.wheels and [_file_table(wheel) for wheel in package.wheels],
        }
    )


def _by_library(package: Package) -> dict[str, Any]:
    whole = Pylock(lock_version=Version("1.0"), created_by=CREATOR, packages=[package])
    table = dict(whole.to_dict()["packages"][0])
    table.pop("tool", None)
    if package.marker is not None:
        table["marker"] = spelled(package.marker)
    return table


def _file_table(file: PackageWheel | PackageSdist) -> dict[str, Any]:
    return _without_none(
        {
            "name": file.name,
            "upload-time": file.upload_time,
            "url": file.url,
            "path": file.path,
            "size": file.size,
            "hashes": dict(file.hashes),
        }
    )


def digest(package: Package) -> str:
    """Return the digest of one entry: over its meaning (canonical JSON), so that layout changes nothing."""
    text = json.dumps(package_table(package), sort_keys=True, default=str, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def edited(lock: Lock) -> tuple[str, ...]:
    """Return the packages whose entry is not as envctl wrote it, by name; none for a lock that it did not write."""
    if not lock.ours:
        return ()
    there = {
        (package.name, version_of(package), digest(package)) for package in lock.pylock.packages
    }
    known = {(entry.name, entry.version, entry.digest) for entry in lock.entries}
    return tuple(sorted({name for name, _, _ in there ^ known}))


def incomplete(lock: Lock) -> tuple[str, ...]:
    """Return packages that others need and that the lock lacks, as sentences.

    A merge of two branches can leave that, without a conflict. Edges and inputs with a marker may hold nowhere.
    """
    if not lock.ours:
        return ()
    there = {package.name for package in lock.pylock.packages}
    asked = [
        ("pyproject.toml", line.partition(" ")[2].rpartition(": ")[2])
        for line in lock.inputs
        if line.startswith("requires ") or (line.startswith(("extra ", "group ")) and ": " in line)
    ]
    asked += [(f"`{entry.name}`", text) for entry in lock.entries for text in entry.requires]
    found = []
    for who, text in asked:
        match = _NAME.match(text)
        name = canonicalize_name(match[0] if match else text)
        if ";" not in text and name not in there:
            found.append(f"{who} needs `{name}`, which the lock does not have")
    found += lock.builds.missing(lock.pylock.packages)
    return tuple(sorted(set(found)))


def reframed(lock: Lock, manifest: Manifest) -> tuple[str, ...]:
    """Return the keys around the packages that are not as envctl writes them for this manifest."""
    if lock.adopted:
        return ()
    pylock = lock.pylock
    wanted = {
        "extras": (sorted(pylock.extras or ()), sorted(manifest.extras)),
        "dependency-groups": (sorted(pylock.dependency_groups or ()), sorted(manifest.groups)),
        "default-groups": (list(pylock.default_groups or ()), []),
    }
    if manifest.python_specifier:
        python = None if pylock.requires_python is None else str(pylock.requires_python)
        wanted["requires-python"] = ([str(python)], [manifest.python_specifier])
    if manifest.resolver == "uv":
        there = {spelled(marker) for marker in pylock.environments or ()}
        asked = {spelled(platform.marker) for platform in manifest.platforms}
        wanted["environments"] = (sorted(there), sorted(asked))
    return tuple(key for key, (found, expected) in wanted.items() if found != expected)


def parse_lock(data: reading.Table, name: str = "pylock.toml") -> Lock:
    """Read a parsed ``pylock.toml``; raises ``LockError`` with the path of what is wrong."""
    try:
        pylock = Pylock.from_dict(data)
    except PylockUnsupportedVersionError as error:
        raise NewerLockError(
            f"written by a newer envctl or another tool: {str(error).rstrip('.')}",
            where=name,
            hint="update envctl to the version that your team uses",
        ) from error
    except (PylockValidationError, ValueError) as error:
        raise LockError(
            f"not a valid PEP 751 lock: {error}", where=name, hint="run `envctl lock`"
        ) from error
    own = (pylock.tool or {}).get("envctl")
    if not isinstance(own, Mapping):
        return Lock(pylock=pylock)
    try:
        return _with_table(pylock, own, name)
    except ManifestError as error:  # the reading vocabulary's error, about another file
        raise LockError(
            error.message, where=f"{name}: {error.where}", hint="run `envctl lock`"
        ) from error


def _with_table(pylock: Pylock, own: reading.Table, name: str) -> Lock:
    schema = own.get("schema")
    if not isinstance(schema, int) or schema < 1:
        raise ManifestError("expected a schema number", where=f"{_WHERE}.schema")
    if schema > SCHEMA:
        raise NewerLockError(
            f"written by a newer envctl (schema {schema}; this one knows {SCHEMA})",
            where=name,
            hint="update envctl to the version that your team uses",
        )
    return Lock(
        pylock=pylock,
        schema=schema,
        made_by=reading.text(own, "made-by", _WHERE),
        adopted=reading.text(own, "adopted", _WHERE),
        inputs=reading.texts(own, "inputs", _WHERE),
        entries=_entries(own),
        env=reading.variables(own, "env", _WHERE),
        contract=reading.table(own, "contract", _WHERE),
        builds=build_lock.from_tables(own),
    )


def _entries(own: reading.Table) -> tuple[Entry, ...]:
    digests = reading.table(own, "digests", _WHERE)
    requires = reading.table(own, "requires", _WHERE)
    found = []
    for key in digests:
        name, _, version = key.partition("#")[0].partition("==")
        found.append(
            Entry(
                name=name,
                version=version,
                digest=reading.required_text(digests, key, f"{_WHERE}.digests"),
                requires=reading.texts(requires, key, f"{_WHERE}.requires"),
            )
        )
    return tuple(found)


def keys(entries: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    """Yield each entry with its key, ``name==version``; a fork of the same version gets ``#2``."""
    seen: dict[str, int] = {}
    for entry in entries:
        plain = f"{entry.name}=={entry.version}" if entry.version else entry.name
        seen[plain] = seen.get(plain, 0) + 1
        yield (plain if seen[plain] == 1 else f"{plain}#{seen[plain]}"), entry


def lock_table(lock: Lock) -> dict[str, Any]:
    """Return the whole lock as TOML-able data."""
    whole = replace(lock.pylock, packages=[])
    table = dict(whole.to_dict())
    if lock.pylock.environments:
        table["environments"] = [spelled(marker) for marker in lock.pylock.environments]
    table["packages"] = [
        # What an adopted lock's tool keeps for itself in a package stays there (PEP 751: it changes nothing).
        package_table(p) | ({"tool": dict(p.tool)} if lock.adopted and p.tool else {})
        for p in lock.pylock.packages
    ]
    others = {key: value for key, value in (lock.pylock.tool or {}).items() if key != "envctl"}
    table["tool"] = {
        "envctl": _without_none(
            {
                "schema": lock.schema,
                "made-by": lock.made_by,
                "adopted": lock.adopted,
                "inputs": list(lock.inputs),
                "digests": {key: entry.digest for key, entry in keys(lock.entries)},
                "requires": {
                    key: list(entry.requires) for key, entry in keys(lock.entries) if entry.requires
                },
                "contract": dict(lock.contract),
                "env": dict(lock.env),
                **lock.builds.to_tables(),
            }
        ),
        **others,
    }
    return table


def _order(package: Package) -> tuple[str, str, str]:
    return package.name, version_of(package), str(package.marker or "")


def _without_none(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}
