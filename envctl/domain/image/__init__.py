"""The image: what the Dockerfile builds, as one record, and the digests by which it is known to be up to date."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from envctl.domain.blocks import Block, digest
from envctl.domain.contract import Contract, derive
from envctl.domain.image import base as image_base
from envctl.domain.image.base import Base
from envctl.domain.image.layers import PARTS, Part, Slices, part_of, slices
from envctl.domain.image.settings import choice_line, settings_digest, sources
from envctl.domain.image.variables import Baked, bake
from envctl.domain.lock import Lock
from envctl.domain.lock.slices import Item
from envctl.domain.manifest import GpuNeed, Manifest
from envctl.errors import ImageError


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """The files of one image. A profile has its own Dockerfile and folder."""

    profile: str | None = None

    @property
    def dockerfile(self) -> str:
        """The Dockerfile."""
        return f"Dockerfile.{self.profile}" if self.profile else "Dockerfile"

    @property
    def ignore(self) -> str:
        """The list of what a build may see, shared by all profiles."""
        return ".dockerignore"

    @property
    def folder(self) -> str:
        """The folder of what the build reads."""
        return f".envctl/image/{self.profile}" if self.profile else ".envctl/image"

    @property
    def lock(self) -> str:
        """The lock that the image is made from."""
        return f"pylock.{self.profile}.toml" if self.profile else "pylock.toml"

    def pylock(self, part: Part) -> str:
        """Return the name of one part's install list."""
        return f"{self.folder}/pylock.{part}.toml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """Everything that decides what the Dockerfile says."""

    name: str | None
    names: Names
    base: Base
    python: str
    target: str
    slices: Slices
    contract: Contract
    variables: Baked
    gpu: GpuNeed
    system_packages: tuple[str, ...]
    command: tuple[str, ...]
    source: tuple[str, ...]
    settings: str
    choice: str | None = None

    @property
    def items(self) -> tuple[Item, ...]:
        """Everything that is installed on some platform."""
        return tuple(item for taken in self.slices.values() for item in taken.items)

    @property
    def stages(self) -> tuple[Part, ...]:
        """The parts that have a package; the light one alone if none has."""
        used = {part_of(item.name) for item in self.items}
        return tuple(part for part in PARTS if part in used) or ("light",)

    @property
    def cuda(self) -> bool:
        """Whether the wheels bring CUDA."""
        return self.contract.accelerator == "cuda"


def describe(
    manifest: Manifest,
    lock: Lock,
    *,
    python: str,
    paths: Collection[str],
    profile: str | None = None,
) -> Image:
    """Return the image that a project asks for; raises ``ImageError`` and ``LockError``.

    ``python`` is the minor or exact version; ``paths`` are the project's files, for the rule in ``sources``.
    """
    names = Names(profile=profile)
    settings = manifest.image
    if settings.build != "buildkit":
        raise ImageError(
            f'build = "{settings.build}" is not in this version of envctl',
            where="tool.envctl.image.build",
            hint='use "buildkit"',
        )
    base = image_base.choose(settings, python)
    found = slices(manifest, lock, python, base.libc, names.lock)
    return Image(
        name=manifest.name,
        names=names,
        base=base,
        python=python,
        target=settings.target,
        slices=found,
        contract=_contract(found),
        variables=bake(manifest.env, settings.target),
        gpu=manifest.gpu,
        system_packages=tuple(sorted(set(settings.system_packages))),
        command=settings.command or ("python",),
        source=sources(settings.source, paths),
        settings=settings_digest(manifest, python),
        choice=choice_line(manifest),
    )


def header(image: Image, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines by which ``verify`` knows what the Dockerfile was made from."""
    return (
        *(f"# slice {platform.name} {taken.digest}" for platform, taken in image.slices.items()),
        f"# settings {image.settings}",
        *((f"# choice {image.choice}",) if image.choice else ()),
        f"# python {image.python}",
        f"# source {json.dumps(image.source)}",
        *(f"# file {name} {digest(text)}" for name, text in sorted(files.items())),
    )


def recorded(block: Block, key: str) -> dict[str, str]:
    """Return the header lines ``# key name value`` as a mapping."""
    pairs = (text.rpartition(" ") for text in block.values(key))
    return {name: value for name, _, value in pairs}


def _contract(found: Slices) -> Contract:
    wheels: dict[tuple[str, str], set[str]] = {}
    for taken in found.values():
        for item in taken.items:
            wheels.setdefault((item.name, item.version), set()).add(_filename(item))
    machine = next(iter(found)).machine
    return derive(
        ((name, version, tuple(sorted(own))) for (name, version), own in wheels.items()),
        machine=machine,
    )


def _filename(item: Item) -> str:
    name = getattr(item.artefact, "name", None)
    return str(name or (getattr(item.artefact, "url", None) or "").rpartition("/")[2])
