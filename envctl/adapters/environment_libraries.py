"""What the libraries of the environment in use ask of the loader; kept for the user, as the files do not change.

Kept under the environment's fingerprint. What the cache holds is a hint about a warning: whoever can write there can
write into the environment too.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from envctl.adapters import elf
from envctl.adapters.integrity import records
from envctl.domain.environment import Stamp
from envctl.domain.image.contents import Needs
from envctl.domain.image.libraries import Linked

_SCHEMA = 1
_LIBRARY = re.compile(r"\.so(\.[0-9A-Za-z_.]+)?$")
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")


def look(environment: Path, stamp: Stamp) -> Linked:
    """Return what an environment's ELF files need, and whose they are."""
    own = stamp.own.name if stamp.own else None
    read = [each for each in records.read(environment) if each.package.name != own]
    owners = {path: package for path, (package, _) in records.known(environment, read).items()}
    place = _place(stamp.fingerprint)
    kept = _kept(place) if place else None
    objects = kept if kept is not None else dict(_read(environment, owners))
    if place and kept is None:
        _keep(place, objects)
    return Linked(objects=objects, owners=owners)


def _read(environment: Path, owners: Mapping[str, str]) -> Iterator[tuple[str, Needs]]:
    for path in owners:
        if _LIBRARY.search(path) or path.startswith("bin/"):
            try:
                with (environment / path).open("rb") as file:
                    found = elf.needs(file) if file.read(4) == elf.MAGIC else None
            except OSError:  # gone, or not ours to read: the layer `environment` says it
                continue
            if found:
                yield path, found


def _place(fingerprint: str) -> Path | None:
    from platformdirs import user_cache_path  # noqa: PLC0415  # lazy: seldom needed

    if not _FINGERPRINT.fullmatch(fingerprint):
        return None
    return user_cache_path("envctl") / "libraries" / f"{fingerprint.removeprefix('sha256:')}.json"


def _kept(place: Path) -> dict[str, Needs] | None:
    try:
        table: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        if table["schema"] != _SCHEMA:
            return None
        return {
            path: Needs(
                machine=str(row["machine"]),
                needed=tuple(map(str, row["needed"])),
                paths=tuple(map(str, row["paths"])),
                name=str(row["name"]),
            )
            for path, row in table["objects"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _keep(place: Path, objects: Mapping[str, Needs]) -> None:
    table = {"schema": _SCHEMA, "objects": {path: asdict(each) for path, each in objects.items()}}
    with suppress(OSError, UnicodeEncodeError):
        place.parent.mkdir(parents=True, exist_ok=True)
        staged = place.with_suffix(f".{id(table)}.partial")
        staged.write_text(json.dumps(table), encoding="utf-8")
        staged.replace(place)
