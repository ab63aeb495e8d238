"""The image in which sources are compiled. Nothing of it reaches the final image but the wheels made there."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, cast

from envctl.domain.build import Need
from envctl.domain.image import base as image_base
from envctl.domain.image.base import Base
from envctl.domain.manifest import ImageSettings
from envctl.errors import ImageError

_WHERE = "tool.envctl.image.builder"
_NVIDIA = "docker.io/nvidia"
_OFFICIAL = "docker.io/library"
# What Debian's images lack. Python's own images without `-slim` have gcc and g++, but no Rust.
_RUST = ("cargo",)
_COMPILERS: Mapping[Need, tuple[str, ...]] = {
    "c": ("gcc", "libc6-dev"),
    "c++": ("g++", "libc6-dev"),
    "nvcc": ("g++", "libc6-dev"),
    "rust": _RUST,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolkit:
    """The image from which the CUDA toolkit is copied, and the toolkit's folder there and in the builder."""

    base: Base
    folder: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """``base``: ``None`` for the final image's own. ``packages``: what Debian adds. ``named``: by the manifest."""

    base: Base | None = None
    packages: tuple[str, ...] = ()
    toolkit: Toolkit | None = None
    named: bool = False


def choose(
    settings: ImageSettings, base: Base, needs: Collection[Need], cuda: str | None, *, python: str
) -> Builder:
    """Return where sources with these needs are built, by the manifest or by table; raises ``ImageError``.

    ``base`` is that of the final image.

    Compilers come from Python's own image without ``-slim``: pinned by its digest, with the headers of that Python,
    and without a step that asks Debian. Where the manifest names the base image, that one and Debian's compilers.
    ``cuda`` is the minor that nvcc has to be of.
    """
    extra = set(settings.build_packages)
    if settings.builder is not None:
        named = _named(settings, settings.builder, python)
        return Builder(base=named, packages=tuple(sorted(extra)), named=True)
    toolkit = _toolkit(settings, cuda) if "nvcc" in needs else None
    if settings.base is not None:
        extra.update(*(_COMPILERS[need] for need in needs))
        return Builder(packages=tuple(sorted(extra)), toolkit=toolkit)
    if "rust" in needs:
        extra.update(_RUST)
    whole = _whole(settings, base, python, cuda=toolkit is not None) if needs or extra else None
    return Builder(base=whole, packages=tuple(sorted(extra)), toolkit=toolkit)


def _named(settings: ImageSettings, text: str, python: str) -> Base:
    try:
        return image_base.choose(replace(settings, base=text), python)
    except ImageError as error:
        raise ImageError(error.message, where=_WHERE, hint=error.hint) from error


def _whole(settings: ImageSettings, slim: Base, python: str, *, cuda: bool) -> Base:
    """Return Python's image with compilers; for CUDA the one whose gcc nvcc takes and whose glibc is old enough."""
    suite = _data()["host"]["suite"] if cuda else slim.reference.rpartition("-")[2]
    registry = settings.registry or _OFFICIAL
    return _named(settings, f"{registry}/python:{python}-{suite}", python)


def _toolkit(settings: ImageSettings, cuda: str | None) -> Toolkit:
    row = next((row for row in _data()["cuda"]["rows"] if row["cuda"] == cuda), None)
    if row is None:
        known = ", ".join(row["cuda"] for row in _data()["cuda"]["rows"])
        raise ImageError(
            f"no image with nvcc is known for CUDA {cuda} (known: {known})",
            where=_WHERE,
            hint="name one there that has Python, a C++ compiler and nvcc",
        )
    image = _data()["image"]
    registry = settings.registry or _NVIDIA
    tag = image["tag"].format(version=row["version"])
    return Toolkit(
        base=Base(reference=f"{registry}/{image['name']}:{tag}"),
        folder=f"/usr/local/cuda-{row['cuda']}",
    )


@cache
def _data() -> dict[str, Any]:
    text = files("envctl").joinpath("data/toolkits.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
