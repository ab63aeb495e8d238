"""Two sides, whatever they are: what differs between them, the likeliest explanation first."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from envctl.domain.contract import Contract, derive
from envctl.domain.contract.change import Aspect, effects
from envctl.domain.difference import Comparison, Difference, facts, packages, settings
from envctl.domain.difference.packages import Held, Ranked
from envctl.domain.difference.settings import Value
from envctl.domain.difference.side import WORDS, Side

_ASPECTS: Mapping[Aspect, tuple[int, str]] = {
    "conflict": (1, "conflict"),
    "accelerator": (5, "accelerator"),
    "cuda": (13, "CUDA of the packages"),
    "kernels": (14, "GPU kernels"),
    "driver": (15, "driver floor"),
    "libc": (60, "glibc floor"),
    "machine": (62, "wheels"),
    "driver-full": (70, "driver for all of CUDA"),
}
_WEIGHTS = {
    "semantic": 17,
    "declared": 18,
    "host": 59,
    "performance": 71,
    "location": 85,
    "other": 84,
}


def compare(a: Side, b: Side) -> Comparison:
    """Rank what differs; ``compare(b, a)`` names the same things."""
    found = sorted(ranked(a, b), key=lambda each: (each[0], each[1].subject))
    return Comparison(differences=tuple(each for _, each in found), remarks=tuple(remarks(a, b)))


def ranked(a: Side, b: Side) -> Iterator[Ranked]:
    """Yield what differs with its weight, in no certain order."""
    yield from _packages(a, b)
    yield from _needs(a, b)
    yield from facts.differences(a.facts, b.facts)
    yield from _variables(a, b)


def _packages(a: Side, b: Side) -> Iterator[Ranked]:
    if a.packages is not None and b.packages is not None:
        lone = (a.aside | b.aside) & (a.packages.keys() ^ b.packages.keys())
        yield from packages.differences(_without(a.packages, lone), _without(b.packages, lone))


def _without(held: Mapping[str, Held], names: Collection[str]) -> dict[str, Held]:
    return {name: each for name, each in held.items() if name not in names}


def _needs(a: Side, b: Side) -> Iterator[Ranked]:
    old, new = _contracts(a, b)
    if old is None or new is None:
        return
    for effect in effects(old, new):
        weight, subject = _ASPECTS[effect.aspect]
        yield (
            weight,
            Difference(
                group="machine",
                subject=subject,
                before=effect.old,
                after=effect.new,
                reason=effect.sentence,
            ),
        )


def _contracts(a: Side, b: Side) -> tuple[Contract | None, Contract | None]:
    """Return what both need of a machine, by what both can tell."""
    if a.needs is None or b.needs is None:
        return None, None
    if a.needs.basis == b.needs.basis:
        return a.needs.contract, b.needs.contract
    if a.packages is not None and b.packages is not None:
        return _by_versions(a), _by_versions(b)
    return _bare(a.needs.contract), _bare(b.needs.contract)


def _by_versions(side: Side) -> Contract:
    held = (side.packages or {}).items()
    return _bare(derive((name, each.version, ()) for name, each in held))


def _bare(contract: Contract) -> Contract:
    """Return what labels and versions can tell as well: without kernels, libc and conflicts."""
    return replace(
        contract,
        compute_capabilities=(),
        ptx=(),
        unknown_kernels=(),
        libc=None,
        machines=(),
        conflicts=(),
    )


def _variables(a: Side, b: Side) -> Iterator[Ranked]:
    old, new = a.variables, b.variables
    if old is None or new is None:
        return
    old, new = _shared(a, b, old, new), _shared(b, a, new, old)
    for kind, _ in settings.CLASSES:
        chosen = [each for each in settings.CLASSES if each[0] == kind]
        for found in settings.differences(old, new, chosen):
            yield _WEIGHTS[kind], found


def _shared(
    own: Side, other: Side, mine: Mapping[str, Value], theirs: Mapping[str, Value]
) -> dict[str, Value]:
    """Return the variables that the other side would have too: a lock and an environment have the declared ones only.

    What means something on one machine is in no image, and what a run does not tell is not known.
    """
    found = dict(mine)
    if own.kind == other.kind or {own.kind, other.kind} <= {"lock", "environment"}:
        return found
    if own.kind not in ("lock", "environment"):
        found = {name: each for name, each in found.items() if name in theirs}
    untold = {name for side in (mine, theirs) for name, v in side.items() if v.value is None}
    if "image" in (own.kind, other.kind):
        untold |= {name for side in (mine, theirs) for name, v in side.items() if v.kind == "host"}
    return {name: each for name, each in found.items() if name not in untold}


def remarks(a: Side, b: Side) -> Iterator[str]:
    """Yield what cannot be told."""
    for side in (a, b):
        yield from (f"{side.name}: {said}" for said in side.remarks)
    if a.asked is not None and b.asked is not None and a.asked != b.asked:
        gone = [f"- {each}" for each in a.asked if each not in b.asked]
        come = [f"+ {each}" for each in b.asked if each not in a.asked]
        yield f"what the manifest asks for is not the same: {'; '.join(gone + come)}"
    if {a.kind, b.kind} == {"run", "record"}:
        return
    silent = [side for side in (a, b) if side.packages is None and side.kind != "record"]
    for side in silent:
        yield f"{side.name}: {WORDS[side.kind]} that does not tell its packages: they are not compared"
