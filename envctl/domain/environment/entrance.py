"""The project as another tool enters it: what a file that leads there may say."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrance:
    """``root``: the project's folder here. ``env``: the variables that the manifest declares, none of them secret.

    ``packages``: what the lock holds, by name; ``None`` where there is none to be read.
    """

    project: str
    root: str
    env: Mapping[str, str] = field(default_factory=dict)
    packages: frozenset[str] | None = None
