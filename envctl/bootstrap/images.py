"""Images: registries, builders, what starts containers, and what an image is proved by."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from envctl.bootstrap.project import ProjectDoors

if TYPE_CHECKING:
    from envctl.domain.environment import Stamp
    from envctl.domain.image.libraries import Linked
    from envctl.domain.image.order import Secret
    from envctl.domain.image.starting import Caller
    from envctl.domain.manifest import Manifest
    from envctl.ports import Builder, Registry, Shelves, Starter
    from envctl.usecases.image_verify import Doors


@dataclass(frozen=True, kw_only=True)
class ImageDoors(ProjectDoors):
    """Images: registries, builders, what starts containers, and what an image is proved by."""

    @cached_property
    def registry(self) -> "Registry":
        """Image registries, asked without an engine; Docker Hub through the engine's mirrors, if it has any."""
        from envctl.adapters.containers import mirrors
        from envctl.adapters.registry.client import RegistryClient

        return RegistryClient(self.environ, run=self.run, mirrors=mirrors)

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
