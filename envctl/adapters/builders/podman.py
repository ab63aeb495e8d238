"""Podman: no engine to reach, and no right needed. Builds both flavours."""

import json
from pathlib import Path

from envctl.adapters import buildah_words
from envctl.domain.image.order import Assembled, Layer, Listener, Order
from envctl.errors import ContainerError
from envctl.ports import Runner

NAME = "podman"
FLAVOURS = ("buildkit", "hermetic")


def build(order: Order, *, run: Runner, heard: Listener, workspace: Path) -> Assembled:
    """Build; raises ``ContainerError`` and ``ToolMissingError``."""
    return buildah_words.build((NAME, "build"), order, run=run, heard=heard, workspace=workspace)


def layers(reference: str, *, run: Runner) -> tuple[Layer, ...]:
    """Return an image's layers, lowest first; raises ``ContainerError``."""
    done = run([NAME, "history", "--no-trunc", "--format=json", reference])
    if done.code != 0:
        raise ContainerError(
            f"podman cannot look at `{reference}`",
            where=reference,
            hint="look at `podman info`; `--verbose` shows what it said",
            details=done.stderr,
        )
    return tuple(
        Layer(size=int(each.get("size") or 0), made_by=str(each.get("CreatedBy") or ""))
        for each in reversed(json.loads(done.stdout))
        if each.get("size")
    )
