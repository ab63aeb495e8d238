"""The roots of a live environment: what somebody asked for, and not only what that needs in turn.

pip marks what it was asked for (``REQUESTED``, PEP 376) and conda notes it; uv marks everything, and others nothing.
So an installer's marks count where they tell its packages apart; else a root is what no other package needs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from envctl.domain.captured.needs import Needs, asked, target
from envctl.domain.captured.packages import SEEDS, Captured


@dataclass(frozen=True, kw_only=True, slots=True)
class Roots:
    """Names with the extras that are asked of each.

    ``inferred``: those whose extras were concluded from what is there. ``strays``: roots that nobody asked for and
    nobody needs. ``seeds``: what came with the environment, and what only that needs; not roots.
    """

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    inferred: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()


def roots(needs: Needs, *, outside: Iterable[str] = ()) -> Roots:
    """Find the roots; ``outside``: packages that cannot be roots themselves, so that what they need are."""
    packages = needs.packages
    left = frozenset(outside) - SEEDS
    telling = _telling(packages.values())
    needed = needs.needed()
    own = packages.keys() - left - SEEDS
    chosen: dict[str, frozenset[str]] = {
        name: frozenset()
        for name in sorted(own)
        if (
            packages[name].requested
            if _installer(packages[name]) in telling
            else name not in needed
        )
        or (packages[name].origin.direct and name not in needs.by_address())
    }
    for name in sorted(left):
        for each in needs.of(name):
            if target(each) in own and target(each) not in needs.reached(chosen):
                chosen[target(each)] = asked(each)
    company = _company(needs, chosen)
    inferred, more = _rest(needs, chosen, own - company)
    return Roots(
        names=dict(sorted(chosen.items())),
        inferred=inferred,
        strays=tuple(name for name in more if _installer(packages[name]) in telling),
        seeds=tuple(sorted((SEEDS & packages.keys() | company) - needs.reached(chosen).keys())),
    )


def _installer(package: Captured) -> str:
    return "conda" if package.origin.kind == "conda" else package.installer


def _telling(packages: Iterable[Captured]) -> set[str]:
    """Return the installers whose marks tell packages apart."""
    marks: dict[str, set[bool]] = {}
    for package in packages:
        marks.setdefault(_installer(package), set()).add(package.requested)
    return {installer for installer, seen in marks.items() if len(seen) > 1}


def _company(needs: Needs, chosen: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return what is there only because a seed needs it."""
    seeds = SEEDS & needs.packages.keys() - needs.reached(chosen).keys()
    found = needs.reached(dict.fromkeys(seeds, ())).keys() - needs.reached(chosen).keys() - seeds
    return frozenset(found)


def _rest(
    needs: Needs, chosen: dict[str, frozenset[str]], wanted: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Add to ``chosen`` until a way leads to all that is wanted: an extra of a root, else a further root."""
    wanted = frozenset(wanted)
    inferred: list[str] = []
    more: list[str] = []
    while missing := wanted - needs.reached(chosen).keys():
        if found := _extra(needs, chosen, missing):
            name, extra = found
            chosen[name] |= {extra}
            inferred.append(name)
            continue
        # The one from which most others are reached: in a circle the first by name.
        first = min(missing, key=lambda name: (-len(needs.reached({name: ()})), name))
        chosen[first] = frozenset()
        more.append(first)
    return tuple(dict.fromkeys(inferred)), tuple(more)


def _extra(
    needs: Needs, chosen: Mapping[str, frozenset[str]], missing: frozenset[str]
) -> tuple[str, str] | None:
    """Return the extra of a root that explains most of what is missing: all that it brings is installed."""
    found: list[tuple[int, int, str, str]] = []
    for name in chosen:
        for extra in set(needs.packages[name].extras) - chosen[name]:
            brings = {target(each) for each in needs.brought_by(name, extra)} - {name}
            explained = missing & needs.reached({name: (extra,)}).keys()
            if explained and brings <= needs.packages.keys():
                found.append((-len(explained), len(brings), name, extra))
    if not found:
        return None
    *_, name, extra = min(found)
    return name, extra
