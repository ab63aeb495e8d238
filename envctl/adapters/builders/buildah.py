"""Buildah alone: what Podman builds with. It starts nothing, and shares its images with Podman."""

import json
from pathlib import Path

from envctl.adapters import buildah_words
from envctl.domain.image.order import Assembled, Layer, Listener, Order
from envctl.errors import ContainerError
from envctl.ports import Runner

NAME = "buildah"
FLAVOURS = ("buildkit", "hermetic")


def build(order: Order, *, run: Runner, heard: Listener, workspace: Path) -> Assembled:
    """Build; raises ``ContainerError`` and ``ToolMissingError``."""
    return buildah_words.build((NAME, "bud"), order, run=run, heard=heard, workspace=workspace)


def layers(reference: str, *, run: Runner) -> tuple[Layer, ...]:
    """Return an image's layers, lowest first; raises ``ContainerError``."""
    done = run([NAME, "inspect", "--type=image", reference])
    if done.code != 0:
        raise ContainerError(
            f"buildah cannot look at `{reference}`",
            where=reference,
            hint="look at `buildah info`; `--verbose` shows what it said",
            details=done.stderr,
        )
    found = json.loads(done.stdout)
    steps = [each for each in found["OCIv1"].get("history") or () if not each.get("empty_layer")]
    sizes = [int(each["size"]) for each in json.loads(found["Manifest"])["layers"]]
    return tuple(
        Layer(size=size, made_by=str(step.get("created_by") or ""))
        for size, step in zip(sizes, steps, strict=False)
    )
