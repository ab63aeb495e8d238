"""PEP 508 markers as a lock needs them: without what its ``environments`` already say, and joined over roots."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from packaging.markers import Marker
from packaging.utils import canonicalize_name

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_ROOTS = re.compile(r"\b(extras|dependency_groups)\b")
_GROUP = re.compile(r"""["'](?P<name>[^"']*)["'] (?P<not>not )?in dependency_groups""")


def implied(marker: str | None, environments: Sequence[str]) -> str | None:
    """Return what ``marker`` asks beyond "one of these environments"; ``None`` when it asks nothing more.

    A resolver writes each package's marker as a disjunction that repeats every environment: ``(linux and x) or
    (macos and x)``. When each environment occurs with the same rest, the rest is the meaning. Anything else is
    returned as it is: longer, and right.
    """
    if marker is None or not environments:
        return marker
    rests: dict[int, set[frozenset[str]]] = {}
    wanted = [frozenset(_conjunction(spelled(environment))) for environment in environments]
    for disjunct in _split(spelled(marker), " or "):
        atoms = frozenset(_conjunction(disjunct))
        homes = [n for n, environment in enumerate(wanted) if environment <= atoms]
        if len(homes) != 1:
            return marker
        rests.setdefault(homes[0], set()).add(atoms - wanted[homes[0]])
    if len(rests) != len(wanted) or len({frozenset(rest) for rest in rests.values()}) != 1:
        return marker
    rest = rests[0]
    if frozenset() in rest:
        return None
    return " or ".join(sorted(" and ".join(sorted(atoms)) for atoms in rest))


def joined(markers: Mapping[str, str | None]) -> Marker | None:
    """Join a package's markers over the roots that reach it: ``""`` for the base, else a condition on the root.

    ``{"'viz' in extras": None, "'dev' in dependency_groups": "sys_platform == 'linux'"}`` becomes
    ``'viz' in extras or ('dev' in dependency_groups and sys_platform == 'linux')``.
    """
    base = markers.get("", "never")
    if base is None:
        return None
    terms = [f"({base})"] if "" in markers else []
    for root, marker in markers.items():
        if root and not ("" in markers and marker == base):
            terms.append(f"({root} and ({marker}))" if marker else root)
    return Marker(" or ".join(terms))


def narrowed(
    marker: Marker | None, *, extras: Collection[str], groups: Collection[str]
) -> Marker | bool:
    """Evaluate what a lock's marker asks of ``extras`` and ``dependency_groups`` (PEP 751), and return the rest.

    ``True``: it holds for that choice wherever it is installed; ``False``: nowhere. Raises
    ``packaging.markers.UndefinedComparison`` for a comparison that PEP 751 does not know.
    """
    if marker is None:
        return True
    roots = {"extras": frozenset(extras), "dependency_groups": frozenset(groups)}

    def decide(atom: str) -> bool | None:
        if _ROOTS.search(_QUOTED.sub("", atom)):
            return Marker(atom).evaluate(roots, context="lock_file")
        return None

    rest = _narrowed(str(marker), decide)
    return rest if isinstance(rest, bool) else Marker(rest)


def assuming(marker: Marker | None, groups: Collection[str]) -> Marker | bool:
    """Return what is left of a lock's marker where these groups are always asked for (PEP 751, ``default-groups``)."""
    if marker is None:
        return True

    def decide(atom: str) -> bool | None:
        found = _GROUP.fullmatch(atom)
        return not found["not"] if found and canonicalize_name(found["name"]) in groups else None

    rest = _narrowed(str(marker), decide)
    return rest if isinstance(rest, bool) else Marker(rest)


def spelled(marker: Marker | str) -> str:
    """Return a marker's one spelling: in single quotes where it can be, which TOML need not escape."""
    text = str(Marker(marker) if isinstance(marker, str) else marker)
    return text if "'" in text else text.replace('"', "'")


def root_condition(kind: str, name: str) -> str:
    """Return the condition under which an extra (``extra``) or a group (``group``) is asked for (PEP 751)."""
    return f"'{name}' in {'extras' if kind == 'extra' else 'dependency_groups'}"


def _narrowed(text: str, decide: Callable[[str], bool | None]) -> str | bool:
    """Put the truth of each atom that is decided into a marker's text."""
    for word, decides in ((" or ", True), (" and ", False)):
        operands = _split(text, word)
        if len(operands) > 1:
            rests = [_narrowed(operand, decide) for operand in operands]
            kept = [_operand(rest, word) for rest in rests if isinstance(rest, str)]
            parts = list(dict.fromkeys(part for rest in kept for part in _split(rest, word)))
            if len(parts) == 1 and word == " and " and parts[0].startswith("("):
                parts = [parts[0][1:-1]]  # a disjunction, alone again
            return decides if decides in rests else word.join(parts) or not decides
    if text.startswith("("):
        return _narrowed(text[1:-1], decide)
    decided = decide(text)
    return text if decided is None else decided


def _operand(text: str, word: str) -> str:
    """Return an operand of ``word``: a disjunction within a conjunction needs parentheses."""
    return f"({text})" if word == " and " and len(_split(text, " or ")) > 1 else text


def _conjunction(text: str) -> Iterable[str]:
    return _split(_unwrap(text), " and ")


def _split(text: str, word: str) -> list[str]:
    """Split at ``word`` outside parentheses and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif depth == 0 and text.startswith(word, position):
            parts.append(text[start:position].strip())
            start = position + len(word)
    return [*parts, text[start:].strip()]


def _unwrap(text: str) -> str:
    text = text.strip()
    if text.startswith("(") and text.endswith(")") and len(_split(text[1:-1], ")")) == 1:
        return text[1:-1].strip()
    return text
