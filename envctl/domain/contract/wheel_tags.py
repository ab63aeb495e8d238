"""What the file names of a lock's wheels say about machines (PEP 425, PEP 600)."""

import re
from collections.abc import Iterable
from itertools import groupby

LockedPackage = tuple[str, str, tuple[str, ...]]
"""Name (canonical), version, and the names of its wheels that the lock's Pythons can install."""

_LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
_LINUX = re.compile(
    r"(?P<policy>manylinux\d+|manylinux_\d+_\d+|musllinux_\d+_\d+|linux)_(?P<machine>.+)"
)
# Others need these under a marker for one machine, so that their wheels say nothing about the rest of the lock.
_ONE_MACHINE = ("nvidia-", "cuda-", "triton", "jax-cuda")


def tags(wheel: str) -> list[tuple[str, str]]:
    """Return the (policy, machine) pairs of a wheel's platform tag (PEP 425, PEP 600), Linux only."""
    platform = wheel.removesuffix(".whl").rpartition("-")[2]
    matches = (_LINUX.fullmatch(tag) for tag in platform.split("."))
    return [(match["policy"], match["machine"]) for match in matches if match]


def for_linux(wheels: Iterable[str], machine: str) -> bool:
    """Whether a package may be installed there; without a list of wheels it may."""
    names = tuple(wheels)
    return not names or any(
        name.endswith("-any.whl") or any(m == machine for _, m in tags(name)) for name in names
    )


def machines(locked: Iterable[LockedPackage]) -> tuple[str, ...]:
    """Return the machines for which every package with Linux wheels has one."""
    shared: set[str] | None = None
    for name, group in groupby(locked, key=lambda package: package[0]):
        wheels = [wheel for _, _, names in group for wheel in names]
        own = {machine for wheel in wheels for _, machine in tags(wheel)}
        if not own or name.startswith(_ONE_MACHINE) or any(w.endswith("-any.whl") for w in wheels):
            continue
        shared = own if shared is None else shared & own
    return tuple(sorted(shared or (), key=lambda machine: (machine != "x86_64", machine)))


def libc_floor(
    locked: Iterable[LockedPackage], machine: str
) -> tuple[tuple[int, int] | None, str | None]:
    """Return the glibc that the lock needs: the best each package offers, the worst of all packages."""
    floor: tuple[int, int] | None = None
    source = None
    for name, version, wheels in locked:
        if any(wheel.endswith("-any.whl") for wheel in wheels):
            continue
        pairs = [pair for wheel in wheels for pair in tags(wheel)]
        own = [glibc for policy, m in pairs if m == machine and (glibc := _glibc(policy))]
        if own and (floor is None or min(own) > floor):
            floor = min(own)
            source = f"glibc {floor[0]}.{floor[1]}: {name} {version} (its wheels for {machine})"
    return floor, source


def _glibc(policy: str) -> tuple[int, int] | None:
    if policy in _LEGACY:
        return _LEGACY[policy]
    if policy.startswith("manylinux_"):
        _, major, minor = policy.split("_")
        return int(major), int(minor)
    return None
