"""Alternatives of version clauses as one PEP 440 specifier.

PEP 440 has no "or": alternatives that touch become one range, a gap becomes ``!=`` where that says the same, and
anything else is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from packaging.specifiers import InvalidSpecifier, Specifier
from packaging.version import Version

_MOST_PIECES = 40


class ConstraintError(Exception):
    """A constraint that Poetry would not read either, or that PEP 440 cannot say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """One PEP 440 clause: ``>=``, ``<``, ``==``, …; ``wildcard``: every version that begins so (``==1.2.*``)."""

    operator: str
    version: str
    wildcard: bool = False

    @property
    def text(self) -> str:
        """The clause as a specifier has it."""
        return f"{self.operator}{self.version}{'.*' if self.wildcard else ''}"


Alternative = tuple[Clause, ...]


def clause(operator: str, version: str, *, wildcard: bool = False) -> Clause:
    """Return a clause; raises ``ConstraintError`` for what PEP 440 does not take."""
    made = Clause(operator=operator, version=version, wildcard=wildcard)
    try:
        Specifier(made.text)
    except InvalidSpecifier as error:
        raise ConstraintError(f"`{made.text}` is no version") from error
    return made


def raised(version: Version, place: int) -> str:
    """Return the version with that part one higher and zeros behind it, as many parts as there were."""
    release = version.release
    parts = (*release[:place], release[place] + 1, *(0 for _ in release[place + 1 :]))
    epoch = f"{version.epoch}!" if version.epoch else ""
    return epoch + ".".join(map(str, parts))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Range:
    """What lies between two bounds, each in it or not; ``None``: no bound."""

    low: Version | None = None
    low_in: bool = True
    high: Version | None = None
    high_in: bool = False


def united(alternatives: Sequence[Alternative]) -> list[Clause]:
    """Return clauses that hold together for what any of the alternatives allows; raises ``ConstraintError``."""
    ranges = sorted(filter(_holds, map(_range, alternatives)), key=_start)
    if not ranges:
        raise ConstraintError("no version fits it")
    merged = ranges[:1]
    for each in ranges[1:]:
        if _touch(merged[-1], each):
            merged[-1] = _sum(merged[-1], each)
        else:
            merged.append(each)
    low, high = merged[0], merged[-1]
    clauses = []
    if low.low:
        clauses.append(clause(">=" if low.low_in else ">", str(low.low)))
    if high.high:
        clauses.append(clause("<=" if high.high_in else "<", str(high.high)))
    for one, other in pairwise(merged):
        clauses += _gap(one, other)
    return clauses


def _range(clauses: Alternative) -> _Range:
    starts, ends = zip(*map(_bounds, clauses), strict=True) if clauses else ((), ())
    low = max((each for each in starts if each), key=_start, default=_Range())
    high = min((each for each in ends if each), key=_end, default=_Range())
    return _Range(low=low.low, low_in=low.low_in, high=high.high, high_in=high.high_in)


def _bounds(each: Clause) -> tuple[_Range | None, _Range | None]:
    version = Version(each.version)
    if each.operator in (">", ">="):
        return _Range(low=version, low_in=each.operator == ">="), None
    if each.operator in ("<", "<="):
        return None, _Range(high=version, high_in=each.operator == "<=")
    if each.operator == "==" and not each.wildcard:
        return _Range(low=version), _Range(high=version, high_in=True)
    if each.operator == "!=":
        raise ConstraintError("alternatives with `!=` in them cannot be one specifier")
    last = len(version.release) - (2 if each.operator == "~=" else 1)
    parts = Version(raised(version, last))
    return _Range(low=version), _Range(high=parts)


def _holds(each: _Range) -> bool:
    """Whether any version can be in a range: ``>2,<1`` has none."""
    if each.low is None or each.high is None:
        return True
    return each.low < each.high or (each.low == each.high and each.low_in and each.high_in)


def _start(each: _Range) -> tuple[bool, Version, bool]:
    return (each.low is not None, each.low or Version("0"), not each.low_in)


def _end(each: _Range) -> tuple[bool, Version, bool]:
    return (each.high is None, each.high or Version("0"), each.high_in)


def _touch(one: _Range, other: _Range) -> bool:
    if one.high is None or other.low is None:
        return True
    return one.high > other.low or (one.high == other.low and (one.high_in or other.low_in))


def _sum(one: _Range, other: _Range) -> _Range:
    longer = max(one, other, key=_end)
    return _Range(low=one.low, low_in=one.low_in, high=longer.high, high_in=longer.high_in)


def _gap(one: _Range, other: _Range) -> list[Clause]:
    """Return the ``!=`` clauses for what lies between two ranges; raises ``ConstraintError``."""
    low, high = one.high, other.low
    if low is None or high is None:
        return []
    if low == high:
        return [clause("!=", str(low))]
    one_series = len(low.release) == len(high.release) and low.release[:-1] == high.release[:-1]
    pieces = high.release[-1] - low.release[-1]
    whole = not one.high_in and other.low_in and low.epoch == high.epoch
    finals = all(version == Version(version.base_version) for version in (low, high))
    if not (one_series and whole and finals and 0 < pieces <= _MOST_PIECES):
        raise ConstraintError("PEP 440 has no word for that gap")
    stem = ".".join(map(str, low.release[:-1]))
    first = low.release[-1]
    names = [f"{stem}.{first + n}" if stem else f"{first + n}" for n in range(pieces)]
    return [clause("!=", name, wildcard=True) for name in names]


def is_below(clauses: Alternative, limit: Version) -> bool:
    """Whether all that the clauses allow is below a version."""
    try:
        found = _range(tuple(each for each in clauses if each.operator != "!="))
    except ConstraintError:
        return False
    return (
        found.high is not None
        and found.high <= limit
        and not (found.high == limit and found.high_in)
    )
