"""What was most likely meant by a name that there is not: one judgement for every kind of name."""

from collections.abc import Iterable

_SHOWN = 12


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is spelled most like ``word``; ``None``: none is near."""
    from difflib import get_close_matches  # noqa: PLC0415  # only when something is wrong

    spelled: dict[str, str] = {}
    for name in known:
        spelled.setdefault(name.lower(), name)
    close = get_close_matches(word.lower(), spelled, n=1)
    if close:
        return spelled[close[0]]
    begun = [
        name for low, name in spelled.items() if len(word) > 1 and low.startswith(word.lower())
    ]
    return begun[0] if len(begun) == 1 else None


def meant(word: str, known: Iterable[str], *, otherwise: str) -> str:
    """Return the next step for a name that there is not: the nearest one, or else ``otherwise``."""
    close = nearest(word, known)
    return f"did you mean `{close}`?" if close else otherwise


def listed(names: Iterable[str]) -> str:
    """Return names as a message lists them, in their order; of many the first ones, of none ``none``."""
    every = list(names)
    more = [f"… and {len(every) - _SHOWN} more"] if len(every) > _SHOWN else []
    return ", ".join([*every[:_SHOWN], *more]) or "none"
