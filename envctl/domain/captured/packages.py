"""A live environment as it was found: its packages, where each came from, and what is not as its installer left it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["index", "vcs", "archive", "folder", "editable", "conda"]

SEEDS = frozenset({"pip", "setuptools", "wheel", "uv", "pkg-resources"})
"""What tools put into an environment unasked (``pkg-resources`` is Debian's mistake)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a package came from (PEP 610).

    ``index``: nothing is written down about it, as after an installation from an index. ``url``: the direct reference
    for a requirement, free of credentials (``git+https://…@commit``), the path of a folder, or conda's name for it;
    ``None``: it cannot be told, or nobody knows what in it is secret.
    """

    kind: Kind = "index"
    url: str | None = ""

    @property
    def local(self) -> bool:
        """Whether it means something on this machine only."""
        return self.kind in ("folder", "editable") or self._scheme.endswith("file")

    @property
    def _scheme(self) -> str:
        return (self.url or "").partition(":")[0] if self.kind in ("vcs", "archive") else ""

    @property
    def direct(self) -> bool:
        """Whether a requirement has to name its address."""
        return self.kind in ("vcs", "archive") and not self.local


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """One installed package; ``name`` is canonical, ``version`` as PEP 440 spells it.

    ``requires``: PEP 508 texts. ``extras``: those that it offers. ``requested``: its installer marked it as asked for.
    ``tags``: those of the wheel that was installed. ``record``: path → ``sha256=…`` as in a wheel; ``None``: it has no
    RECORD. ``changed``: the files that are not as they were installed. ``faults``: what is broken, as sentences.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    installer: str = ""
    requested: bool = False
    origin: Origin = Origin()
    tags: tuple[str, ...] = ()
    record: Mapping[str, str] | None = field(default=None, repr=False)
    changed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CondaPackage:
    """A package that conda installed, by conda's name for it; ``folders``: the metadata folders that it brought."""

    name: str
    version: str
    build: str = ""
    requested: bool = False
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """What an environment holds. ``label`` names it, ``python`` is its version (``3.11`` or ``3.11.7``).

    ``executable``: the interpreter behind it, if it is there still. ``conda``: what only conda knows. ``remarks``: what
    concerns the environment as a whole, as sentences.
    """

    label: str
    python: str
    executable: str | None = None
    packages: tuple[Captured, ...] = ()
    conda: tuple[CondaPackage, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def minor(self) -> str:
        """``3.11``."""
        return ".".join(self.python.split(".")[:2])
