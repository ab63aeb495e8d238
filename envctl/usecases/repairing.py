"""What ``sync --repair`` does beside making the environment anew: for uv's cache, and for those who share its files."""

from collections.abc import Callable

from envctl.domain.environment import Current, FileProblem
from envctl.ports import Environments

_SHOWN = 3


def changed(current: Current, environments: Environments) -> tuple[FileProblem, ...]:
    """Look at every byte of an environment; drop the packages from uv's cache that have a change there too."""
    if current.path is None or current.kind != "ours" or current.stamp is None:
        return ()
    problems = environments.inspect(current.path, full=True).problems
    # Without a snapshot nobody knows whether a changed file is the one that the cache has.
    unsure = not current.stamp.files
    bad = {p.package for p in problems if p.shared or (unsure and p.trouble == "modified")}
    known = tuple(sorted(bad & current.stamp.packages.keys()))
    if known:
        environments.forget(known)
    return problems


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
