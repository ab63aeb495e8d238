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
    standard = default_index.rstrip("/") if default_index else None
    unique = _unique(found)
    if not any(index.default and index.url != standard for index in unique):
        unique = [_as_default(each) if each.url == standard else each for each in unique]
    if [index.url for index in unique] == [standard]:
        return (), []  # where no index is named, it is that one
    opened = [index for index in unique if not index.packages and not index.default]
    notes = [Note(where=f"{_WHERE} ({index.url})", message=_OPEN) for index in opened]
    defaults, others = _defaults(unique)
    notes += others
    if opened and not defaults and standard:
        defaults = [FoundIndex(url=standard, default=True, above=(_IMPLIED,))]
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


def _unique(found: Iterable[FoundIndex]) -> list[FoundIndex]:
    """Return each address once: with the packages tied to it, unless it serves others too."""
    by_url: dict[str, FoundIndex] = {}
    for index in found:
        known = by_url.setdefault(index.url, index)
        if known is not index:
            tied = (*known.packages, *index.packages) if known.packages and index.packages else ()
            default = known.default or index.default
            packages = tuple(dict.fromkeys(tied))
            by_url[index.url] = replace(known, packages=packages, default=default)
    return list(by_url.values())


def _as_default(index: FoundIndex) -> FoundIndex:
    return replace(index, packages=(), default=True)


def _with_names(indexes: Sequence[FoundIndex]) -> list[FoundIndex]:
    given = {index.name for index in indexes if index.name}
    taken: set[str] = set()
    done: list[FoundIndex] = []
    for index in indexes:
        # A name that another tool gave is kept; of two alike, the first one keeps it.
        own = index.name if index.name and index.name not in taken else None
        name = own or _free(index.name or _of_host(index.url), taken | given)
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
