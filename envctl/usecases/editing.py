"""Edit the manifest and its locks as one: resolved first in memory, then written together or not at all."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.domain.manifest import Manifest
from envctl.domain.profile import variant
from envctl.errors import ManifestError, ProjectError, UsageError
from envctl.ports import Project
from envctl.readers.toml import read_toml
from envctl.usecases import load
from envctl.usecases.lock_outcome import LockOutcome

Make = Callable[[Manifest], tuple[LockOutcome, Mapping[str, str]]]
"""Makes the locks that answer a manifest, writing nothing (see ``envctl.usecases.lock.made``)."""

# PEP 685 and PEP 735: what may name an extra or a dependency group.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One list of requirements in the manifest: the project's own, an extra's, a group's or a profile's."""

    kind: Literal["project", "extra", "group", "profile"] = "project"
    name: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to the list."""
        match self.kind:
            case "extra":
                return ("project", "optional-dependencies", self.name)
            case "group":
                return ("dependency-groups", self.name)
            case "profile":
                return ("tool", "envctl", "profiles", self.name, "dependencies")
            case _:
                return ("project", "dependencies")

    @property
    def key(self) -> str:
        """The list as messages name it."""
        return ".".join(self.path)

    @property
    def option(self) -> str:
        """What the command line needs to mean this list."""
        return "" if self.kind == "project" else f"--{self.kind} {self.name} "


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """One requirement that came into a list, went, or took another's place."""

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Edited:
    """What an edit did, to the manifest and to the locks."""

    edits: tuple[Edit, ...]
    outcome: LockOutcome
    notes: tuple[str, ...] = ()


def target(
    *, group: str | None, extra: str | None, profile: str | None, manifest: Manifest
) -> Target:
    """Return the list that the options mean; raises ``UsageError``."""
    named: dict[Literal["extra", "group", "profile"], str | None]
    named = {"group": group, "extra": extra, "profile": profile}
    given = [(kind, name) for kind, name in named.items() if name is not None]
    if len(given) > 1:
        raise UsageError(
            f"{' and '.join(f'`--{kind}`' for kind, _ in given)} contradict each other",
            where=f"--{given[-1][0]}",
            hint="name one list of requirements",
        )
    for kind, name in given:
        if kind == "profile":
            variant(manifest, name)
        elif not _NAME.fullmatch(name):
            raise UsageError(
                f"`{name}` cannot name {'an extra' if kind == 'extra' else 'a dependency group'}",
                where=f"--{kind}",
                hint="use letters, digits, dashes, underscores and dots",
            )
        return Target(kind=kind, name=name)
    return Target()


def text_of(project: Project) -> str:
    """Return the manifest's text, which must be there."""
    text = project.read(load.MANIFEST)
    if text is None:
        raise ManifestError(
            "there is no pyproject.toml", where=load.MANIFEST, hint="run `envctl init`"
        )
    return text


def writable(text: str, where: Target) -> None:
    """Refuse a list that this manifest cannot have (PEP 621)."""
    if where.kind not in ("project", "extra"):
        return
    project = read_toml(text, load.MANIFEST).get("project")
    if not isinstance(project, Mapping):
        raise ManifestError(
            "there is no [project] table to hold the requirement",
            where=load.MANIFEST,
            hint="run `envctl init`, or put it into a group with `--group NAME`",
        )
    if where.path[1] in project.get("dynamic", ()):
        raise ManifestError(
            f"{where.path[1]} are left to the build backend",
            where=f"{load.MANIFEST}: project.dynamic",
            hint="take them out of project.dynamic, and list them",
        )


def requirements_at(text: str, where: Target) -> tuple[Requirement, ...]:
    """Return the requirements of a list as they stand there; includes of groups and what is unreadable are left out."""
    found: Any = read_toml(text, load.MANIFEST)
    for key in where.path[:-1]:
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    wanted = canonicalize_name(where.path[-1])
    lists = (v for k, v in found.items() if canonicalize_name(k) == wanted) if found else iter(())
    return tuple(_parsed(next(lists, ())))


def _parsed(texts: Any) -> Iterator[Requirement]:
    for text in texts if isinstance(texts, list) else ():
        if isinstance(text, str):
            try:
                yield Requirement(text)
            except InvalidRequirement:
                continue


def write(
    project: Project, before: str, text: str, outcome: LockOutcome, files: Mapping[str, str]
) -> None:
    """Write manifest and locks as one; raises ``ProjectError`` if somebody else changed the manifest meanwhile."""
    if project.read(load.MANIFEST) != before:
        raise ProjectError(
            "it was changed while envctl resolved; nothing was written",
            where=load.MANIFEST,
            hint="run the command again",
        )
    # The manifest first: whoever is killed in between has asked, and `envctl lock` answers.
    project.write({load.MANIFEST: text, **files})
    project.remove(outcome.removed)
