"""What differs between two locks of one project."""

from collections.abc import Iterable
from dataclasses import dataclass

from envctl.domain.lock import Lock
from envctl.domain.lock.entry import version_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One package that differs between two locks; ``None`` on the side where it is not."""

    name: str
    old: str | None
    new: str | None


def changes(old: Lock | None, new: Lock) -> Iterable[Change]:
    """Yield each package whose version differs, by name."""
    before, after = _versions(old), _versions(new)
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Change(name=name, old=before.get(name), new=after.get(name))


def _versions(lock: Lock | None) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for package in lock.pylock.packages if lock else ():
        found.setdefault(package.name, []).append(version_of(package) or "(source)")
    return {name: ", ".join(sorted(set(versions))) for name, versions in found.items()}
