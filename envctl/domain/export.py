"""An export: the part of a lock that is written in another tool's format, and what that format makes of it."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from packaging.markers import Marker
from packaging.pylock import Package

from envctl.domain.graph.building import graph_of
from envctl.domain.lock import Entry, Lock
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.markers import narrowed
from envctl.domain.lock.slices import Target, take
from envctl.domain.lock.table import keys
from envctl.domain.manifest import Manifest
from envctl.errors import LockError

Settings = Mapping[str, str | bool]
"""A format's own options as given, by name with underscores."""

PROJECT = "project"
_URI = (
    "!$&()*+,/:=?@[]~%"  # RFC 3986, less `'` and `;`, which pip's files give a meaning of their own
)
_PLATFORM = re.compile(r"platform ([a-z0-9_.-]+)")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option that only one format has: a flag, or with ``choices`` a choice whose first is the default."""

    name: str
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """What a format made: the text, and what a person should know about it."""

    text: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Excerpt:
    """The chosen part of a lock.

    ``packages``: each with what is left of its marker for the chosen groups and extras; with a ``target`` no marker
    and one file. ``indexes``: where they come from, the default one first. ``pip_index``: the index that pip asks
    when nobody names one. ``python``: the project's own pin (``3.11``), if it has one. ``env``: the declared
    variables. ``inputs``: who asks for what, in the lock's lines. ``words``: the command line that made this.
    """

    project: str
    lock: Lock
    lock_name: str
    packages: tuple[Package, ...]
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    target: Target | None = None
    indexes: tuple[str, ...] = ()
    pip_index: str = ""
    python: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command line that makes it again, fit for a comment."""
        text = " ".join(("envctl", "export", *self.words))
        return "".join(letter if letter.isprintable() else "?" for letter in text)

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it is for, by name; empty: whichever there are."""
        if self.target is not None:
            return (self.target.platform.name,)
        named = (_PLATFORM.fullmatch(line) for line in self.inputs)
        return tuple(match[1] for match in named if match)


def packages_of(
    lock: Lock,
    target: Target | None,
    *,
    groups: Collection[str],
    extras: Collection[str],
    where: str,
) -> tuple[Package, ...]:
    """Return the packages that a choice of groups and extras takes, everywhere or on one target.

    Raises ``LockError`` for a group or extra that the lock does not have, for a package that it has twice without a
    condition, and as ``slices.take`` does.
    """
    check_names(groups, lock.pylock.dependency_groups or (), "dependency group", where)
    check_names(extras, lock.pylock.extras or (), "extra", where)
    if target is not None:
        taken = take(lock, target, groups=groups, extras=extras, where=where)
        return tuple(item.alone() for item in taken.items)
    found: list[Package] = []
    for package in lock.pylock.packages:
        try:
            rest = narrowed(package.marker, extras=extras, groups=groups)
        except ValueError as error:  # no comparison of PEP 751, or a string that nobody can write
            raise LockError(
                f"the marker of `{package.name}` cannot be read: {error}",
                where=where,
                hint="run `envctl lock`",
            ) from error
        if rest is not False:
            found.append(replace(package, marker=None if rest is True else rest))
    always = [package.name for package in found if package.marker is None]
    for name in always:
        if [package.name for package in found].count(name) > 1:
            raise LockError(
                f"that choice of groups and extras takes more than one `{name}`",
                where=where,
                hint="choose groups and extras that do not exclude each other",
            )
    return tuple(found)


def check_names(names: Collection[str], known: Collection[str], what: str, where: str) -> None:
    """Raise ``LockError`` for a group or extra that the lock does not have."""
    for name in names:
        if name not in known:
            listed = ", ".join(f"`{each}`" for each in sorted(known)) or "none"
            raise LockError(
                f"the lock has no {what} `{name}` (it has: {listed})",
                where=where,
                hint="run `envctl lock` if the manifest has it",
            )


def indexes_of(packages: Iterable[Package], manifest: Manifest, pip_index: str) -> tuple[str, ...]:
    """Return the indexes that these packages come from: the default one first, then in the manifest's order."""
    used = {package.index.rstrip("/") for package in packages if package.index}
    declared = [index for index in manifest.indexes if not index.packages]
    order = [index.url for index in declared] or [pip_index.rstrip("/")]
    order += [index.url for index in manifest.indexes if index.packages]
    return tuple(dict.fromkeys((*(url for url in order if url in used), *sorted(used))))


def uri(text: str) -> str:
    """Return an address with everything escaped that RFC 3986 does not allow in one, nor a requirements file."""
    address, sign, fragment = _STRAY_PERCENT.sub("%25", text).partition("#")
    return quote(address, safe=_URI) + sign + quote(fragment, safe=_URI)


def file_uri(path: str) -> str:
    """Return a path as an address; pip and uv read a relative one from the folder that they are started in."""
    return ("file://" if path.startswith("/") else "file:") + quote(path)


def needs(excerpt: Excerpt) -> Mapping[str, tuple[str, ...]]:
    """Return who needs whom within the excerpt, by the keys of ``keyed``; the project's own key is ``PROJECT``."""
    there: dict[str, list[str]] = {}
    for key, package in keyed(excerpt.packages).items():
        there.setdefault(_id(package), []).append(key)
    asking = {
        "project:",
        "rest:",  # what nobody is known to ask for
        *(f"extra:{name}" for name in excerpt.extras),
        *(f"group:{name}" for name in excerpt.groups),
    }
    found: dict[str, set[str]] = {PROJECT: set(), **{k: set() for ks in there.values() for k in ks}}
    for edge in graph_of(excerpt.lock, excerpt.inputs).edges:
        sources = [PROJECT] if edge.source in asking else there.get(edge.source, ())
        if _holds(edge.marker, excerpt):
            for source in sources:
                found[source] |= {*there.get(edge.target, ())}
    return {source: tuple(sorted(targets)) for source, targets in found.items()}


def silent(excerpt: Excerpt) -> bool:
    """Whether the lock leaves out what some of these packages need: PEP 751 does not ask for it."""
    unknown = {n.id for n in graph_of(excerpt.lock, excerpt.inputs).packages if not n.known}
    return any(_id(package) in unknown for package in excerpt.packages)


def keyed(packages: Iterable[Package]) -> dict[str, Package]:
    """Return each package by a key of its own, as the lock writes it: ``name==version``."""
    listed = tuple(packages)
    entries = (Entry(name=p.name, version=version_of(p), digest="") for p in listed)
    return {key: package for (key, _), package in zip(keys(entries), listed, strict=True)}


def _id(package: Package) -> str:
    return f"{package.name}=={version_of(package)}" if package.version else package.name


def _holds(marker: str | None, excerpt: Excerpt) -> bool:
    """Whether a need with that marker concerns the target; without one, each platform's needs count."""
    if marker is None or excerpt.target is None:
        return True
    sets = {"extras": frozenset(excerpt.extras), "dependency_groups": frozenset(excerpt.groups)}
    return Marker(marker).evaluate(
        {"extra": "", **excerpt.target.environment(), **sets}, context="lock_file"
    )
