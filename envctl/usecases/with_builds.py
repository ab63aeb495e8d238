"""Attach to a new lock how its sources, and the project itself, are built."""

from collections.abc import Collection
from dataclasses import replace

from packaging.utils import canonicalize_name

from envctl.domain.build.locked import Builds
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import version_of
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import parse_platform
from envctl.domain.resolution import Pin
from envctl.usecases.build_lock import BuildLocker
from envctl.usecases.resolving import Answer, Resolver

# Where no platform is declared: those that people have, so that the lock does not depend on who makes it.
_USUAL = ("linux-x86_64", "linux-aarch64", "macos-arm64", "windows-x86_64")


def with_builds(
    new: Lock,
    answer: Answer,
    manifest: Manifest,
    resolver: Resolver,
    old: Lock | None,
    *,
    upgrade: Collection[str] | None,
) -> tuple[Lock, tuple[str, ...]]:
    """Return the lock with its builds, and what a person should know of them.

    ``upgrade`` frees build requirements as it does packages. Raises ``ResolutionError``, ``IndexFailure``.
    """
    before = old.builds if old is not None else Builds()
    freed = {canonicalize_name(name) for name in upgrade or ()}
    locker = BuildLocker(
        new,
        answer.question,
        settings=manifest.builds,
        platforms=manifest.platforms or tuple(map(parse_platform, _USUAL)),
        resolve=resolver.resolve,
        tree=resolver.sdists.tree,
        pins=tuple(
            Pin(name=each.name, version=version_of(each), index=each.index)
            for each in before.packages
            if upgrade is None or (upgrade and each.name not in freed)
        ),
    )
    return replace(new, builds=locker.lock(manifest.build_system)), tuple(locker.notes())
