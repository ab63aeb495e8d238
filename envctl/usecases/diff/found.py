"""What a word on the command line stands for, read; and through which doors it is looked for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from envctl.domain.captured.packages import Capture
from envctl.domain.difference.side import Kind, Side
from envctl.domain.environment import Stamp
from envctl.domain.image.contents import Contents
from envctl.domain.image.described import Described
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import Platform
from envctl.domain.record import Record
from envctl.domain.runs.description import RunDescription
from envctl.ports import Project


@dataclass(frozen=True, kw_only=True, slots=True)
class Doors:
    """How what is named is reached. Every path is seen from the folder of the call.

    ``given``: a file's text. ``place``: what a folder is (``environment``, ``project``, ``folder``). ``project``: the
    one here, if any; ``manifest``: its own as its profile sees it. ``revision``, ``listing_at``, ``text_at``: git;
    ``repository``: whether it knows this folder.
    ``contents`` and ``described``: an image of the engine's, of a registry's. ``looking`` is told what takes a while.
    """

    given: Callable[[str], str | None]
    place: Callable[[str], str | None]
    project: Callable[[], Project | None]
    project_at: Callable[[str], Project]
    manifest: Callable[[], Manifest | None]
    repository: Callable[[], bool]
    revision: Callable[[str], str | None]
    listing_at: Callable[[str], Sequence[str]]
    text_at: Callable[[str, str], str | None]
    environment: Callable[[str], Capture]
    stamp: Callable[[str], Stamp | None]
    contents: Callable[[str], Contents | None]
    described: Callable[[str, str | None], Described | None]
    paths: Callable[[], tuple[str, ...]]
    record: Callable[[], Record]
    platform: Callable[[], Platform | None]
    looking: Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """What of a lock something has: for which Python, platform, groups and extras (``None``: not known)."""

    python: str | None
    platform: Platform | None
    groups: tuple[str, ...] | None = None
    extras: tuple[str, ...] | None = None
    profile: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was found: locks by their file names (a revision has several), or anything else as a side.

    ``whole``: they are all that a project has. ``use``: what of a lock it was made from. ``run``: the description.
    """

    kind: Kind
    name: str
    locks: Mapping[str, Lock] = field(default_factory=dict)
    whole: bool = False
    side: Side | None = None
    use: Use | None = None
    run: RunDescription | None = None


def filled(value: Any) -> Any:
    """Return JSON's types without nulls, as TOML has them."""
    if isinstance(value, Mapping):
        return {key: filled(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [filled(item) for item in value]
    return value
