"""Folders and the disks that they lie on."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["the project", "uv's cache", "envctl's cache", "temporary files"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A folder, or the nearest one above where it would be made; sizes in bytes.

    ``device`` is the file system's number: files are linked within one only. ``files``: how many more it takes,
    ``None`` where it has no such limit. ``used``: what lies in the folder; with ``more`` the count was given up there.
    ``problem``: why it cannot be looked at.
    """

    role: Role
    path: str
    there: bool = True
    device: int = 0
    free: int = 0
    files: int | None = None
    writable: bool = True
    read_only: bool = False
    startable: bool = True
    used: int | None = None
    more: bool = False
    problem: str | None = None


def amount(size: int) -> str:
    """Return a size for people, in powers of 1024: ``3.4 GiB``."""
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
