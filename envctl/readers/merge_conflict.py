"""What a lock that cannot be read still tells: the pins of both sides of a git merge, the pins of a broken file.

Pins are preferences: a wrong one costs a resolver a look, a missing one may cost the user an upgrade. So what is
read here is read tolerantly, and nothing is ever an error.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import Version

from envctl.domain.resolution import Pin

# git-merge(1), "How conflicts are presented". A merge inside a merge has longer marks (xdiff/xmerge.c), and a
# `conflict-marker-size` attribute other ones.
_MARK = re.compile(r"(?P<mark><{7,}|\|{7,}|={7,}|>{7,})(?P<label> [^\n]*)?\r?\n?")
_PACKAGE = re.compile(r"\s*\[\[\s*packages\s*\]\]\s*(#.*)?")
_TABLE = re.compile(r"\s*\[")
_KEY = re.compile(
    r"""\s*(?P<key>name|version|index)\s*=\s*(?P<quote>["'])(?P<value>[^"'\\]*)(?P=quote)\s*(#.*)?"""
)
_URL = re.compile(r"(https?|file)://(?![^/]*@)[^\s\"'\\]+")


class Sides(NamedTuple):
    """The texts that a merge has put into one; ``base`` is there in the styles diff3 and zdiff3 only."""

    ours: str
    theirs: str
    base: str | None


def sides(text: str) -> Sides | None:
    """Take a text with merge-conflict markers apart; ``None``: there are none.

    Of a conflict inside a conflict, each side gets its own side of that. One that is never closed reaches to the end.
    """
    steps = list(_steps(text))
    outermost = [mark for mark, _, stack in steps if len(stack) == 1]
    if "<" not in outermost:
        return None
    ours, theirs, base = (
        "".join(line for mark, line, stack in steps if not mark and _holds(side, stack))
        for side in ("ours", "theirs", "base")
    )
    complete = outermost.count("|") == outermost.count("<")
    return Sides(ours, theirs, base if complete else None)


def _steps(text: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield each line with its mark (``<``, ``|``, ``=``, ``>`` or none) and its sides, the outermost first."""
    stack: tuple[str, ...] = ()
    for line in re.split(r"(?<=\n)", text):
        found = _MARK.fullmatch(line)
        mark = found["mark"][0] if found else ""
        if mark == "<":
            stack = (*stack, "ours")
        elif mark == "|" and stack:
            stack = (*stack[:-1], "base")
        elif mark == "=" and stack:
            stack = (*stack[:-1], "theirs")
        elif mark == ">" and stack:
            yield mark, line, stack
            stack = stack[:-1]
            continue
        else:
            mark = ""
        yield mark, line, stack


def salvaged_pins(text: str) -> tuple[Pin, ...]:
    """Return the pins of both sides of a merge, by name; of a text without markers, its own.

    Where the sides differ, the side that changed the version wins; where both did, or the base is not known, the
    higher one. A package of one side alone is kept.
    """
    found = sides(text)
    if found is None:
        return pins_of_text(text)
    ours, theirs = _by_name(pins_of_text(found.ours)), _by_name(pins_of_text(found.theirs))
    base = {} if found.base is None else _by_name(pins_of_text(found.base))
    names = sorted({*ours, *theirs})
    return tuple(
        pin for name in names for pin in _chosen(ours.get(name), theirs.get(name), base.get(name))
    )


def pins_of_text(text: str) -> tuple[Pin, ...]:
    """Return the pins of a PEP 751 file that any tool wrote, each once, in the file's order; valid or not."""
    try:
        tables = _tables(tomllib.loads(text.removeprefix("\ufeff")))
    except (ValueError, RecursionError):
        tables = _blocks(text)
    return tuple(dict.fromkeys(pin for table in tables if (pin := _pin(table))))


def _holds(side: str, stack: Sequence[str]) -> bool:
    """Whether a line belongs to a side: outside every conflict, or on that side of each.

    The base of an outer conflict may be a conflict itself (two merge bases): its first side stands for it.
    """
    within = "ours" if side == "base" else side
    return not stack or (stack[0] == side and all(each == within for each in stack[1:]))


def _tables(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    packages = data.get("packages")
    for package in packages if isinstance(packages, list) else ():
        if isinstance(package, Mapping):
            yield package


def _blocks(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the first name, version and index of each ``[[packages]]``, without those of its sub-tables."""
    block: dict[str, str] = {}
    open_ = False
    for line in text.splitlines():
        if _PACKAGE.fullmatch(line):
            yield block
            block, open_ = {}, True
        elif _TABLE.match(line):
            open_ = False
        elif open_ and (found := _KEY.fullmatch(line)):
            block.setdefault(found["key"], found["value"])
    yield block


def _pin(table: Mapping[str, Any]) -> Pin | None:
    name, version, index = (table.get(key) for key in ("name", "version", "index"))
    if not (isinstance(name, str) and isinstance(version, str)):
        return None
    try:
        normal = canonicalize_name(name, validate=True)
        pinned = str(Version(version))
    except ValueError:  # InvalidName, InvalidVersion, or a number with too many digits
        return None
    usable = isinstance(index, str) and _URL.fullmatch(index)
    return Pin(name=normal, version=pinned, index=index if usable else None)


def _by_name(pins: Iterable[Pin]) -> dict[str, tuple[Pin, ...]]:
    found: dict[str, tuple[Pin, ...]] = {}
    for pin in pins:
        found[pin.name] = (*found.get(pin.name, ()), pin)
    return found


def _chosen(
    ours: tuple[Pin, ...] | None, theirs: tuple[Pin, ...] | None, base: tuple[Pin, ...] | None
) -> tuple[Pin, ...]:
    """Choose between the pins of one name; a fork by platform has several."""
    if not ours or not theirs:
        return ours or theirs or ()
    if _versions(ours) == _versions(base or ()):
        return theirs
    if _versions(theirs) == _versions(base or ()):
        return ours
    return max(ours, theirs, key=_highest)


def _versions(pins: Iterable[Pin]) -> set[str]:
    return {pin.version for pin in pins}


def _highest(pins: Iterable[Pin]) -> Version:
    return max(Version(pin.version) for pin in pins)
