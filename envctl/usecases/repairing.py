"""What ``sync --repair`` does beside making the environment anew: for uv's cache, and for those who share its files."""

from collections.abc import Callable

from envctl.domain.environment import Current, FileProblem
from envctl.ports import Environments

_SHOWN = 3
_DONE = {"modified": "changed", "missing": "deleted", "added": "added", "record": "changed"}


def changed(current: Current, environments: Environments) -> tuple[FileProblem, ...]:
    """Look at every byte of an environment."""
    if current.path is None or current.kind != "ours" or current.stamp is None:
        return ()
    return environments.inspect(current.path, full=True).problems


def forget(current: Current, environments: Environments, problems: tuple[FileProblem, ...]) -> None:
    """Drop the packages from uv's cache that have a change there too."""
    if current.stamp is None:
        return
    # Without a snapshot nobody knows whether a changed file is the one that the cache has.
    unsure = not current.stamp.files
    bad = {p.package for p in problems if p.shared or (unsure and p.trouble == "modified")}
    known = tuple(sorted(bad & current.stamp.packages.keys()))
    if known:
        environments.forget(known)


def reasons(current: Current, problems: tuple[FileProblem, ...]) -> tuple[str, ...]:
    """Return what was done to the environment, a sentence for each kind of damage."""
    known = current.stamp.packages if current.stamp else {}
    found: dict[str, list[str]] = {}
    for each in sorted(problems, key=lambda problem: (problem.package not in known, problem.path)):
        whose = f"files of {each.package}" if each.package in known else each.path
        names = found.setdefault(_DONE[each.trouble], [])
        names += [whose] if whose not in names else []
    return tuple(f"{done}: {_listed(names)}" for done, names in sorted(found.items()))


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def mend(
    current: Current,
    environments: Environments,
    fresh: str,
    problems: tuple[FileProblem, ...],
    *,
    say: Callable[[str], None],
) -> None:
    """Put the shared files right, under all their names, from the ``fresh`` environment; say what cannot be."""
    shared = [each for each in problems if each.shared]
    if current.path is None or not shared:
        return
    left = environments.mend(current.path, fresh, shared)
    if len(left) < len(shared):
        count = len(shared) - len(left)
        files = "1 file" if count == 1 else f"{count} files"
        say(f"put right in every environment that shares them: {files}")
    if left:
        names = ", ".join(each.path for each in left[:_SHOWN])
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        say(
            f"note: could not be put right where other environments have them: {names}{more}: "
            "run `envctl sync --repair` in their projects too"
        )
