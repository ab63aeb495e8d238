"""The compilers of one machine."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Toolchain:
    """What there is, by path; ``None``: not there. ``nvcc_version`` is a minor, ``12.6``.

    ``headers``: whether the interpreter's ``Python.h`` is there, without which no extension module compiles.
    """

    c: str | None = None
    cxx: str | None = None
    rust: str | None = None
    nvcc: str | None = None
    nvcc_version: str | None = None
    headers: bool = True
