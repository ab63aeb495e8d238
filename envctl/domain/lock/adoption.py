"""A lock that another tool wrote, taken as it is, with what envctl knows attached to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from packaging.markers import Marker
from packaging.pylock import Package, Pylock
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from envctl.domain.lock import SCHEMA, Entry, Lock, inputs_of
from envctl.domain.lock.answering import unanswered
from envctl.domain.lock.entry import digest, version_of
from envctl.domain.lock.markers import assuming, spelled
from envctl.domain.manifest import Manifest

Edges = tuple[str, ...]


def adopted(
    lock: Lock, manifest: Manifest, known: Lock | None, contract: Mapping[str, Any]
) -> Lock | tuple[str, ...]:
    """Return the lock with envctl's table, or why it does not answer the manifest, as sentences.

    Package entries stay as their tool wrote them, with two exceptions. The project's own is left out: no lock of
    envctl's holds it. Where a tool writes the project's dependencies as a group that is installed by default (pdm),
    they become what they are with envctl: needed in any case. The manifest's extras and groups become names that can
    be asked for, whether the tool told them apart or not. Edges come from the file, or else from ``known`` (an
    earlier lock of envctl's) for the same version of a package.
    """
    pylock = _framed(lock.pylock, manifest)
    entries = tuple(_entries(pylock, known))
    refused = (*unanswered(pylock, manifest), *_lacking(entries))
    if refused:
        return refused
    return Lock(
        pylock=pylock,
        schema=SCHEMA,
        made_by=str(pylock.created_by),
        adopted=str(pylock.created_by),
        profile=manifest.profile,
        inputs=inputs_of(manifest),
        entries=entries,
        env=dict(sorted(manifest.env.items())),
        contract=contract,
    )


def remarks(lock: Lock, manifest: Manifest) -> tuple[str, ...]:
    """Return what a person should know of an adopted lock, as sentences."""
    packages = lock.pylock.packages
    markers = " ".join(str(package.marker) for package in packages if package.marker)
    found = []
    if (manifest.extras or manifest.groups) and not (
        "extras" in markers or "dependency_groups" in markers
    ):
        found.append(
            f"{lock.pylock.created_by} wrote one set of packages: "
            "every install gets the packages of all extras and groups"
        )
    if any((package.wheels or package.sdist) and package.index is None for package in packages):
        found.append("some packages name no index: uv downloads them anew for each environment")
    return tuple(found)


def _framed(pylock: Pylock, manifest: Manifest) -> Pylock:
    always = {canonicalize_name(n) for n in pylock.default_groups or ()} - {*manifest.groups}
    kept = [(p, assuming(p.marker, always)) for p in pylock.packages if not _itself(p, manifest)]
    groups = [name for name in _names(pylock.dependency_groups) if name not in always]
    return replace(
        pylock,
        packages=[
            package if package.marker == rest else replace(package, marker=_marker(rest))
            for package, rest in kept
            if rest is not False
        ],
        extras=list(dict.fromkeys((*_names(pylock.extras), *_names(sorted(manifest.extras))))),
        dependency_groups=list(dict.fromkeys((*groups, *sorted(manifest.groups)))),
        default_groups=None,
    )


def _marker(rest: Marker | bool) -> Marker | None:
    return None if isinstance(rest, bool) else rest


def _names(names: Sequence[str] | None) -> list[NormalizedName]:
    return [canonicalize_name(name) for name in names or ()]


def _itself(package: Package, manifest: Manifest) -> bool:
    """Whether an entry is the project: it is installed as a step of its own."""
    return (
        manifest.name is not None
        and package.name == canonicalize_name(manifest.name)
        and package.directory is not None
    )


def _entries(pylock: Pylock, known: Lock | None) -> Iterator[Entry]:
    names = {package.name for package in pylock.packages}
    before = {
        (entry.name, entry.version): entry.requires for entry in (known.entries if known else ())
    }
    for package in pylock.packages:
        version = version_of(package)
        edges = _written(package)
        if edges is None:
            # What an extra brought then may not be asked for now.
            earlier = before.get((package.name, version), ())
            edges = tuple(edge for edge in earlier if _target(edge) in names)
        yield Entry(name=package.name, version=version, digest=digest(package), requires=edges)


def _written(package: Package) -> Edges | None:
    """Return the edges that the tool itself wrote: as PEP 751 has them, or in pdm's own table."""
    if package.dependencies:
        tables = [each for each in package.dependencies if isinstance(each.get("name"), str)]
        return tuple(sorted({_edge_of_table(each) for each in tables}))
    own = (package.tool or {}).get("pdm")
    texts = own.get("dependencies") if isinstance(own, Mapping) else None
    if not isinstance(texts, list):
        return None
    found = (_edge_of_text(text) for text in texts if isinstance(text, str))
    return tuple(sorted({edge for edge in found if edge}))


def _edge_of_table(table: Mapping[str, Any]) -> str:
    pin = f"=={table['version']}" if isinstance(table.get("version"), str) else ""
    return canonicalize_name(str(table["name"])) + pin


def _edge_of_text(text: str) -> str | None:
    try:
        found = Requirement(text)
    except InvalidRequirement:
        return None
    extras = ",".join(sorted(canonicalize_name(extra) for extra in found.extras))
    edge = canonicalize_name(found.name) + (f"[{extras}]" if extras else "")
    return f"{edge} ; {spelled(found.marker)}" if found.marker else edge


def _target(edge: str) -> str:
    try:
        return canonicalize_name(Requirement(edge).name)
    except InvalidRequirement:
        return ""


def _lacking(entries: tuple[Entry, ...]) -> tuple[str, ...]:
    """Say which packages the lock lacks by its own edges; those with a marker may hold nowhere."""
    names = {entry.name for entry in entries}
    return tuple(
        f"`{entry.name}` needs `{_target(edge)}`, which the lock does not have"
        for entry in entries
        for edge in entry.requires
        if ";" not in edge and _target(edge) not in names
    )
