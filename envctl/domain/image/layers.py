"""What an image installs: one slice per Linux platform, merged, in a heavy and a light part.

Heavy is what drives an accelerator: gigabytes that change monthly. In a layer of its own it is neither built nor
pushed again when one of the light packages changes.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from packaging.pylock import PackageSdist, PackageWheel, Pylock

from envctl.domain.image.wheels import checked, listed
from envctl.domain.lock import Lock
from envctl.domain.lock.entry import CREATOR, package_table
from envctl.domain.lock.slices import Item, Slice, Target, take
from envctl.domain.manifest import Manifest
from envctl.domain.platforms import Platform
from envctl.errors import ImageError, LockError

Part = Literal["heavy", "light"]
PARTS: tuple[Part, ...] = ("heavy", "light")
Slices = Mapping[Platform, Slice]

_HEAVY = re.compile(
    r"torch|torchvision|torchaudio|torchtext|torchdata|pytorch-triton.*|triton(-.+)?"
    r"|nvidia-.+|cuda-.+|cupy(-.+)?|cudf-.+|cuml-.+|rmm-.+|libcu.+|flash-attn|xformers|vllm|bitsandbytes|deepspeed"
    r"|jaxlib|jax-cuda.+|jax-rocm.+|libtpu.*"
    r"|tensorflow(-cpu|-gpu|-rocm|-intel)?|tensorrt.*|onnxruntime-(gpu|rocm)|mxnet-.+|paddlepaddle(-gpu)?"
)
_UNDECLARED = (
    Platform(os="linux", machine="x86_64"),
    Platform(os="linux", machine="aarch64"),
)
_SHOWN = 5
_LOCAL = re.compile(r"https?://(localhost|127\.|\[::1\])", re.IGNORECASE)


def part_of(name: str) -> Part:
    """Return the part that a package belongs to."""
    return "heavy" if _HEAVY.fullmatch(name) else "light"


def slices(
    manifest: Manifest, lock: Lock, python: str, libc: tuple[int, int] | None, where: str
) -> dict[Platform, Slice]:
    """Return the slice for each Linux platform that the image is for.

    Without declared platforms: x86_64, and aarch64 if everything has a wheel for it. Raises ``ImageError`` for what
    cannot be installed in an image, ``LockError`` for what is not in the lock.
    """
    declared = [platform for platform in manifest.platforms if platform.os == "linux"]
    if manifest.platforms and not declared:
        raise ImageError(
            "the project is not declared for Linux, and containers are",
            where="tool.envctl.platforms",
            hint='add "linux-x86_64" there, then run `envctl lock`',
        )
    found: dict[Platform, Slice] = {}
    for platform in declared or _UNDECLARED:
        try:
            taken = _slice(manifest, lock, platform, python, libc, where)
            if declared or not found or not any(map(is_source, taken.items)):
                found[platform] = taken
        except (LockError, ImageError):
            if declared or not found:
                raise
    return found


def _slice(
    manifest: Manifest,
    lock: Lock,
    platform: Platform,
    python: str,
    libc: tuple[int, int] | None,
    where: str,
) -> Slice:
    taken = take(
        lock,
        Target(platform=platform, python=python, libc=libc or platform.libc),
        groups=manifest.image.groups,
        extras=manifest.image.extras,
        where=where,
    )
    for item in taken.items:
        _installable(item, platform, lock, where)
    return taken


def is_source(item: Item) -> bool:
    """Whether it has to be built from an sdist."""
    return isinstance(item.artefact, PackageSdist)


def _installable(item: Item, platform: Platform, lock: Lock, where: str) -> None:
    if is_source(item):
        if f"{item.name}=={item.version}" not in lock.builds.builds:
            raise ImageError(
                f"`{item.name}` has no wheel for {platform.name} with this Python, and the lock does not say "
                "how its source is built",
                where=where,
                hint="run `envctl lock` with this platform in tool.envctl.platforms, or choose a version "
                f"of `{item.name}` with a wheel",
            )
        return
    if not isinstance(item.artefact, PackageWheel):
        raise ImageError(
            f"`{item.name}` comes from a folder, a repository or a direct address; an image installs only "
            "what an index has",
            where=where,
            hint=f"put `{item.name}` on your index",
        )
    url = item.artefact.url or ""
    if not url.lower().startswith(("https://", "http://")):
        raise ImageError(
            f"the wheel of `{item.name}` lies at {item.artefact.path or url or 'no address'}, "
            "which a build cannot reach",
            where=where,
            hint="put it on an index that the whole team reaches, then run `envctl lock`",
        )
    checked(item, where)


def loopback(found: Slices) -> tuple[str, ...]:
    """Return the packages whose files only this machine can fetch."""
    names = {
        item.name
        for taken in found.values()
        for item in taken.items
        if _LOCAL.match(getattr(item.artefact, "url", None) or "")
    }
    return tuple(sorted(names))


def parts(found: Slices) -> dict[Part, dict[str, Any]]:
    """Return one lock per part, as TOML-able data: the wheels; what is built comes from elsewhere."""
    return {
        part: merged(
            {
                platform: [
                    item
                    for item in taken.items
                    if part_of(item.name) == part and not is_source(item)
                ]
                for platform, taken in found.items()
            }
        )
        for part in PARTS
    }


def merged(found: Mapping[Platform, Collection[Item]]) -> dict[str, Any]:
    """Return one lock for several platforms, as TOML-able data, with no choice left in it.

    A package that is the same everywhere has one entry; else it has one per machine, under a marker.
    """
    entries: list[dict[str, Any]] = []
    for name in sorted({item.name for items in found.values() for item in items}):
        own = [
            (platform, item)
            for platform, items in found.items()
            for item in items
            if item.name == name
        ]
        entries += _entries(own, len(found))
    return _lock(entries)


def _entries(own: list[tuple[Platform, Item]], everywhere: int) -> list[dict[str, Any]]:
    tables = [(platform, listed(package_table(item.alone()))) for platform, item in own]
    first = tables[0][1]
    if len(tables) == everywhere and all(table == first for _, table in tables):
        return [first]
    return [
        {**table, "marker": f"platform_machine == '{platform.platform_machine}'"}
        for platform, table in tables
    ]


def _lock(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    # Through the model and back: PEP 751's key order.
    table = {"lock-version": "1.0", "created-by": CREATOR, "packages": list(entries)}
    return dict(Pylock.from_dict(table).to_dict())


def changes(contract: str, found: Slices) -> str:
    """Say which packages an image's ``contract.json`` (its text) has otherwise than today's slices."""
    then = _listed(contract)
    now: dict[str, set[str]] = {}
    for taken in found.values():
        for item in taken.items:
            now.setdefault(item.name, set()).add(item.version)
    lines = [
        f"{name} {_versions(then.get(name))} → {_versions(now.get(name))}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    if not lines:
        return "the same versions, but other files"
    more = len(lines) - _SHOWN
    return ", ".join(lines[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _versions(versions: Collection[str] | None) -> str:
    return "/".join(sorted(versions)) if versions else "none"


def _listed(contract: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    try:
        for taken in json.loads(contract)["slices"].values():
            for name, version in taken["packages"].items():
                found.setdefault(name, set()).add(str(version))
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # edited, or torn by a merge: said elsewhere
    return found
