"""What a registry says of an image, without a pull."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """An image in a registry.

    ``digest`` is that of the index where there is one, else of the manifest: what a ``FROM`` is pinned to.
    ``platforms`` are all that it is made for, as ``linux/amd64`` or ``linux/arm/v7``. What follows ``platform`` is
    of that one: labels, variables, user, what its layers were made by, and their size packed (bytes); ``identity`` is
    the digest of its configuration (the engine's image ID), ``layers`` those of its layers unpacked.
    """

    reference: str
    digest: str
    platforms: tuple[str, ...]
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    created: str = ""
    history: tuple[str, ...] = ()
    size: int = 0
    identity: str = ""
    layers: tuple[str, ...] = ()

    def serves(self, machine: str) -> bool:
        """Whether it runs on Linux on that machine (``x86_64`` or ``aarch64``, as wheels say it)."""
        wanted = ("linux", _ARCHITECTURES.get(machine, machine))
        return any(tuple(each.split("/")[:2]) == wanted for each in self.platforms)


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
