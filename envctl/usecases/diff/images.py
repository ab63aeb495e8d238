"""An image on the command line: all of it where the engine has it, else what its registry says. None of it is run."""

import re
from dataclasses import replace

from envctl.domain.captured.packages import SEEDS
from envctl.domain.image.contents import Contents
from envctl.domain.image.described import Described
from envctl.domain.image.reference import parse_reference
from envctl.domain.image.side import local_side, remote_side
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import Platform, platform_of
from envctl.errors import ImageError, NoEngineError, RegistryFailure
from envctl.usecases.diff.found import Doors, Found, Use

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def image(doors: Doors, word: str) -> Found | None:
    """Return an image; ``None``: neither engine nor registry has one of that name.

    A registry is asked only for a name that says which. Raises ``ContainerError`` and ``RegistryFailure`` where the
    name can be nothing but an image's, and nobody answers.
    """
    try:
        parse_reference(word)
    except ImageError:
        return None
    manifest = doors.manifest()
    doors.looking(f"asking for an image {word}")
    engine: NoEngineError | None = None
    try:
        if found := doors.contents(word):
            return _local(found, word, manifest)
    except NoEngineError as error:
        engine = error
    if not _has_registry(word):
        if engine and (":" in word or "/" in word):
            raise engine
        return None
    platform = doors.platform()
    machine = platform.machine if platform else "x86_64"
    try:
        described = doors.described(word, f"linux/{_ARCHITECTURES.get(machine, machine)}")
    except RegistryFailure as error:
        raise engine or error from error
    return _remote(described, word, manifest) if described else None


def _has_registry(word: str) -> bool:
    first, slash, _ = word.partition("/")
    return bool(slash) and (re.search(r"[.:]", first) is not None or first == "localhost")


def _local(found: Contents, word: str, manifest: Manifest | None) -> Found:
    side = replace(local_side(found, word), aside=SEEDS)
    return Found(
        kind="image",
        name=f"{word} ({found.identity[:19]})",
        side=side,
        use=_use(side.facts.get("python"), platform_of("linux", found.machine), manifest),
    )


def _remote(found: Described, word: str, manifest: Manifest | None) -> Found:
    side = remote_side(found, word)
    platform = platform_of("linux", side.facts.get("architecture") or "")
    return Found(
        kind="image",
        name=f"{word} ({found.digest[:19]}), as its registry describes it",
        side=side,
        use=_use(side.facts.get("python"), platform, manifest),
    )


def _use(python: str | None, platform: Platform | None, manifest: Manifest | None) -> Use:
    return Use(
        python=python,
        platform=platform,
        groups=manifest.image.groups if manifest else None,
        extras=manifest.image.extras if manifest else None,
        profile=manifest.profile if manifest else None,
    )
