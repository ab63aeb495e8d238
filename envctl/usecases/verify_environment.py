"""Is ``.venv`` exactly its slice of the lock? What the layer ``environment`` looks at."""

from collections.abc import Iterator

from packaging.utils import canonicalize_name

from envctl.checks import environment as environment_check
from envctl.domain.environment import Current, own_differs, without_own
from envctl.domain.finding import Finding
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.errors import LockError
from envctl.usecases.own import own
from envctl.usecases.surroundings import Surroundings
from envctl.usecases.wanted import Wanted, wanted


def wanted_here(around: Surroundings, manifest: Manifest, lock: Lock) -> Wanted:
    """Return what the environment here should be, by the choice that it was made with; raises ``LockError``."""
    stamp = around.environments.current().stamp
    groups = stamp.groups if stamp else manifest.default_groups
    extras = stamp.extras if stamp else manifest.default_extras
    known = set(lock.pylock.dependency_groups or ()), set(lock.pylock.extras or ())
    return wanted(
        around.project,
        lock,
        around.here(manifest),
        groups=tuple(name for name in groups if name in known[0]),
        extras=tuple(name for name in extras if name in known[1]),
        profile=manifest.profile,
        own=own(around.project, manifest, lock),
        bare=stamp.bare if stamp else False,
        inject=manifest.inject,
    )


def environment(around: Surroundings, manifest: Manifest, lock: Lock) -> Iterator[Finding]:
    """Compare the environment in use with what it should be."""
    current = around.environments.current()
    try:
        want = wanted_here(around, manifest, lock)
    except LockError as error:
        yield environment_check.unserved(error.message, advice=error.hint)
        return
    if not manifest.managed and current.kind != "ours":
        yield from _unmanaged(around, current, want, manifest)
        return
    ours = current.path if current.kind == "ours" else None
    stale = None
    if ours is not None and current.stamp is not None:
        activation = want.activation(ours, around.project)
        stale = around.environments.activation_differs(ours, activation)
        if dict(current.stamp.env) != want.env:
            stale = "the declared variables have changed since the environment was made"
    packages = around.environments.packages(ours) if ours else {}
    left = current.stamp.versions if current.stamp else {}

    def by(name: str) -> str:
        """Name the tool only where it was not envctl's own ``sync``, which installs by uv."""
        known = left.get(name) == packages.get(name)
        return "" if known else around.environments.installer(ours or "", name)

    yield from environment_check.check(
        current,
        want.items,
        without_own(packages, current.stamp),
        around.inspect(ours).problems if ours and current.stamp else (),
        python=want.here.interpreter.version,
        own=own_differs(current.stamp, packages, want.own.digest if want.own else None),
        by=by,
        stale=stale,
    )


def _unmanaged(
    around: Surroundings, current: Current, want: Wanted, manifest: Manifest
) -> Iterator[Finding]:
    from envctl.checks import unmanaged  # noqa: PLC0415  # most projects' environments are envctl's

    path = current.path
    yield from unmanaged.check(
        current,
        want.items,
        around.environments.packages(path) if path else {},
        around.inspect(path).problems if path else (),
        python=want.here.interpreter.version,
        own=canonicalize_name(manifest.name) if manifest.name else None,
    )
