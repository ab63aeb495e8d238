"""The project as the ``image`` commands see it: one profile's manifest with its lock."""

from collections.abc import Callable

from envctl.domain.lock import Lock
from envctl.domain.lock.state import answers
from envctl.domain.manifest import Manifest, restricted
from envctl.ports import Project
from envctl.usecases import load

Variant = Callable[[Manifest, str | None], Manifest]


def of(project: Project, variant: Variant, profile: str | None) -> tuple[Manifest, Lock]:
    """Return the manifest of the profile that is asked for or used here, and its lock; raises ``LockError``."""
    manifest = variant(load.manifest(project), profile)
    lock = load.required_lock(project, manifest.lock_name)
    return restricted(manifest, lock.only), lock


def notes(manifest: Manifest, lock: Lock) -> tuple[str, ...]:
    """Return what a person should know of the lock."""
    if lock.ours and not answers(lock, manifest):
        return (f"{manifest.lock_name} does not answer pyproject.toml: run `envctl lock`",)
    return ()
