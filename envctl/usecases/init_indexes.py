"""The indexes that other tools' files name, as a manifest names them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from envctl.domain.imported import FoundIndex, Note

_WHERE = "pyproject.toml: tool.envctl.index"


def named(
    found: Sequence[FoundIndex], default_index: str | None
) -> tuple[tuple[FoundIndex, ...], list[Note]]:
    """Return the indexes with names, the default one first.

    A manifest's first index without ``packages`` is the default one, so an additional index alone would
    replace the default that its author took for granted: then ``default_index`` is written down as well.
    """
    by_url: dict[str, FoundIndex] = {}
    for index in found:
        by_url.setdefault(index.url, index)
    unique = by_url.values()
    opened = [index for index in unique if not index.packages and not index.default]
    notes = [Note(where=f"{_WHERE} ({index.url})", message=_OPEN) for index in opened]
    defaults, others = _defaults(unique)
    notes += others
    if opened and not defaults and default_index:
        defaults = [FoundIndex(url=default_index.rstrip("/"), default=True, above=(_IMPLIED,))]
    if opened and not defaults:
        said = "left out: without a default index beside it, it would become the only one"
        notes = [Note(where=index.url, message=said) for index in opened]
        opened = []
    pinned = [index for index in unique if index.packages]
    return tuple(_with_names((*defaults, *opened, *pinned))), notes


def _defaults(found: Iterable[FoundIndex]) -> tuple[list[FoundIndex], list[Note]]:
    defaults = [index for index in found if index.default]
    said = "left out: there can be only one default index"
    return defaults[:1], [Note(where=index.url, message=said) for index in defaults[1:]]


_OPEN = "any package may come from it: if it is yours, name them, as in `packages = ['acme-*']`"
_IMPLIED = "The default index; it has to be named where there is another one."


def _with_names(indexes: Sequence[FoundIndex]) -> list[FoundIndex]:
    taken = {index.name for index in indexes if index.name}
    done: list[FoundIndex] = []
    for index in indexes:
        name = index.name or _free(_of_host(index.url), taken)
        taken.add(name)
        done.append(replace(index, name=name))
    return done


def _of_host(url: str) -> str:
    host = urlsplit(url).hostname or "index"
    return re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-") or "index"


def _free(name: str, taken: set[str]) -> str:
    number = 2
    free = name
    while free in taken:
        free = f"{name}-{number}"
        number += 1
    return free
