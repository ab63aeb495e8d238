"""The project itself: how it is to be installed, and the wheel for that."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from envctl.domain.build import PROJECT
from envctl.domain.environment.own import TEXTS, Own, own_digest
from envctl.domain.lock import Lock
from envctl.domain.lock.slices import Item, as_pylock
from envctl.domain.manifest import Manifest
from envctl.domain.workshop.built import item_of, with_built
from envctl.domain.workshop.job import Site, surroundings
from envctl.emitters import pylock
from envctl.ports import Project, Workshop
from envctl.readers.toml import read_toml
from envctl.usecases import build, load


def own(project: Project, manifest: Manifest, lock: Lock) -> Own | None:
    """Return how the project is to be installed; ``None``: it is not, or the lock does not say how to build it."""
    locked = lock.builds.builds.get(PROJECT)
    if manifest.build_system is None or locked is None:
        return None
    text = project.read(load.MANIFEST) or ""
    texts = {name: project.read(name) for name in TEXTS}
    return Own(digest=own_digest(read_toml(text, load.MANIFEST), texts, locked), build=locked)


@contextmanager
def wheel(
    want: Own | None,
    site: Site,
    workshop: Workshop,
    project: Project,
    *,
    say: Callable[[str], None],
) -> Iterator[Item | None]:
    """Lend the project's editable wheel as an item for the installer; ``None`` where it is not to be installed.

    Raises ``EnvironmentFailure``, ``LockError``, ``IndexFailure``, ``HashMismatchError``.
    """
    if want is None:
        yield None
        return
    within = surroundings(want.build, site).within
    build.equipped([("the project itself", want.build)], site, workshop)
    made = build.built(within, site, workshop, say=say)
    text = pylock.emit(as_pylock(with_built(within, made)), header="")
    with workshop.editable(project.root, text, want.build.env, site.here) as found:
        yield item_of(found)
