"""What a lock would install on Linux, for each way of asking: without markers two forks look like one environment."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import Package
from packaging.version import InvalidVersion

from envctl.domain.contract import wheel_tags
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import version_of
from envctl.domain.platforms import Platform

_MACHINES = ("x86_64", "aarch64")
_MINOR = re.compile(r"\b3\.\d+")
_PYTHONS = tuple(f"3.{minor}" for minor in range(8, 16))


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The packages of one way of asking, name → version. ``asked``: `` with the extra `gpu` ``, or empty.

    ``elsewhere``: those of them whose wheels for Linux are all for other machines: nothing of them is loaded here.
    """

    machine: str
    asked: str
    environment: Mapping[str, str]
    versions: Mapping[str, str]
    elsewhere: frozenset[str] = frozenset()


def selections(lock: Lock, relevant: Callable[[str], bool]) -> Iterator[Selection]:
    """Yield what is installed on each Linux machine of the lock, of the packages whose names are ``relevant``.

    The ways of asking are: nothing, each extra and each group alone, and all of them together unless they exclude
    each other. Equal selections come once.
    """
    packages = [package for package in lock.pylock.packages if relevant(package.name)]
    if not packages:
        return
    seen = set()
    for machine, environment in _environments(lock, packages):
        for asked, extras, groups in _ways(lock):
            chosen = _chosen(packages, environment, extras, groups)
            key = (machine, frozenset((p.name, version_of(p)) for p in chosen))
            if key in seen or (asked == _ALL and _forked(chosen)):
                continue
            seen.add(key)
            yield Selection(
                machine=machine,
                asked=asked,
                environment=environment,
                versions={package.name: version_of(package) for package in chosen},
                elsewhere=frozenset(p.name for p in chosen if not _for_linux(p, machine)),
            )


def _for_linux(package: Package, machine: str) -> bool:
    return wheel_tags.for_linux([wheel.filename for wheel in package.wheels or ()], machine)


_ALL = " with all extras and groups"


def _ways(lock: Lock) -> Iterator[tuple[str, frozenset[str], frozenset[str]]]:
    extras, groups = lock.pylock.extras or (), lock.pylock.dependency_groups or ()
    none: frozenset[str] = frozenset()
    yield "", none, none
    for name in extras:
        yield f" with the extra `{name}`", frozenset((name,)), none
    for group in groups:
        yield f" with the group `{group}`", none, frozenset((group,))
    if len(extras) + len(groups) > 1:
        yield _ALL, frozenset(extras), frozenset(groups)


def _environments(lock: Lock, packages: list[Package]) -> Iterator[tuple[str, dict[str, str]]]:
    pythons = _pythons(lock)
    if not any("python" in str(package.marker or "") for package in packages):
        pythons = pythons[-1:]
    for machine in _MACHINES:
        platform = Platform(os="linux", machine=machine)
        for python in dict.fromkeys((pythons[0], pythons[-1])):
            environment = platform.environment(python)
            allowed = lock.pylock.environments
            if allowed is None or any(holds(marker, environment) for marker in allowed):
                yield machine, environment


def _pythons(lock: Lock) -> list[str]:
    """Return the Python minors that a lock is for; one that is for certain patches names them itself."""
    wanted = lock.pylock.requires_python
    if wanted is None:
        return list(_PYTHONS)
    found = [
        each for each in _PYTHONS if wanted.contains(f"{each}.0") or wanted.contains(f"{each}.99")
    ]
    return found or _MINOR.findall(str(wanted)) or list(_PYTHONS[-1:])


def holds(marker: Marker, environment: Mapping[str, str | frozenset[str]]) -> bool:
    """Evaluate a marker; one that cannot be, in a lock that anyone may have written, does not leave a package out."""
    try:
        return marker.evaluate(dict(environment), context="lock_file")
    except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion):
        return True


def _chosen(
    packages: list[Package],
    environment: Mapping[str, str],
    extras: frozenset[str],
    groups: frozenset[str],
) -> list[Package]:
    whole: dict[str, str | frozenset[str]] = {
        **environment,
        "extras": extras,
        "dependency_groups": groups,
    }
    verdicts: dict[str, bool] = {"": True}
    chosen = []
    for package in packages:
        text = str(package.marker or "")
        if text not in verdicts and package.marker is not None:
            verdicts[text] = holds(package.marker, whole)
        if verdicts[text]:
            chosen.append(package)
    return chosen


def _forked(chosen: list[Package]) -> bool:
    return len({package.name for package in chosen}) < len(chosen)
