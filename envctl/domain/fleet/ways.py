"""The ways in which a lock may be installed, where extras or groups bring different builds of the same packages."""

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.pylock import Package

from envctl.domain.gpu import torch_builds
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import version_of
from envctl.domain.lock.serving import reached
from envctl.domain.platforms import Platform

_Versions = dict[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """What is asked for together. ``name``: what tells it from the others (``extra cu126``), empty for the only one."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    name: str = ""


def ways(lock: Lock, platform: Platform, python: str) -> tuple[Way, ...]:
    """Return the ways that bring different accelerators; where there is one, it asks for all extras and groups.

    Extras that exclude each other (``cu126``, ``cu130``) are never installed together: judged at once, one hides the
    other. Of a lock that brings none of these packages without an extra, that way is none.
    """
    whole = Way(
        extras=tuple(lock.pylock.extras or ()), groups=tuple(lock.pylock.dependency_groups or ())
    )
    switched = [p for p in lock.pylock.packages if p.name == "torch" or _comes_along(p.name)]
    if not any(package.marker for package in switched):
        return (whole,)
    bare = _versions(switched, platform, python, Way())
    alone = {one.name: (one, _versions(switched, platform, python, one)) for one in _each(whole)}
    forked = _forked([bare, *(found for _, found in alone.values())])
    picks = [
        one for one, found in alone.values() if any(found.get(n) != bare.get(n) for n in forked)
    ]
    if not picks:
        return (whole,)
    names = {pick.name for pick in picks}
    rest = Way(
        extras=tuple(e for e in whole.extras if f"extra {e}" not in names),
        groups=tuple(g for g in whole.groups if f"group {g}" not in names),
        name="no extra",
    )
    found = [_with(rest, pick) for pick in picks]
    return (rest, *found) if forked <= bare.keys() else tuple(found)


def _comes_along(name: str) -> bool:
    return torch_builds.accelerators(name)


def _each(whole: Way) -> Iterator[Way]:
    for extra in whole.extras:
        yield Way(extras=(extra,), name=f"extra {extra}")
    for group in whole.groups:
        yield Way(groups=(group,), name=f"group {group}")


def _with(rest: Way, pick: Way) -> Way:
    extras, groups = (*pick.extras, *rest.extras), (*pick.groups, *rest.groups)
    return Way(extras=extras, groups=groups, name=pick.name)


def _versions(packages: list[Package], platform: Platform, python: str, way: Way) -> _Versions:
    found: dict[str, set[str]] = {}
    for package in packages:
        if reached(package, platform, python, extras=way.extras, groups=way.groups):
            found.setdefault(package.name, set()).add(version_of(package))
    return {name: frozenset(versions) for name, versions in found.items()}


def _forked(each: list[_Versions]) -> set[str]:
    """Return the names that are there in one version or another."""
    seen: dict[str, set[frozenset[str]]] = {}
    for versions in each:
        for name, found in versions.items():
            seen.setdefault(name, set()).add(found)
    return {name for name, found in seen.items() if len(found) > 1}
