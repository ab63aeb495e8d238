"""Make a new environment: build what has no wheel, then install the slice, and the project itself."""

from collections.abc import Callable, Collection

from envctl.domain.environment.own import Own, OwnInstalled
from envctl.domain.indexes.fetching import Heard
from envctl.domain.lock.slices import Slice, as_pylock
from envctl.domain.workshop.built import with_built
from envctl.domain.workshop.job import Site
from envctl.emitters import pylock
from envctl.errors import EnvironmentFailure
from envctl.ports import Environments, Project, Workshop
from envctl.usecases import build
from envctl.usecases import own as own_project


def filled(
    project: Project,
    environments: Environments,
    items: Slice,
    own: Own | None,
    *,
    site: Site,
    workshop: Workshop,
    say: Callable[[str], None],
    heard: Heard | None = None,
    distrusted: Collection[str] = (),
) -> tuple[str, OwnInstalled | None]:
    """Return the path of the new environment, which has no stamp yet, and the project as it is installed in it.

    ``heard`` is told what is fetched; of the ``distrusted`` packages every file is looked at. Raises
    ``EnvironmentFailure``, ``LockError``, ``IndexFailure``, ``HashMismatchError``.
    """
    made = build.built(items.items, site, workshop, say=say)
    with own_project.wheel(own, site, workshop, project, say=say) as wheel:
        chosen, installed = with_built(items.items, made), None
        if wheel is not None and own is not None:
            _no_double(wheel.name, items)
            chosen = (*chosen, wheel)
            installed = OwnInstalled(digest=own.digest, name=wheel.name, version=wheel.version)
        path = environments.build(
            items.digest[7:19],
            site.here.interpreter,
            pylock.emit(as_pylock(chosen), header=""),
            own=installed.name if installed else None,
            heard=heard,
            say=say,
            distrusted=distrusted,
        )
    return path, installed


def _no_double(name: str, items: Slice) -> None:
    if name in items.versions():
        raise EnvironmentFailure(
            f"the lock has a package named `{name}`, as the project itself is",
            where="pyproject.toml: project.name",
            hint="rename the project, or set `install-project = false` in [tool.envctl]",
        )
