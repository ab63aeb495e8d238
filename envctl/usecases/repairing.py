"""What ``sync --repair`` does beside making the environment anew: for uv's cache, and for those who share its files."""

from collections.abc import Callable, Iterable

from envctl.domain.environment import Current, FileProblem, Inspection
from envctl.ports import Environments

_SHOWN = 3
_THEIRS = "run `envctl sync --repair` in their projects too"
_DONE = {"modified": "changed", "missing": "deleted", "added": "added", "record": "changed"}


NOTHING = Inspection(problems=(), seen=("bytes", ""))


def looked(current: Current, environments: Environments) -> Inspection:
    """Look at every byte of an environment."""
    if current.path is None or current.kind != "ours" or current.stamp is None:
        return NOTHING
    return environments.inspect(current.path, full=True)


def distrusted(current: Current, found: Inspection, names: Iterable[str]) -> tuple[str, ...]:
    """Return the packages of which no file that uv's cache has is believed; ``names``: all that will be installed."""
    if current.kind == "ours" and current.stamp is None:
        return tuple(names)  # nobody can say what became of it
    return tuple(sorted({each.package for each in found.problems if each.package}))


def forget(current: Current, environments: Environments, found: Inspection) -> None:
    """Drop the packages from uv's cache that have a change there too."""
    if current.stamp is None:
        return
    bad = {each.package for each in found.problems if each.shared or _unsure(each, found)}
    known = tuple(sorted(bad & current.stamp.packages.keys()))
    if known:
        environments.forget(known)


def _unsure(problem: FileProblem, found: Inspection) -> bool:
    """Whether nobody knows if a changed file is the one that the cache has: there is no snapshot."""
    return not found.compared and problem.trouble == "modified"


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
    found: Inspection,
    *,
    say: Callable[[str], None],
) -> None:
    """Put the shared files right, under all their names, from the ``fresh`` environment; say what cannot be."""
    shared = [each for each in found.problems if each.shared]
    if any(_unsure(each, found) for each in found.problems):
        say(f"note: nothing is known of who shares the changed files: {_THEIRS}")
    if current.path is None or not shared:
        return
    left = environments.mend(current.path, fresh, shared)
    if len(left) < len(shared):
        count = len(shared) - len(left)
        files = "1 file" if count == 1 else f"{count} files"
        say(f"put right in every environment that shares them: {files}")
    if left:
        names = _listed([each.path for each in left])
        say(f"note: could not be put right where other environments have them: {names}: {_THEIRS}")
