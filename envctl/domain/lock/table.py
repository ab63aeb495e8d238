"""A lock → the data that its TOML is written from."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from envctl.domain.lock import Entry, Lock
from envctl.domain.lock.entry import package_table, without_none
from envctl.domain.lock.markers import spelled


def lock_table(lock: Lock) -> dict[str, Any]:
    """Return the whole lock as TOML-able data."""
    whole = replace(lock.pylock, packages=[])
    table = dict(whole.to_dict())
    if lock.pylock.environments:
        table["environments"] = [spelled(marker) for marker in lock.pylock.environments]
    table["packages"] = [
        # What an adopted lock's tool keeps for itself in a package stays there (PEP 751: it changes nothing).
        package_table(p) | ({"tool": dict(p.tool)} if lock.adopted and p.tool else {})
        for p in lock.pylock.packages
    ]
    others = {key: value for key, value in (lock.pylock.tool or {}).items() if key != "envctl"}
    table["tool"] = {
        "envctl": without_none(
            {
                "schema": lock.schema,
                "made-by": lock.made_by,
                "adopted": lock.adopted,
                "profile": lock.profile,
                "only": None if lock.only is None else list(lock.only),
                "inputs": list(lock.inputs),
                "digests": {key: entry.digest for key, entry in keys(lock.entries)},
                "requires": {
                    key: list(entry.requires) for key, entry in keys(lock.entries) if entry.requires
                },
                "contract": dict(lock.contract),
                "env": dict(lock.env),
                **lock.builds.to_tables(),
            }
        ),
        **others,
    }
    return table


def keys(entries: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    """Yield each entry with its key, ``name==version``; a fork of the same version gets ``#2``."""
    seen: dict[str, int] = {}
    for entry in entries:
        plain = f"{entry.name}=={entry.version}" if entry.version else entry.name
        seen[plain] = seen.get(plain, 0) + 1
        yield (plain if seen[plain] == 1 else f"{plain}#{seen[plain]}"), entry
