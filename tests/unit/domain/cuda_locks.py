"""Locks with made-up files and real names, for the rules about CUDA: nothing is ever installed from them."""

from collections.abc import Mapping, Sequence
from typing import Any

from packaging.pylock import Pylock

from envctl.domain.lock import Entry, Lock
from envctl.domain.lock.entry import CREATOR, digest, version_of

LINUX = "sys_platform == 'linux' and platform_machine == 'x86_64'"


def package(
    name: str, version: str, marker: str | None = None, *, tag: str = "manylinux_2_28_x86_64"
) -> dict[str, Any]:
    """Return one entry, with a wheel for `tag`."""
    file = f"{name.replace('-', '_')}-{version}-cp311-cp311-{tag}.whl"
    wheel = {
        "name": file,
        "url": f"https://index.example/{file}",
        "hashes": {"sha256": "0" * 64},
    }
    return {
        "name": name,
        "version": version,
        "wheels": [wheel],
        **({"marker": marker} if marker else {}),
    }


def lock(
    *packages: dict[str, Any],
    edges: Mapping[str, Sequence[str]] | None = None,
    extras: Sequence[str] = (),
    groups: Sequence[str] = (),
    environments: Sequence[str] = (),
    requires_python: str | None = None,
    created_by: str = CREATOR,
) -> Lock:
    """Return a lock of these packages; `edges` by name are what envctl keeps of who needs whom."""
    table: dict[str, Any] = {
        "lock-version": "1.0",
        "created-by": created_by,
        "extras": list(extras),
        "dependency-groups": list(groups),
        "packages": list(packages),
    }
    if environments:
        table["environments"] = list(environments)
    if requires_python:
        table["requires-python"] = requires_python
    pylock = Pylock.from_dict(table)
    return Lock(
        pylock=pylock,
        schema=1 if created_by == CREATOR else None,
        entries=tuple(
            Entry(
                name=each.name,
                version=version_of(each),
                digest=digest(each),
                requires=tuple((edges or {}).get(each.name, ())),
            )
            for each in pylock.packages
        ),
    )
