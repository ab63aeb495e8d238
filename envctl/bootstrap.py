"""The wiring: the only module that names a concrete adapter. Each door is opened when it is first used."""

import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from envctl.domain.captured.packages import Capture
    from envctl.domain.devices import Usage
    from envctl.domain.environment import Stamp
    from envctl.domain.environment.here import Here
    from envctl.domain.image.libraries import Linked
    from envctl.domain.image.order import Secret
    from envctl.domain.image.starting import Caller
    from envctl.domain.imported import Additions
    from envctl.domain.indexes.mirrors import Transport
    from envctl.domain.manifest import Manifest
    from envctl.domain.record import Record
    from envctl.domain.resolution import Interpreter
    from envctl.ports import (
        Builder,
        Catalogue,
        Checkup,
        Completed,
        Editor,
        Engine,
        Environments,
        Leases,
        Probe,
        Project,
        Registry,
        Runner,
        Sdists,
        Shelves,
        Starter,
        Workshop,
    )
    from envctl.usecases.diff.found import Doors as DiffDoors
    from envctl.usecases.image_verify import Doors


@dataclass(frozen=True, kw_only=True)
class Services:
    """The doors of one run of envctl: the folder it was started for, and what can be reached from there."""

    folder: Path
    environ: Mapping[str, str]

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
    def shelves(self) -> "Shelves":
        """The wheels that hermetic images are built from."""
        from envctl.adapters import installer
        from envctl.adapters.index.fetch import fetcher
        from envctl.adapters.shelves import WheelShelves
        from envctl.domain.image.settings import default_index
        from envctl.usecases import load

        def locate(name: str) -> str:
            index = default_index(load.manifest(self.project))
            return installer.address(self.run, self.environ, self.transport, index, name)

        get = fetcher(self.run, self.environ, lambda: self.transport)
        return WheelShelves(self.project.root, get, locate)

    @cached_property
    def workshop(self) -> "Workshop":
        """Where wheels are built from source."""
        from envctl.adapters.workshop import Workshop

        return Workshop.of_user(self.run, self.environ, lambda: self.transport)

    @property
    def run(self) -> "Runner":
        """Start a program."""
        from envctl.adapters.process import run

        return run

    @property
    def sysroot(self) -> Path:
        """Where ``/proc`` and ``/sys`` are looked for: tests name a fixture tree."""
        return Path(self.environ.get("ENVCTL_SYSROOT") or "/")

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

    def dirty(self) -> bool | None:
        """Whether the project's repository has uncommitted changes; ``None``: git does not say."""
        from envctl.adapters.git import dirty

        return dirty(self.run, self.project.root)

    def moment(self) -> str:
        """Return the time in UTC (RFC 3339, seconds)."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

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

    @cached_property
    def registry(self) -> "Registry":
        """Image registries, asked without an engine; Docker Hub through the engine's mirrors, if it has any."""
        from envctl.adapters.containers import mirrors
        from envctl.adapters.registry.client import RegistryClient

        return RegistryClient(self.environ, run=self.run, mirrors=mirrors)

    def libraries(self, path: str, stamp: "Stamp") -> "Linked":
        """Return what the ELF files of an environment ask of the loader."""
        from envctl.adapters.environment_libraries import look

        return look(Path(path), stamp)

    def proof_doors(self) -> "Doors":
        """Return how images are reached, and what they are proved by."""
        from envctl.adapters import bytecode, containers, source_files, wheel_evidence
        from envctl.usecases.image_verify import Doors

        def layers(reference: str) -> tuple[str, ...] | None:
            found = containers.inspect(reference)
            return found.layers if found else None

        root = self.project.root
        return Doors(
            contents=containers.contents,
            layers=layers,
            described=self.registry.described,
            of_environment=lambda path, stamp: wheel_evidence.of_environment(Path(path), stamp),
            of_wheels=lambda packages, interpreter: wheel_evidence.of_wheels(
                self.run, packages, interpreter, self.transport, root
            ),
            compiled=lambda path, brought, interpreter: bytecode.compiled(
                self.run, Path(path), brought, interpreter
            ),
            interpreter=lambda python: self.interpreter(python, None),
            hashes=lambda sources: source_files.hashes(root, sources),
            paths=self.paths,
        )

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

    def registry_digest(self, reference: str) -> str | None:
        """Ask which digest a tag has: the engine, which knows its mirrors, else the registry; ``None``: no answer."""
        from envctl.adapters.containers import registry_digest
        from envctl.errors import EnvctlError

        try:
            if digest := registry_digest(reference):
                return digest
            found = self.registry.described(reference)
        except EnvctlError:
            return None
        return found.digest if found else None

    def builder(self, asked: str | None, flavour: str) -> "Builder":
        """Return what builds an image of this flavour; raises ``ContainerError``, ``UsageError``."""
        from envctl.adapters.builders.choice import choose

        return choose(asked, flavour, run=self.run, environ=self.environ)

    def build_secrets(
        self, asked: Collection[str], addresses: Collection[str], workspace: Path
    ) -> "tuple[Secret, ...]":
        """Return what this machine gives to a build; raises ``ImageError``."""
        from envctl.adapters.build_secrets import secrets
        from envctl.adapters.index.logins import Logins

        logins = Logins(self.environ, self.transport)
        return secrets(asked, addresses, environ=self.environ, logins=logins, workspace=workspace)

    def starter(self, asked: str | None) -> "Starter":
        """Return what starts containers; raises ``ContainerError``, ``UsageError``."""
        from envctl.adapters.starters import choose

        return choose(asked, self.environ)

    def caller(self) -> "Caller":
        """Return who we are, and what of our terminal a program can be given."""
        from envctl.adapters.caller import caller

        return caller()

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""
        return Path(path).exists()

    def attend(self, argv: Sequence[str], env: Mapping[str, str]) -> "Completed":
        """Start a program on our own terminal, pass signals on, wait; raises ``ToolMissingError``."""
        from envctl.adapters.process import attend

        return attend(argv, env)

    def svg(self, graph: str) -> str:
        """Lay a graph in Graphviz' language out as an SVG; raises ``ToolMissingError``."""
        from envctl.adapters.graphviz import svg

        return svg(graph, run=self.run)

    def uv_pin(self, manifest: "Manifest") -> str:
        """Return uv as a requirement with hashes, of the version that is used here."""
        from envctl.adapters.installer import pin
        from envctl.domain.image.settings import default_index

        with self.workspace() as workspace:
            return pin(self.run, workspace, default_index(manifest))

    def uv_files(self, manifest: "Manifest") -> Mapping[str, str]:
        """Return the files of the uv that is used here, as the index has them: name → sha256."""
        from envctl.adapters.installer import files
        from envctl.domain.image.settings import default_index

        return files(self.run, self.environ, self.transport, default_index(manifest))

    def environment_python(self) -> str | None:
        """Return the Python of the environment in use, if there is one."""
        stamp = self.environments.current().stamp
        return stamp.python if stamp else None

    def paths(self) -> tuple[str, ...]:
        """Return what lies in the project's folder, two levels deep."""
        from envctl.adapters.sources import paths

        return paths(self.project.root)

    def probes(self) -> "tuple[Probe, ...]":
        """Return the probes that look at this machine."""
        from envctl.adapters.probes import PROBES

        return tuple(PROBES.values())

    def record(self, name: str | None = None) -> "Record":
        """Look at this machine."""
        from envctl.usecases.record import take

        return take(self.probes(), run=self.run, sysroot=self.sysroot, name=name)

    def gpu_usage(self) -> "Usage":
        """Ask who uses this machine's devices; no device and no driver are values, and a broken one cannot hang us."""
        from envctl.adapters.gpu_usage import usage

        return usage(run=self.run, sysroot=self.sysroot)

    @cached_property
    def checkup(self) -> "Checkup":
        """What ``doctor`` looks at beside the project."""
        from envctl.adapters.checkup import Examiner

        return Examiner(run=self.run, environ=self.environ, sysroot=self.sysroot)

    @cached_property
    def leases(self) -> "Leases":
        """Who holds which device of this machine."""
        from envctl.adapters.leases.folder import place
        from envctl.adapters.leases.shared import SharedLeases

        return SharedLeases(place(self.environ.get("ENVCTL_LEASES"), self.sysroot))

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Lend an empty folder that is gone afterwards, whatever ends us: it may hold logins."""
        from envctl.adapters.unwinding import unwound

        with unwound(), tempfile.TemporaryDirectory(prefix="envctl-") as folder:
            yield Path(folder)

    def shell_folder(self) -> AbstractContextManager[Path]:
        """Lend an empty folder that only this user may enter; who becomes another program within leaves it to that."""
        from envctl.adapters.shell_folder import shell_folder

        return shell_folder()

    def given(self, name: str) -> str | None:
        """Return the text of a file that is named on the command line; ``None``: there is none."""
        from envctl.adapters.given import given

        return given(self.folder, name)

    def is_file(self, path: str) -> bool:
        """Whether there is such a file."""
        return Path(path).is_file()

    def write_private(self, files: Mapping[str, str]) -> None:
        """Write files outside the project that only this user may read."""
        for path, text in files.items():
            Path(path).touch(mode=0o600)
            Path(path).write_text(text, encoding="utf-8")

    def parent_shell(self) -> str | None:
        """Return the program of the shell that started envctl; ``None``: there is none."""
        from envctl.adapters.parent_shell import parent_shell

        return parent_shell()

    def program(self, name: str, env: Mapping[str, str]) -> str | None:
        """Return the path of the program that ``name`` means in these variables; ``None``: there is none."""
        from envctl.adapters.process import program

        return program(name, env)

    def keep(self, environment: str) -> None:
        """Keep an environment from being cleaned away while this process lives, and what takes its place."""
        from envctl.adapters.process import keep

        keep(environment)

    def become(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        lease: str | None = None,
        about: str = "",
        hidden: Collection[str] = (),
    ) -> NoReturn:
        """Replace this process; ``lease`` is an environment that the new one needs while it lives.

        ``about``: what is known of the run that begins, to be left for the command (``usecases.describe.about``).
        """
        from envctl.adapters.process import replace

        replace(argv, env, lease=lease, about=about, hidden=hidden)


def services(folder: Path) -> Services:
    """Return the doors for a run in ``folder``."""
    return Services(folder=folder, environ=dict(os.environ))
