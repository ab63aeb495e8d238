"""Which variables differ, the most telling first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from envctl.domain.difference import Difference
from envctl.domain.variables import classify, holds_login

UNTOLD = "set to a value that is not told"
_HIDDEN = ("set to a value that is not shown", "set to another value, which is not shown")
CLASSES: tuple[tuple[str, str], ...] = (
    ("semantic", "this variable changes results"),
    ("declared", "the project declares this variable: its program reads it"),
    ("host", "this variable decides which devices, libraries or networks are used"),
    ("performance", "this variable changes speed, and seldom results"),
    ("location", "this variable says where caches lie; results should not depend on it"),
    ("other", "nobody declares this variable: a program may read it all the same"),
)
"""Each class with what it means for a result, in the order of its weight."""
_ORDER = [kind for kind, _ in CLASSES]


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A variable that is set; ``value`` is ``None`` where it is not known. ``hidden``: it is not to be shown."""

    kind: str
    value: str | None = None
    hidden: bool = False


def declared(env: Mapping[str, str]) -> dict[str, Value]:
    """Return variables that a project declares; a secret among them (another tool's lock may hold one) is hidden."""
    return {name: _value(name, text, "declared") for name, text in env.items()}


def baked(env: Mapping[str, str]) -> dict[str, Value]:
    """Return an image's variables; of those that no table knows the value is hidden: it may be a secret."""
    return {name: _value(name, text, "other") for name, text in env.items()}


def _value(name: str, text: str, otherwise: str) -> Value:
    kind = classify(name)
    private = kind == "secret" or holds_login(text) or (kind is None and otherwise == "other")
    known = kind if kind is not None and kind != "secret" else otherwise
    return Value(kind=known, value=text, hidden=private and name not in _PLAIN)


# Variables of base images and of envctl's own that hold a place, a version or a locale.
_PLAIN = frozenset(
    {
        *("PATH", "HOME", "LANG", "LC_ALL", "VIRTUAL_ENV", "XDG_CACHE_HOME", "MPLCONFIGDIR"),
        *("PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHON_VERSION"),
        *("NVIDIA_REQUIRE_CUDA", "CUDA_VERSION", "DEBIAN_FRONTEND", "TZ"),
    }
)


def differences(
    a: Mapping[str, Value], b: Mapping[str, Value], kinds: Sequence[tuple[str, str]] = CLASSES
) -> Iterator[Difference]:
    """Yield the variables of these classes that differ."""
    for kind, reason in kinds:
        for name in sorted({*a, *b}):
            one, two = a.get(name), b.get(name)
            if kind_of(one, two) == kind and _differ(one, two):
                before, after = _shown(one), _shown(two)
                if before == after == _HIDDEN[0]:
                    after = _HIDDEN[1]
                yield Difference(
                    group="variables", subject=name, before=before, after=after, reason=reason
                )


def kind_of(before: Value | None, after: Value | None) -> str:
    """Return the more telling class, where an older envctl knew another one."""
    return min((each.kind for each in (before, after) if each), key=_ORDER.index)


def _differ(before: Value | None, after: Value | None) -> bool:
    return (before is None) != (after is None) or (
        before is not None and after is not None and before.value != after.value
    )


def _shown(each: Value | None) -> str | None:
    if each is None:
        return None
    if each.hidden:
        return _HIDDEN[0]
    return UNTOLD if each.value is None else each.value
