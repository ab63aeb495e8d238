"""Which of a package's wheels may be installed on a kind of machine, by their names (PEP 425, 600, 656)."""

from collections.abc import Iterable
from functools import cache

from packaging.pylock import Package
from packaging.tags import parse_tag

from envctl.domain.contract import wheel_tags
from envctl.domain.lock.slices import Target
from envctl.domain.platforms import Platform

_FOREIGN = {"linux": ("win", "macosx"), "macos": ("linux", "manylinux", "musllinux", "win")}


def for_machine(wheel: str, platform: Platform, python: str) -> bool:
    """Whether a wheel is for that system, processor and Python, whatever its libc."""
    return _for_platform(wheel, platform) and _for_python(wheel, python)


def for_musl(package: Package, platform: Platform) -> bool:
    """Whether musl's wheels (PEP 656), others' that name no libc, or a source serve there."""
    wheels: Iterable[str] = (wheel.filename for wheel in package.wheels or ())
    direct = package.sdist or package.vcs or package.directory or package.archive
    return bool(direct) or any(
        name.endswith("-any.whl")
        or any(
            machine == platform.machine and policy.startswith(("musllinux", "linux"))
            for policy, machine in wheel_tags.tags(name)
        )
        for name in wheels
    )


def _for_platform(wheel: str, platform: Platform) -> bool:
    tag = wheel.removesuffix(".whl").rpartition("-")[2]
    foreign = _FOREIGN.get(platform.os, ("linux", "manylinux", "musllinux", "macosx"))
    if tag.startswith(foreign):
        return False
    pairs = wheel_tags.tags(wheel)
    return not pairs or any(machine == platform.machine for _, machine in pairs)


def _for_python(wheel: str, python: str) -> bool:
    tags = "-".join(wheel.removesuffix(".whl").split("-")[-3:])
    if tags.count("-") < 2:
        return True
    fine = _installable(".".join(python.split(".")[:2]))
    return any((tag.interpreter, tag.abi) in fine for tag in parse_tag(tags))


@cache
def _installable(python: str) -> frozenset[tuple[str, str]]:
    """Return the interpreter and ABI tags of the wheels that a Python installs."""
    target = Target(platform=Platform(os="linux", machine="x86_64"), python=python)
    return frozenset((tag.interpreter, tag.abi) for tag in target.tags())
