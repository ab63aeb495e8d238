"""Container engines and what they offer."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineFacts:
    """One engine. ``chosen``: somebody said that it is to be this one. ``problem``: it is there and does not serve us.

    ``buildkit``: whether a command here reaches it; ``None``: the engine builds by itself (Podman). ``gpu``: the ways
    in which it can give GPUs to a container.
    """

    name: Literal["docker", "podman"]
    there: bool = True
    where: str = ""
    version: str | None = None
    chosen: bool = False
    local: bool = True
    rootless: bool = False
    buildkit: bool | None = None
    gpu: tuple[str, ...] = ()
    problem: str | None = None
    mend: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Engines:
    """The engines; ``nvidia``: whether this machine has NVIDIA's kernel driver."""

    engines: tuple[EngineFacts, ...] = ()
    nvidia: bool = False
