"""The image: what the Dockerfile builds, as one record, and the digests by which it is known to be up to date."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from envctl.domain import image_base
from envctl.domain.blocks import Block, digest
from envctl.domain.contract import Contract, derive
from envctl.domain.image_base import Base
from envctl.domain.image_slices import PARTS, Part, Slices, part_of, slices
from envctl.domain.image_variables import Baked, bake
from envctl.domain.lock import Lock
from envctl.domain.manifest import GpuNeed, Manifest
from envctl.domain.slices import Item
from envctl.errors import ImageError

_NOT_SOURCE = ("tests", "test", "docs")
# Patterns of .dockerignore, wildcards of COPY and what either would expand.
_ODD_PATH = re.compile(r"[\x00-\x1f\x7f*?\[\]\\$\"'<>]|^[!#\s]|\s$")


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
    )


def sources(declared: tuple[str, ...], paths: Collection[str]) -> tuple[str, ...]:
    """Return which paths of the project go into the image.

    What ``image.source`` lists; else ``src``, if there is one; else every ``*.py`` file at the top and every folder
    at the top with an ``__init__.py``, but for tests and docs.
    """
    if declared:
        return tuple(dict.fromkeys(_path(text, n) for n, text in enumerate(declared)))
    if any(path.startswith("src/") for path in paths):
        return ("src",)
    split = [path.split("/") for path in paths]
    files = {p[0] for p in split if len(p) == 1 and p[0].endswith(".py")}
    folders = {p[0] for p in split if len(p) == 2 and p[1] == "__init__.py"}
    return tuple(
        path
        for path in sorted(files | folders.difference(_NOT_SOURCE))
        if not _ODD_PATH.search(path)
    )


def default_python(manifest: Manifest, lock: Lock, earlier: str | None, local: str | None) -> str:
    """Return the image's Python: the manifest's; else that of the Dockerfile so far, of ``.venv``, of the table."""
    if manifest.python is not None:
        return manifest.python
    wanted = lock.pylock.requires_python
    for candidate in (earlier, local, *image_base.newest_known()):
        if candidate and (wanted is None or wanted.contains(_full(candidate))):
            return ".".join(candidate.split(".")[:2])
    raise ImageError(
        f"no base image is known for Python {wanted}",
        where="pyproject.toml",
        hint="name a Python in tool.envctl.python, and a base image in tool.envctl.image.base",
    )


def settings_digest(manifest: Manifest, python: str) -> str:
    """Return the digest of what the Dockerfile depends on besides the slice.

    Only what is set goes in, so that a setting which a newer envctl knows makes no older Dockerfile stale.
    """
    settings = manifest.image
    baked = bake(manifest.env, settings.target)
    inputs: dict[str, Any] = {
        "name": manifest.name,
        "python": python,
        "base": settings.base,
        "registry": settings.registry,
        "for": settings.target,
        "system-packages": sorted(set(settings.system_packages)),
        "command": list(settings.command),
        "env": dict(baked.env),
        "required": [*baked.required],
        "missed": [*baked.missed],
        "gpu": manifest.gpu.required,
        "gpus": manifest.gpu.count,
        "index": default_index(manifest),
    }
    filled = {key: value for key, value in inputs.items() if value}
    return digest(json.dumps(filled, sort_keys=True))


def default_index(manifest: Manifest) -> str | None:
    """Return the address of the index that everything without an index of its own comes from."""
    return next((index.url for index in manifest.indexes if not index.packages), None)


def header(image: Image, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines by which ``verify`` knows what the Dockerfile was made from."""
    return (
        *(f"# slice {platform.name} {taken.digest}" for platform, taken in image.slices.items()),
        f"# settings {image.settings}",
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


def _path(text: str, position: int) -> str:
    path = text.removeprefix("./").rstrip("/")
    steps = path.split("/")
    if not path or path.startswith("/") or _ODD_PATH.search(path) or {"..", ".", ""} & set(steps):
        raise ImageError(
            f"{text!r} cannot be copied into the image",
            where=f"tool.envctl.image.source[{position}]",
            hint='name files and folders of the project, for example "src" or "train.py"',
        )
    return path


def _full(python: str) -> str:
    return python if python.count(".") > 1 else f"{python}.0"
