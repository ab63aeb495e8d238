"""Which base image fits a lock: the first whose glibc is new enough for the wheels."""

from collections.abc import Iterable

from packaging.pylock import PackageWheel

from envctl.domain.contract.wheel_tags import libc_floor
from envctl.domain.image import base as image_base
from envctl.domain.image.base import Base, UnfitBase
from envctl.domain.image.layers import Slices, slices
from envctl.domain.lock import Lock
from envctl.domain.lock.slices import Item, platform_tags
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import Platform
from envctl.errors import ImageError, LockError

_NEWEST = (2, 99)  # newer than any glibc: what a wheel needs then is what it says itself


def fit(
    manifest: Manifest, lock: Lock, *, python: str, where: str, earlier: str | None = None
) -> tuple[Base, Slices]:
    """Return the base image and what is installed on it; ``earlier``: what stood behind ``FROM`` so far.

    Raises ``UnfitBase`` when every known image's glibc is too old, and what ``slices`` raises.
    """
    problem: LockError | ImageError | None = None
    every = image_base.candidates(manifest.image, python, earlier)
    for base in every:
        try:
            return base, slices(manifest, lock, python, base.libc, where)
        except (LockError, ImageError) as error:
            problem = problem or error
    assert problem is not None  # noqa: S101  # there is always one candidate
    newest = max(every, key=lambda base: base.libc or (0, 0))
    raise _too_old(manifest, lock, python, where, newest) or problem


def needed(
    items: Iterable[Item], platform: Platform, *, chosen: bool = False
) -> tuple[tuple[int, int] | None, str | None]:
    """Return the glibc without which some package has no wheel, and which package that is.

    ``chosen``: of the wheels that were chosen, not of any that would do.
    """
    usable = set(platform_tags(platform, _NEWEST))

    def wheels(item: Item) -> tuple[str, ...]:
        if not isinstance(item.artefact, PackageWheel):
            return ()
        return (_name(item.artefact),) if chosen else tuple(_wheels(item.artefact, item, usable))

    return libc_floor(((item.name, item.version, wheels(item)) for item in items), platform.machine)


def _wheels(taken: PackageWheel, item: Item, usable: set[str]) -> Iterable[str]:
    """Yield the wheels of a package that are for the Python and the platform of the one that was chosen."""
    chosen = _name(taken).removesuffix(".whl").split("-")[-3:-1]
    for wheel in item.package.wheels or ():
        *_, interpreter, abi, platforms = _name(wheel).removesuffix(".whl").split("-")
        if [interpreter, abi] == chosen and usable.intersection((*platforms.split("."), "any")):
            yield _name(wheel)


def _name(wheel: PackageWheel) -> str:
    return str(wheel.name or (wheel.url or wheel.path or "").rpartition("/")[2])


def _too_old(
    manifest: Manifest, lock: Lock, python: str, where: str, base: Base
) -> UnfitBase | None:
    """Say which package wants a newer glibc; ``None``: that is not what is wrong."""
    if base.libc is None:
        return None
    try:
        found = slices(manifest, lock, python, _NEWEST, where)
    except (LockError, ImageError):
        return None
    for platform, taken in found.items():
        need, source = needed(taken.items, platform)
        if need is not None and need > base.libc:
            return unfit(base.reference, base.libc, need, source or "")
    return None


def unfit(reference: str, libc: tuple[int, int], need: tuple[int, int], source: str) -> UnfitBase:
    """Return the error for a base image whose glibc is too old, with the way out."""
    suite = image_base.newer_system(need)
    older = "choose a version of the package with wheels for older systems"
    return UnfitBase(
        "libc",
        f"`{reference}` has glibc {libc[0]}.{libc[1]}, and the lock needs {source}",
        subject=reference,
        hint=f"name an image with Debian {suite} there, or {older}" if suite else older,
    )
