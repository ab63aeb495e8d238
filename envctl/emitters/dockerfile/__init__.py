"""The Dockerfile: build stages that differ by flavour, and one final stage that does not.

``uv`` holds the installer, pinned by hash. ``heavy`` and ``light`` each fill an empty environment of their own, so
that the final stage has one layer per part and a change in one leaves the other alone. What is written there is made
reproducible and read-only in those stages: after the copy, it would be stored twice.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from envctl.domain.image import Image, header
from envctl.domain.image.layers import Part
from envctl.emitters.dockerfile import buildkit, final, hermetic
from envctl.emitters.dockerfile.steps import Added, run

__all__ = ["FLAVOURS", "Flavour", "emit"]


class Flavour(Protocol):
    """How what is installed reaches the build: a module with these names, each giving lines."""

    NAME: str

    def how_to_build(self, image: Image) -> tuple[str, ...]:
        """Return the comment that says how a person builds it."""
        ...

    def installer(self, image: Image) -> tuple[str, ...]:
        """Return the stage ``uv``."""
        ...

    def sources(self, image: Image) -> tuple[str, ...]:
        """Return the stages in which sources become wheels, and the project's own; none if it compiles nothing."""
        ...

    def install(self, image: Image, part: Part) -> tuple[str, ...]:
        """Return what fills the environment of a part, without its ``FROM``."""
        ...

    def system_packages(self, image: Image) -> tuple[str, ...]:
        """Return what installs the Debian packages that the manifest names."""
        ...

    def prepare(self, added: Iterable[Added]) -> tuple[str, ...]:
        """Return the stages that the project's own files need before the final one."""
        ...

    def add(self, added: Added) -> tuple[str, ...]:
        """Return what puts them into the final stage."""
        ...


FLAVOURS: Mapping[str, Flavour] = {each.NAME: each for each in (buildkit, hermetic)}


def emit(image: Image, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines of the block; ``files`` are the companions in the image's folder, by name."""
    flavour = FLAVOURS[image.build]
    return (
        *header(image, files),
        *flavour.how_to_build(image),
        "",
        f"FROM {image.base.pinned} AS base",
        *flavour.installer(image),
        *_empty(),
        *flavour.sources(image),
        *_parts(image, flavour),
        *flavour.prepare(final.added(image)),
        *final.stage(image, flavour.system_packages(image), flavour.add),
    )


def _empty() -> Iterable[str]:
    yield from (
        "",
        "# `relocatable`: launchers that name no path, as in .venv.",
        "FROM base AS empty",
        *run(
            [],
            [
                "python3 -m venv --without-pip /opt/venv",
                "echo 'relocatable = true' >> /opt/venv/pyvenv.cfg",
            ],
        ),
    )


def _parts(image: Image, flavour: Flavour) -> Iterable[str]:
    for part in image.stages:
        yield from ("", f"FROM empty AS {part}", *flavour.install(image, part))
