"""Pinning the images that a Dockerfile starts from: the final one's base, and those in which sources are compiled."""

from collections.abc import Callable
from dataclasses import replace

from envctl.domain.blocks import Block
from envctl.domain.image import Image
from envctl.domain.image import base as image_base
from envctl.domain.image.base import Base

Registry = Callable[[str], str | None]


def pinned(image: Image, block: Block | None, registry: Registry, *, upgrade_base: bool) -> Image:
    """Pin every image that is started from: by the manifest's word, else as it was, else as the registry says now."""
    froms = [line.split() for line in (block.lines if block else ()) if line.startswith("FROM ")]

    def at(base: Base, stage: str) -> Base:
        if base.digest:
            return base
        earlier = next((words[1] for words in froms if len(words) > 1 and words[-1] == stage), None)
        kept = image_base.kept_digest(base.reference, earlier)
        return base.at(kept if kept and not upgrade_base else registry(base.reference) or kept)

    found = replace(image, base=at(image.base, "base"))
    builder = image.built.builder
    if builder is None:
        return found
    own = at(builder.base, "builder") if builder.base else None
    toolkit = builder.toolkit
    if toolkit is not None:
        toolkit = replace(toolkit, base=at(toolkit.base, "toolkit"))
    builder = replace(builder, base=own, toolkit=toolkit)
    return replace(found, built=replace(image.built, builder=builder))
