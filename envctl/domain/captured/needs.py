"""Who needs whom in a live environment, by the metadata of what is installed there."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envctl.domain.captured.packages import Captured

Reached = dict[str, frozenset[str]]
"""Names, each with the extras that are asked of it."""


class Needs:
    """The graph. ``environment``: the marker values of the environment's Python."""

    def __init__(self, packages: Iterable[Captured], environment: Mapping[str, str]) -> None:
        self.packages = {package.name: package for package in packages}
        self._environment = dict(environment)
        self._parsed = {
            name: tuple(Requirement(text) for text in package.requires)
            for name, package in self.packages.items()
        }

    def of(self, name: str, extras: Collection[str] = ()) -> tuple[Requirement, ...]:
        """Return the requirements of a package that hold here, with those of these extras."""
        return tuple(each for each in self._parsed.get(name, ()) if self._holds(each, extras))

    def brought_by(self, name: str, extra: str) -> tuple[Requirement, ...]:
        """Return what an extra alone brings here."""
        plain = set(map(str, self.of(name)))
        return tuple(each for each in self.of(name, (extra,)) if str(each) not in plain)

    def reached(self, roots: Mapping[str, Collection[str]]) -> Reached:
        """Return the installed packages to which a way leads, the roots among them."""
        seen: dict[str, set[str]] = {}
        rest = [(name, frozenset(extras)) for name, extras in roots.items()]
        while rest:
            name, extras = rest.pop()
            if name not in self.packages or (name in seen and extras <= seen[name]):
                continue
            seen[name] = seen.get(name, set()) | extras
            rest += [(target(each), asked(each)) for each in self.of(name, seen[name])]
        return {name: frozenset(extras) for name, extras in seen.items()}

    def needed(self) -> dict[str, set[str]]:
        """Return each package that another one needs, with the names of those."""
        found: dict[str, set[str]] = {}
        for name, extras in self.reached(dict.fromkeys(self.packages, ())).items():
            for each in self.of(name, extras):
                if target(each) in self.packages and target(each) != name:
                    found.setdefault(target(each), set()).add(name)
        return found

    def by_address(self) -> frozenset[str]:
        """Return the names that some package needs from an address of its own choice."""
        every = (each for requirements in self._parsed.values() for each in requirements)
        return frozenset(target(each) for each in every if each.url)

    def contradictions(self) -> Iterator[tuple[str, Requirement]]:
        """Yield each package with a requirement of its that what is installed does not meet."""
        for name, extras in sorted(self.reached(dict.fromkeys(self.packages, ())).items()):
            for each in self.of(name, extras):
                there = self.packages.get(target(each))
                if there and not each.specifier.contains(there.version, prereleases=True):
                    yield name, each

    def _holds(self, requirement: Requirement, extras: Collection[str]) -> bool:
        if requirement.marker is None:
            return True
        return any(
            requirement.marker.evaluate({**self._environment, "extra": extra})
            for extra in ("", *extras)
        )


def target(requirement: Requirement) -> str:
    """Return the canonical name of what is required."""
    return canonicalize_name(requirement.name)


def asked(requirement: Requirement) -> frozenset[str]:
    """Return the extras that a requirement asks for, in their one spelling."""
    return frozenset(canonicalize_name(extra) for extra in requirement.extras)
