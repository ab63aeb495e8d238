"""Fetch what hermetic images are built from, before their lists are written: no list is ever ahead of its files."""

from collections.abc import Iterable

from envctl.domain.indexes.fetching import Heard
from envctl.ports import Shelves
from envctl.usecases.dockerize import DockerPlan


def fetch(
    shelves: Shelves, plans: Iterable[DockerPlan], heard: Heard | None = None
) -> tuple[str, ...]:
    """Fetch what the plans' builds read and what is not there yet; return the files' names.

    Raises ``IndexFailure``, ``HashMismatchError``, ``ProjectError``.
    """
    return tuple(
        name
        for plan in plans
        if plan.bundle
        for name in shelves.fetch(plan.folder, plan.bundle, heard)
    )


def clear(shelves: Shelves, plans: Iterable[DockerPlan]) -> tuple[str, ...]:
    """Remove what no build reads any more, once the plans are written; return the files' names."""
    return tuple(
        name
        for plan in plans
        for name in shelves.keep(plan.folder, {file.path for file in plan.bundle})
    )
