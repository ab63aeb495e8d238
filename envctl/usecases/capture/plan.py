"""What becomes of each captured package: a root of the manifest, a constraint of the lock, or left out, and why."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from envctl.domain.captured.needs import Needs, target
from envctl.domain.captured.packages import SEEDS, Capture, Captured, Origin
from envctl.domain.captured.roots import Roots, roots
from envctl.domain.captured.standing import Standing
from envctl.readers.conda import names as conda_names


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A package that no lock can bring back; ``why`` is a clause, ``advice`` what a person may do."""

    package: Captured
    why: str
    advice: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sorted:
    """All packages of an environment, by what becomes of them.

    ``own``: the project itself, installed editable. ``asked``: names that the manifest asks for already.
    """

    needs: Needs
    standings: Mapping[str, Standing]
    roots: Roots
    left_out: tuple[LeftOut, ...]
    own: Captured | None
    asked: frozenset[str]

    @property
    def missed(self) -> dict[str, tuple[LeftOut, str]]:
        """Return what is left out and needed all the same, each with a package that needs it: so there is no lock."""
        left = {each.package.name: each for each in self.left_out}
        inside = self.needs.reached(self.roots.names)
        return {
            target(each): (left[target(each)], name)
            for name, extras in sorted(inside.items(), reverse=True)
            if name not in left
            for each in self.needs.of(name, extras)
            if target(each) in left
        }

    @property
    def blocked(self) -> tuple[str, ...]:
        """Say why there can be no lock."""
        return tuple(
            f"`{who}` needs `{name}` {left.package.version}, which is {left.why}: name its index in "
            "[[tool.envctl.index]]; or, if the index's package is the same project, "
            "change its line in tool.envctl.constraints"
            for name, (left, who) in sorted(self.missed.items())
        )

    def constraints(self) -> dict[str, str]:
        """Return what keeps a resolver to the installed versions, by name."""
        left = {each.package.name for each in self.left_out}
        return {
            name: text
            for name, each in sorted(self.standings.items())
            if (text := each.constraint) and name not in left and not self._aside(name)
        }

    def _aside(self, name: str) -> bool:
        origin = self.needs.packages[name].origin
        return origin.direct or origin.local or name in self.roots.seeds


def sort_out(
    packages: Iterable[Captured],
    standings: Mapping[str, Standing],
    *,
    environment: Mapping[str, str],
    own: Captured | None,
    asked: frozenset[str],
    allowed: frozenset[str],
) -> Sorted:
    """Decide for each package; ``environment``: the marker values of the environment's Python.

    ``asked``: names that the manifest asks for, ``allowed``: those that somebody wrote into it in any way. They may
    come from an index though it lacks the installed version.
    """
    needs = Needs(packages, environment)
    left = tuple(
        LeftOut(package=each, why=why, advice=advice)
        for each in needs.packages.values()
        if each.name not in allowed and each != own
        for why, advice in _why_not(each, standings.get(each.name))
    )
    outside = {each.package.name for each in left} | ({own.name} if own else set())
    return Sorted(
        needs=needs,
        standings=standings,
        roots=roots(needs, outside=outside),
        left_out=left,
        own=own,
        asked=asked,
    )


def _why_not(package: Captured, standing: Standing | None) -> Iterator[tuple[str, str]]:
    origin = package.origin
    if package.name in SEEDS:
        return
    if origin.local:
        how = "installed editable" if origin.kind == "editable" else "built here"
        place = f" from {origin.url}" if origin.url else ""
        yield f"{how}{place}", f"publish it on an index, or add its `{package.name} @ URL`"
    elif origin.kind in ("vcs", "archive") and origin.url is None:
        said = "installed from an address that cannot be written down"
        yield said, f"add its `{package.name} @ URL` without credentials"
    elif not origin.direct and (standing is None or standing.version is None):
        known = standing is not None and standing.known
        yield (
            standing.trouble if standing else "not on the index",
            "add the index that has it to [[tool.envctl.index]]"
            + (f"; or add `{package.name}`, if the index's is the same project" if known else ""),
        )


def with_conda(found: Capture) -> tuple[tuple[Captured, ...], tuple[str, ...]]:
    """Return the packages with those of conda's own that an index has under a known name, and notes for the rest."""
    packages = {each.name: each for each in found.packages}
    parts: list[str] = []
    notes: list[str] = []
    for each in found.conda:
        name = conda_names.on_an_index(each.name)
        plain = (name or "").partition("[")[0]
        shown = f"`{each.name}` {each.version}"
        if each.name in ("python", *SEEDS) or plain in packages:
            continue
        if conda_names.is_part(each.name):
            parts.append(each.name)
        elif why := conda_names.why_not(each.name):
            notes.append(f"{shown}, conda's: {why}")
        elif plain and (version := _version(each.version)):
            origin = Origin(kind="conda", url=each.name)
            packages[plain] = Captured(
                name=plain,
                version=version,
                installer="conda",
                requested=each.requested,
                origin=origin,
            )
        else:
            notes.append(f"{shown}, conda's: {_NOT_MAPPED}")
    if parts:
        notes.append(f"left out ({_listed(parts)}): {conda_names.why_no_part()}")
    return tuple(packages[name] for name in sorted(packages)), tuple(notes)


def is_known(package: Captured) -> bool:
    """Whether the table says that conda's package is the project of that name on an index."""
    names = {package.name, package.origin.url or package.name}
    return package.origin.kind == "conda" and any(
        (conda_names.on_an_index(name) or "").partition("[")[0] == package.name for name in names
    )


def _version(text: str) -> str | None:
    try:
        return str(Version(text))
    except InvalidVersion:
        return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


_NOT_MAPPED = (
    "not mapped: it is not known what it is called on an index; "
    "if it is a Python package, add it by hand"
)


def guards(package: Captured) -> tuple[str, str]:
    """Return the constraints that keep an index's package from being taken for a private one of that name.

    The first for a version that the index does not have, the second where it has that version of a stranger's.
    """
    return f"{package.name}=={package.version}", f"{package.name}!={package.version}"
