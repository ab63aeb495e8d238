"""What ``dockerize`` tells a person: what to mind, how to build, and what has changed."""

import difflib
from collections.abc import Iterator
from datetime import date

from envctl.domain.blocks import Block
from envctl.domain.image import Image
from envctl.domain.image import base as image_base
from envctl.domain.image import layers as image_layers
from envctl.domain.image.bundle import FOLDER
from envctl.emitters.dockerfile import buildkit
from envctl.usecases.image_build import default_tag


def warnings(image: Image, block: Block | None, today: date | None) -> tuple[str, ...]:
    """Return what could surprise: what is left out, not pinned, out of support or overwritten."""
    found = [*image.variables.warnings, *image.contract.conflicts]
    found += [
        f"{base.reference} is not pinned: no registry gave its digest; "
        "run `envctl dockerize` again where one can be reached"
        for base in image.bases
        if base.digest is None
    ]
    if image.service.healthcheck and image.target == "kubernetes":
        found.append(
            "Kubernetes takes no notice of the image's health check: set a livenessProbe in the pod"
        )
    if today is not None:
        found += [
            f"{what} has been out of support since {end} (table of {image_base.table_date()})"
            for what, end in image.base.ends
            if end < today
        ]
    if local := image_layers.loopback(image.slices):
        way = (
            "the wheels are fetched" if image.build == "hermetic" else "build with `--network host`"
        )
        found.append(
            f"only this machine reaches the index of {', '.join(local[:5])}: "
            f"{way} here, and the team needs a shared index"
        )
    if block is not None and block.edited and not block.conflict:
        found.append("the generated block had been changed by hand: those changes are gone")
    return tuple(found)


def notes(image: Image) -> tuple[str, ...]:
    """Return what is in the image and the command that builds it."""
    name = image.names.dockerfile
    file = f" --file {name}" if name != "Dockerfile" else ""
    profile = f" --profile {image.names.profile}" if image.names.profile else ""
    tag = default_tag(image.name, "image", image.names.profile)
    source = ", ".join(image.source) or "none (name it in tool.envctl.image.source)"
    if image.package:
        source = f"installed as a package, built from {', '.join(image.package)}"
    if image.build == "hermetic":
        return (
            f"source in the image: {source}",
            f"the build reads the wheels in {image.names.folder}/{FOLDER}, which are not committed",
            f"build it: envctl image build{profile}",
            f"or without envctl: podman build --network none --tag {tag}{file} .  (docker, buildah: the same)",
        )
    return (
        f"source in the image: {source}",
        *_compiled(image),
        f"build it: envctl image build{profile}",
        f"or without envctl: docker build --tag {tag}{file} .",
        f"behind a proxy or with a company's CA that needs: {buildkit.BEHIND_A_PROXY}",
    )


def _compiled(image: Image) -> Iterator[str]:
    """Say what is built, and where: such a build takes longer, and of another image."""
    names = [each.requirement for each in image.built.sources if each.file is not None]
    if names and image.built.builder:
        where = (image.built.builder.base or image.base).reference
        yield f"built from source: {', '.join(names)}, in {where}"


def diff(name: str, old: str | None, new: str) -> str:
    """Return a unified diff; a new file is only named."""
    if old is None:
        return f"new file: {name}\n"
    return "".join(_lines(name, old, new))


def _lines(name: str, old: str, new: str) -> Iterator[str]:
    for line in difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{name}", f"b/{name}"
    ):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
