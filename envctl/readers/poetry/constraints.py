"""Poetry's version constraints as PEP 440 specifiers and PEP 508 markers.

Poetry documentation, "Dependency specification": caret, tilde, wildcard, inequality and exact requirements, joined
by a comma or a blank (both hold) and by ``||`` (one of them holds).
"""

import re
from collections.abc import Iterable

from packaging.version import Version

from envctl.readers.poetry.version_ranges import (
    Alternative,
    Clause,
    ConstraintError,
    clause,
    is_below,
    raised,
    united,
)

_CLAUSE = re.compile(
    r"(?P<operator>\^|~=|~|<>|!=|==|=|>=|>|<=|<)?\s*"
    r"(?:(?P<star>[*xX])|v?(?P<version>\d[^\s,|*]*?)(?P<wildcard>\.[*xX])?)"
    r"(?:\s*,\s*|\s+|$)",
    re.ASCII,
)
_LONGEST = 500  # characters; a constraint that people write has some twenty


def specifier(constraint: str) -> str:
    """Return the PEP 440 specifier that says the same, ``""`` for any version; raises ``ConstraintError``.

    A lower bound that has a local version (``1.2+cpu``) loses it: PEP 440 has no such order.
    """
    alternatives = parse(constraint)
    if len(alternatives) == 1:
        return _joined(alternatives[0])
    return _joined(united(alternatives))


def python_specifier(constraint: str) -> str:
    """Return the specifier for ``python``; what is said of Python 2 is left out, where 3 is allowed too."""
    three = Version("3")
    alternatives = parse(constraint)
    kept = [each for each in alternatives if not is_below(each, three)] or list(alternatives)
    return _joined(kept[0]) if len(kept) == 1 else _joined(united(kept))


def python_marker(constraint: str) -> str:
    """Return the marker for a dependency's own ``python`` constraint, ``""`` for any; raises ``ConstraintError``."""
    texts = [_marker(each) for each in parse(constraint)]
    if not all(texts):
        return ""
    return texts[0] if len(texts) == 1 else " or ".join(f"({text})" for text in texts)


def parse(constraint: str) -> tuple[Alternative, ...]:
    """Return the alternatives, each the clauses that hold together; an empty one is any version."""
    if len(constraint) > _LONGEST:
        raise ConstraintError("it is too long")
    return tuple(
        _alternative(text.strip()) for text in re.split(r"\s*\|\|?\s*", constraint.strip())
    )


def _alternative(text: str) -> Alternative:
    clauses: list[Clause] = []
    place = 0
    while place < len(text):
        found = _CLAUSE.match(text, place)
        if found is None:
            raise ConstraintError(f"`{text}` is no constraint")
        wildcard = found["wildcard"] is not None
        clauses += _clauses(found["operator"] or "", found["version"] or "", wildcard=wildcard)
        place = found.end()
    if not text:
        raise ConstraintError("it is empty")
    return tuple(clauses)


def _clauses(operator: str, version: str, *, wildcard: bool) -> Iterable[Clause]:
    if not version:  # `*`
        if operator not in ("", "=", "=="):
            raise ConstraintError(f"`{operator}*` says nothing")
        return ()
    if wildcard:
        if operator not in ("", "=", "==", "!=", "<>"):
            raise ConstraintError(f"`{operator}{version}.*` is no constraint")
        return (clause("!=" if operator in ("!=", "<>") else "==", version, wildcard=True),)
    parsed = _version(version)
    if operator in ("^", "~") or (operator == "~=" and len(parsed.release) == 1):
        above = _next_breaking(parsed) if operator == "^" else _next_minor(parsed)
        return (clause(">=", parsed.public), clause("<", above))
    same = {"": "==", "=": "==", "<>": "!="}
    ordered = operator in (">", "<", ">=", "<=", "~=")
    return (clause(same.get(operator, operator), parsed.public if ordered else version),)


def _version(text: str) -> Version:
    try:
        return Version(text)
    except ValueError as error:  # InvalidVersion, or a number with too many digits
        raise ConstraintError(f"`{text}` is no version") from error


def _next_breaking(version: Version) -> str:
    """Return the caret's upper bound: the first part that is not zero goes up, else the last one there is."""
    release = version.release[:3]
    place = next((n for n, part in enumerate(release) if part), len(release) - 1)
    return raised(version, place)


def _next_minor(version: Version) -> str:
    return raised(version, 0 if len(version.release) == 1 else 1)


def _joined(clauses: Iterable[Clause]) -> str:
    return ",".join(dict.fromkeys(each.text for each in clauses))


def _marker(clauses: Alternative) -> str:
    return " and ".join(_python_condition(each) for each in clauses)


def _python_condition(each: Clause) -> str:
    """``python_version`` has two parts only: what is finer, or about a minor's end, is said of the full version."""
    parts = len(Version(each.version).release)
    if each.wildcard:
        if parts == 2:
            return f"python_version {each.operator} '{each.version}'"
        return f"python_full_version {each.operator} '{each.version}.*'"
    if parts == 2 and each.operator in (">=", "<", "=="):
        return f"python_version {each.operator} '{each.version}'"
    if parts == 1 and each.operator in (">=", "<"):
        return f"python_version {each.operator} '{each.version}'"
    return f"python_full_version {each.operator} '{each.version}'"
