"""The wiring: the only room that names a concrete adapter. Each door is opened when it is first used."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from envctl.bootstrap.hooks import HookDoors
from envctl.bootstrap.images import ImageDoors
from envctl.bootstrap.machine import MachineDoors

if TYPE_CHECKING:
    from envctl.domain.manifest import Manifest
    from envctl.ports import Project
    from envctl.usecases.diff.found import Doors as DiffDoors


@dataclass(frozen=True, kw_only=True)
class Services(HookDoors, ImageDoors, MachineDoors):
    """The doors of one run of envctl: the folder it was started for, and what can be reached from there."""

    def diff_doors(self, profile: str | None, looking: "Callable[[str], None]") -> "DiffDoors":
        """Return how what is compared is reached; ``looking`` is told what takes a while."""
        import platform
        import sys

        from envctl.adapters import containers, folders, git
        from envctl.adapters.project import ProjectFiles
        from envctl.domain.platforms import platform_of
        from envctl.errors import EnvctlError, ProjectError
        from envctl.usecases import load
        from envctl.usecases.diff.found import Doors

        def project() -> "Project | None":
            try:
                return self.project
            except ProjectError:
                return None

        def manifest() -> "Manifest | None":
            found = project()
            try:
                return self.variant(load.manifest(found), profile) if found else None
            except EnvctlError:
                if profile is not None:
                    raise
                return None

        def root() -> Path:
            found = project()
            return found.root if found else self.folder

        return Doors(
            given=self.given,
            place=lambda path: folders.place(self.folder / path),
            project=project,
            project_at=lambda path: ProjectFiles(self.folder / path),
            manifest=manifest,
            repository=lambda: git.place(self.run, root()) is not None,
            revision=lambda word: git.revision(self.run, root(), word),
            listing_at=lambda commit: git.listing_at(self.run, root(), commit),
            text_at=lambda commit, path: git.text_at(self.run, root(), commit, path),
            environment=lambda path: self.live_environment(self.folder / path, path),
            stamp=lambda path: folders.stamp_at(self.folder / path),
            contents=containers.contents,
            described=self.registry.described,
            paths=self.paths,
            record=self.record,
            platform=lambda: platform_of(sys.platform, platform.machine()),
            looking=looking,
        )


def services(folder: Path) -> Services:
    """Return the doors for a run in ``folder``."""
    return Services(folder=folder, environ=dict(os.environ))
