"""The image: what the Dockerfile builds, as one record, and the digests by which it is known to be up to date."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from envctl.domain.blocks import Block, digest
from envctl.domain.contract import Contract, derive, from_table
from envctl.domain.fleet.cards import Cards
from envctl.domain.image import builder as image_builder
from envctl.domain.image import bundle
from envctl.domain.image.base import Base
from envctl.domain.image.builder import Builder
from envctl.domain.image.fitting import fit
from envctl.domain.image.gathering import sources
from envctl.domain.image.layers import PARTS, Part, Slices, is_source, part_of
from envctl.domain.image.settings import choice_line, context, settings_digest
from envctl.domain.image.sources import Source, sources_digest
from envctl.domain.image.variables import Baked, bake
from envctl.domain.lock import Lock
from envctl.domain.lock.slices import Item
from envctl.domain.manifest import GpuNeed, Manifest


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
class Built:
    """What is compiled on the way, those that others need first, and in which image; ``None``: nothing is."""

    sources: tuple[Source, ...] = ()
    builder: Builder | None = None

    @property
    def project(self) -> Source | None:
        """The project itself, where it is installed as a package."""
        return next((each for each in self.sources if each.section == "project"), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """How others deal with what runs: the ports it listens on, how its health is asked, how it is told to stop."""

    ports: tuple[int, ...] = ()
    healthcheck: tuple[str, ...] = ()
    stop_signal: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """Everything that decides what the Dockerfile says.

    ``source``: what is copied to ``/app``; ``package``: what the project's own wheel is built from;
    ``cards``: those of the team's machines that are to run it.
    """

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
    build: str = "buildkit"
    choice: str | None = None
    built: Built = field(default_factory=Built)
    package: tuple[str, ...] = ()
    service: Service = field(default_factory=Service)
    cards: Cards = field(default_factory=dict)

    @property
    def items(self) -> tuple[Item, ...]:
        """Everything that is installed on some platform."""
        return tuple(item for taken in self.slices.values() for item in taken.items)

    @property
    def stages(self) -> tuple[Part, ...]:
        """The parts that have a package; the light one alone if none has."""
        used = {part_of(item.name) for item in self.items}
        return tuple(part for part in PARTS if part in used) or ("light",)

    def installs(self, part: str) -> bool:
        """Whether a part has a package that is installed from a wheel, on some platform."""
        return any(part_of(item.name) == part and not is_source(item) for item in self.items)

    @property
    def bases(self) -> tuple[Base, ...]:
        """Every image that a stage starts from or copies from."""
        builder = self.built.builder or Builder()
        toolkit = builder.toolkit.base if builder.toolkit else None
        return tuple(base for base in (self.base, builder.base, toolkit) if base)

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
    earlier: str | None = None,
) -> Image:
    """Return the image that a project asks for; raises ``ImageError`` and ``LockError``.

    ``python`` is the minor or exact version; ``paths`` are the project's files, for the rule in ``sources``;
    ``earlier`` is what stood behind ``FROM`` so far.
    """
    names = Names(profile=profile)
    settings = manifest.image
    base, found = fit(manifest, lock, python=python, where=names.lock, earlier=earlier)
    built = building(manifest, lock, found, base, python=python)
    if settings.build == "hermetic":
        bundle.refuse(settings, built.builder.packages if built.builder else ())
    files = context(settings, paths)
    package = settings.project == "package"
    return Image(
        name=manifest.name,
        names=names,
        base=base,
        python=python,
        target=settings.target,
        slices=found,
        contract=contract_of(found),
        variables=bake(manifest.env, settings.target),
        gpu=manifest.gpu,
        system_packages=tuple(sorted(set(settings.system_packages))),
        command=settings.command or ("python",),
        source=() if package else files,
        package=files if package else (),
        built=built,
        service=Service(
            ports=settings.ports,
            healthcheck=settings.healthcheck,
            stop_signal=settings.stop_signal,
        ),
        settings=settings_digest(manifest, python),
        build=settings.build,
        choice=choice_line(manifest),
    )


def building(manifest: Manifest, lock: Lock, found: Slices, base: Base, *, python: str) -> Built:
    """Return what an image of these slices on that base builds, and where; raises ``ImageError`` and ``LockError``."""
    settings = manifest.image
    if settings.project != "package" and not any(
        is_source(item) for taken in found.values() for item in taken.items
    ):
        return Built()
    contract = from_table(lock.contract) if lock.contract else contract_of(found)
    where = Names(profile=manifest.profile).lock

    def gathered(libc: tuple[int, int] | None) -> tuple[Source, ...]:
        return sources(manifest, lock, found, contract, python=python, libc=libc, where=where)

    first = gathered(base.libc)
    needs = {need for source in first for need in source.needs}
    builder = image_builder.choose(settings, base, needs, contract.cuda, python=python)
    own = builder.base.libc if builder.base else None
    older = own is not None and base.libc is not None and own < base.libc
    return Built(sources=gathered(own) if older else first, builder=builder)


def header(image: Image, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines by which ``verify`` knows what the Dockerfile was made from."""
    builds = sources_digest(image.built.sources)
    return (
        *(f"# slice {platform.name} {taken.digest}" for platform, taken in image.slices.items()),
        f"# settings {image.settings}",
        *((f"# choice {image.choice}",) if image.choice else ()),
        f"# python {image.python}",
        f"# source {json.dumps(image.source or image.package)}",
        *((f"# builds {builds}",) if builds else ()),
        *(f"# file {name} {digest(text)}" for name, text in sorted(files.items())),
    )


def recorded(block: Block, key: str) -> dict[str, str]:
    """Return the header lines ``# key name value`` as a mapping."""
    pairs = (text.rpartition(" ") for text in block.values(key))
    return {name: value for name, _, value in pairs}


def contract_of(found: Slices) -> Contract:
    """Return what the slices need of a machine; the kernels are those of the first platform."""
    wheels: dict[tuple[str, str], set[str]] = {}
    for taken in found.values():
        for item in taken.items:
            names = wheels.setdefault((item.name, item.version), set())
            names.update(() if is_source(item) else (_filename(item),))
    machine = next(iter(found)).machine
    return derive(
        ((name, version, tuple(sorted(own))) for (name, version), own in wheels.items()),
        machine=machine,
    )


def _filename(item: Item) -> str:
    name = getattr(item.artefact, "name", None)
    return str(name or (getattr(item.artefact, "url", None) or "").rpartition("/")[2])
