"""The project: its files, its environments, its interpreters, and where its packages come from."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from envctl.bootstrap.host import Host

if TYPE_CHECKING:
    from envctl.domain.captured.packages import Capture
    from envctl.domain.environment.here import Here
    from envctl.domain.imported import Additions
    from envctl.domain.indexes.mirrors import Transport
    from envctl.domain.manifest import Manifest
    from envctl.domain.resolution import Interpreter
    from envctl.ports import Catalogue, Editor, Engine, Environments, Project, Sdists, Workshop
    from envctl.usecases.ci_flow import Place


@dataclass(frozen=True, kw_only=True)
class ProjectDoors(Host):
    """The project: its files, its environments, its interpreters, and where its packages come from."""

    @cached_property
    def project(self) -> "Project":
        """The project that ``folder`` lies in; raises ``ProjectError`` when it lies in none."""
        from envctl.adapters.project import ProjectFiles, find_root

        return ProjectFiles(find_root(self.folder))

    @cached_property
    def here_project(self) -> "Project":
        """``folder`` itself as a project, whether it is one yet or not."""
        from envctl.adapters.project import ProjectFiles

        return ProjectFiles(self.folder)

    @cached_property
    def environments(self) -> "Environments":
        """The project's environments."""
        from envctl.adapters.environments import EnvironmentFolder

        return EnvironmentFolder(self.project.root, self.run, lambda: self.transport)

    @cached_property
    def transport(self) -> "Transport":
        """How packages are reached from here: the indexes of the manifest and its profiles, this machine's mirrors."""
        from envctl.domain.indexes.mirrors import Transport
        from envctl.domain.profile import variants
        from envctl.usecases import load

        every = variants(load.manifest(self.project))
        indexes = dict.fromkeys(index for each in every for index in each.indexes)
        return Transport(indexes=tuple(indexes), mirrors=load.local(self.project).mirrors)

    @cached_property
    def catalogue(self) -> "Catalogue":
        """What package indexes have."""
        from envctl.adapters.catalogue import IndexCatalogue

        return IndexCatalogue(self.environ)

    def live_environment(self, path: Path, label: str) -> "Capture":
        """Read a live environment; raises ``EnvironmentFailure``."""
        from envctl.adapters.live.environment import look

        return look(path, label)

    def here_behind(self, capture: "Capture") -> "Here":
        """Return this machine as the Python behind a live environment sees it, or as one of the same minor does."""
        from envctl.adapters.interpreters import behind, find, here

        found = behind(capture.executable, capture.python)
        return here(found or find(capture.minor, None, run=self.run))

    @cached_property
    def sdists(self) -> "Sdists":
        """The sources that locks name, in the user's cache."""
        from envctl.adapters.sdists import SdistFolder

        return SdistFolder.of_user(self.run, self.environ, lambda: self.transport)

    @cached_property
    def workshop(self) -> "Workshop":
        """Where wheels are built from source."""
        from envctl.adapters.workshop import Workshop

        return Workshop.of_user(self.run, self.environ, lambda: self.transport)

    def engine(self, name: str) -> "Engine":
        """Return the resolver of that name."""
        from envctl.adapters.engines import engine

        return engine(name)

    def interpreter(self, python: str | None, requires_python: str | None) -> "Interpreter":
        """Find an interpreter; raises ``InterpreterError``."""
        from envctl.adapters.interpreters import find
        from envctl.adapters.interpreters.kept import kept

        return find(python, requires_python, run=self.run, kept=kept(self.folder))

    def here(self, manifest: "Manifest") -> "Here":
        """Return this machine as the manifest's Python sees it."""
        return self.here_of(manifest.python, manifest.requires_python)

    def here_of(self, python: str | None, requires_python: str | None) -> "Here":
        """Return this machine as that Python sees it."""
        from envctl.adapters.interpreters import here

        return here(self.interpreter(python, requires_python))

    def extend_manifest(self, text: str, additions: "Additions") -> str:
        """Edit the text of a manifest."""
        from envctl.adapters.toml.edit import extend_manifest

        return extend_manifest(text, additions)

    @property
    def editor(self) -> "Editor":
        """What edits the requirements of a manifest."""
        from envctl.adapters.toml import requirements as tomlrequirements

        return tomlrequirements

    def variant(self, manifest: "Manifest", option: str | None) -> "Manifest":
        """Return the manifest as one profile sees it: asked for, remembered here, or synced here."""
        from envctl.usecases.choice import present

        return present(self.project, self.environments, manifest, option, self.environ)

    def committed(self, name: str) -> str | None:
        """Return a file of the project as it was last committed."""
        from envctl.adapters.git import committed

        return committed(self.run, self.project.root, name)

    def ci_place(self) -> "Place":
        """Return the repository that the project lies in; where it lies in none, its own folder as one."""
        from envctl.adapters import git
        from envctl.adapters.own_source import own_source
        from envctl.adapters.project import ProjectFiles
        from envctl.usecases.ci_flow import Place

        root = self.project.root
        top, folder = git.place(self.run, root) or (root, "")
        return Place(
            top=ProjectFiles(top),
            folder=folder,
            branch=lambda: git.default_branch(self.run, root),
            source=own_source,
        )

    def dirty(self) -> bool | None:
        """Whether the project's repository has uncommitted changes; ``None``: git does not say."""
        from envctl.adapters.git import dirty

        return dirty(self.run, self.project.root)

    def remember_profile(self, name: str) -> None:
        """Write the profile that this machine uses into ``.envctl/local.toml``."""
        from envctl.adapters.toml.edit import with_first_key
        from envctl.usecases.load import LOCAL

        text = self.project.read(LOCAL) or ""
        self.project.write({LOCAL: with_first_key(text, "profile", name)})

    def default_index(self) -> str:
        """Return the address of the index that the resolvers use when none is named."""
        from envctl.adapters.index.default import default_index

        return default_index()

    def environment_python(self) -> str | None:
        """Return the Python of the environment in use, if there is one."""
        stamp = self.environments.current().stamp
        return stamp.python if stamp else None

    def paths(self) -> tuple[str, ...]:
        """Return what lies in the project's folder, two levels deep."""
        from envctl.adapters.sources import paths

        return paths(self.project.root)
