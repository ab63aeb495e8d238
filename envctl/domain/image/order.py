"""Building an image: what is ordered, what is heard meanwhile, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["running", "cached", "done", "failed"]
Dated = Literal["all", "image", "nothing"]
"""What of an image's dates a builder could fix: all, those of the image but not of its files, or none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """A file that the build may read in the steps that ask for ``name``, and that no layer keeps."""

    name: str
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One image to build. ``dockerfile`` is a name in ``context``; ``flavour`` is how it was written.

    ``epoch``: seconds since 1970 that stand for every date in the image, as far as the builder can. ``proxies``: names
    of this process's variables whose values the build's steps see. ``target``: the platform, as Docker writes it.
    """

    context: Path
    dockerfile: str
    flavour: str
    tags: tuple[str, ...]
    secrets: tuple[Secret, ...] = ()
    proxies: tuple[str, ...] = ()
    network: str | None = None
    target: str | None = None
    epoch: int | None = None
    fresh: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A step of the build as it is now; ``key`` tells it from the others. The builder's own steps are ``internal``."""

    key: str
    title: str
    state: State
    seconds: float | None = None
    internal: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """A line that a step wrote."""

    key: str
    text: str


Event = Step | Output
Listener = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Layer:
    """One layer: its size in bytes, unpacked, and the instruction that made it."""

    size: int
    made_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembled:
    """An image as its builder leaves it: its id."""

    identity: str
    dated: Dated = "nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """What came of an order: the image's id, its layers (lowest first), and the builder by name."""

    identity: str
    order: Order
    layers: tuple[Layer, ...]
    builder: str
    dated: Dated = "nothing"

    @property
    def size(self) -> int:
        """Bytes, unpacked."""
        return sum(layer.size for layer in self.layers)
