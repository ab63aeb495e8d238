"""PEP 508 markers as a lock needs them: without what its ``environments`` already say, and joined over roots."""

from collections.abc import Iterable, Mapping, Sequence

from packaging.markers import Marker


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


def spelled(marker: Marker | str) -> str:
    """Return a marker's one spelling: in single quotes where it can be, which TOML need not escape."""
    text = str(Marker(marker) if isinstance(marker, str) else marker)
    return text if "'" in text else text.replace('"', "'")


def root_condition(kind: str, name: str) -> str:
    """Return the condition under which an extra (``extra``) or a group (``group``) is asked for (PEP 751)."""
    return f"'{name}' in {'extras' if kind == 'extra' else 'dependency_groups'}"


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
