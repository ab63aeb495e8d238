"""A repository's hooks: where they lie, what is staged, and the envctl that they start."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from envctl.bootstrap.project import ProjectDoors
from envctl.errors import ProjectError

if TYPE_CHECKING:
    from envctl.adapters.hooks.repository import Repository
    from envctl.ports import Completed, Project
    from envctl.usecases.hooked.doors import Doors
    from envctl.usecases.hooked.staged import Staged


@dataclass(frozen=True, kw_only=True)
class HookDoors(ProjectDoors):
    """A repository's hooks: where they lie, what is staged, and the envctl that they start."""

    @cached_property
    def repository(self) -> "Repository":
        """The git repository that ``folder`` lies in; raises ``ProjectError`` where it lies in none."""
        from envctl.adapters.hooks.repository import opened

        found = opened(self.folder, self.environ)
        if found is None:
            raise ProjectError(
                "this folder is in no git repository",
                where=str(self.folder),
                hint="run `git init`, or go to the repository that is meant",
            )
        return found

    def hook_doors(self) -> "Doors":
        """Return how the repository's hooks are put in."""
        from envctl.adapters.hooks.configurations import Configurations
        from envctl.adapters.hooks.folder import HookFolder
        from envctl.adapters.process import program
        from envctl.usecases.hooked.doors import Doors

        files = Configurations(self.repository.top)
        return Doors(
            repository=self.repository,
            folder=HookFolder(self.repository),
            read=files.read,
            write=files.write,
            remove=files.remove,
            python=cache(self._python),
            has=lambda name: program(name, self.environ) is not None,
        )

    def staged(self, folder: str) -> "Staged":
        """Return a project of the repository as it is staged; its folder is seen from the top."""
        from envctl.adapters.hooks.staged import StagedProject

        return StagedProject(self.repository, self.repository.top / folder)

    @contextmanager
    def pushed(self, commit: str) -> Iterator[Self | None]:
        """Give these doors with a commit that is pushed in the place of what is staged; ``None``: it is not here."""
        from envctl.adapters.hooks import pushed

        with pushed.at(self.repository, commit) as found:
            other = replace(self)
            vars(other)["repository"] = found
            yield other if found else None

    def in_folder(self, folder: str) -> "Project":
        """Return a project of the repository as its folder has it."""
        from envctl.adapters.project import ProjectFiles

        return ProjectFiles(self.repository.top / folder)

    def within(self, project: "Project") -> Self:
        """Return these doors for that project."""
        other = replace(self, folder=project.root)
        vars(other)["project"] = project
        return other

    def placed(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return files named on the command line as the top of the repository sees them; others are left out."""
        # `os.path`, as git does: pathlib would keep `..` and so take a file for one outside.
        top = str(self.repository.top)
        found = (os.path.relpath(os.path.join(self.folder, each), top) for each in names)  # noqa: PTH118
        return tuple(each for each in found if Path(each).parts[:1] != (os.pardir,))

    def from_here(self, folder: str) -> str:
        """Return a folder of the repository as it is seen from where a person calls git, or envctl."""
        # `os.path`: pathlib of 3.11 knows no way up (`walk_up` is of 3.12).
        top, here = os.path.realpath(self.repository.top), os.path.realpath(self.folder)
        prefix = os.path.join(here, self.environ.get("GIT_PREFIX", ""))  # noqa: PTH118
        if here == top and os.path.isdir(prefix):  # noqa: PTH112  # so git starts a hook
            here = prefix
        return os.path.relpath(os.path.join(top, folder), here)  # noqa: PTH118

    def again(self, root: Path, *words: str, attended: bool = False) -> "Completed":
        """Start envctl once more in another folder, without what git tells its hooks."""
        from envctl.adapters.hooks.repository import plain
        from envctl.adapters.process import attend, run

        if attended:
            return attend([*self.own, "-C", str(root), *words], plain(self.environ))
        return run([*self.own, *words], cwd=root, env=plain(self.environ))

    def has_environment(self, folder: str) -> bool:
        """Whether a project of the repository has something at ``.venv``."""
        return os.path.lexists(self.repository.top / folder / ".venv")

    def _python(self) -> tuple[str, str]:
        """Return the Python that runs envctl, and its flags: what a shell says to Python is not for a hook."""
        from envctl.adapters.process import raw

        alone = [sys.executable, "-E", "-P", "-c", "import envctl, click"]
        code, _, _ = raw(alone, cwd=Path(sys.prefix), env=self.environ)
        return sys.executable, "-E -P" if code == 0 else "-P"
