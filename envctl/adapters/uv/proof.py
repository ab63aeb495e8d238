"""uv's proof that there is no solution, as the demands that it begins with: what follows from them is left out.

"Because A and B, we can conclude that C. And because D, we can conclude that …": A, B and D are what a person can
change.
"""

import re
from collections.abc import Collection, Iterator, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.adapters.resolver_words import Demand, collision
from envctl.errors import ResolutionError

PROJECT = "envctl-root"
"""The name of the temporary project that uv is given: it stands in uv's proofs, and means nothing to a user."""

_PROOF = re.compile(r"No solution found.*?cause: (.*?)(?:\n\s*\n\s*hint:|\n\s*hint:|\Z)", re.DOTALL)
_SENTENCE = re.compile(r"(?:^|(?<=[.)]) )(?:And because|Because) (?=\S)")
_CONCLUSION = re.compile(r",? we can conclude that .*", re.DOTALL)
# " and " divides clauses where a new one begins after it; else it stands in a list.
_CLAUSE = re.compile(
    r" and (?=only |there (?:is|are) no |the requested Python |we know from |your project |all versions of \S+ "
    r"(?:depend|were|cannot|require)|[\w.-]+\S* (?:depends? on|has no|has a|requires?|was not|were|cannot)\b)"
)
_DEPENDS = re.compile(r"(?P<who>.+?) depends? on (?P<wants>.+)", re.DOTALL)
_ITEM = re.compile(r"(?:, and |, | and )(?=[A-Za-z0-9])(?![^{]*\})")
_PYTHON = re.compile(r"the requested Python version \((?P<python>[^)]*)\) does not satisfy (\S+)")
# Of one name asked for twice in one breath: it is said of the pair, and asks for nothing.
_TAIL = re.compile(r",?(?: and)? which (?:is|are) incompatible$")
_MARKER = re.compile(r"\{(.*)\}(.*)")
_SPLIT = re.compile(r"for split \(markers: ([^\n]+)\)")
_ELSEWHERE = "failed for an environment that is not the current one"


def explained(text: str, constraints: Sequence[str] = ()) -> ResolutionError | None:
    """Return the error that a proof amounts to; ``None``: there is none in the text, or not in these words.

    ``constraints``: those that uv was given, as PEP 508 strings; a proof does not tell them from what a package needs.
    """
    demands, facts = _premises(text, constraints)
    if not demands:
        return None
    split = _SPLIT.search(text)
    return collision(demands, facts, place=split[1] if split and _ELSEWHERE in text else "")


def askers(text: str, name: str) -> tuple[Demand, ...]:
    """Return who asks for a package, as far as a proof tells."""
    return tuple(demand for demand in _premises(text)[0] if demand.name == name)


def _premises(text: str, constraints: Sequence[str] = ()) -> tuple[list[Demand], list[str]]:
    """Return what a proof begins with: demands, and sentences about what there is."""
    demands: list[Demand] = []
    facts: list[str] = []
    limits = {key for each in constraints if (key := _key(each)) and key[1]}
    proof = _PROOF.search(text)
    for clause in _clauses(" ".join(proof[1].split())) if proof else ():
        asked = list(_demands(clause, limits))
        demands += asked
        if not asked and (fact := _fact(clause)):
            facts.append(fact)
    return demands, facts


def _clauses(proof: str) -> Iterator[str]:
    for sentence in _SENTENCE.split(proof):
        for clause in _CLAUSE.split(_CONCLUSION.sub("", sentence)):
            if clause and not clause.startswith("we know from"):
                yield clause.rstrip(" .")


def _demands(clause: str, limits: Collection[tuple[str, str]]) -> Iterator[Demand]:
    """Yield what a clause asks for; ``limits``: the constraints, each as a name and its versions."""
    match = _DEPENDS.fullmatch(_TAIL.sub("", clause))
    if not match:
        return
    who, asks = _who(match["who"])
    items = _ITEM.split(match["wants"])
    added = _added(items, limits, asks=asks)
    for item in items:
        limit = item in added
        wants = _MARKER.sub(r"\2 (where \1)", item)
        yield Demand(who="a constraint" if limit else who, wants=wants, asks=asks or limit)


def _added(
    items: Sequence[str], limits: Collection[tuple[str, str]], *, asks: bool
) -> Collection[str]:
    """Return the items that come from a constraint: uv adds it to what its parent says, and names the parent alone."""
    names = [_name(item) for item in items]
    found = {item for item in items if _key(_MARKER.sub(r"\2", item)) in limits}
    if asks:  # asked for once, it is the project's own
        return {item for item in found if names.count(_name(item)) > 1}
    if found:
        return found
    # Where uv has joined constraints, or spells them in its own way: the parent's own word comes first.
    limited = dict(limits)
    return {items[n] for n, name in enumerate(names) if name in names[:n] and name in limited}


def _name(item: str) -> str:
    return canonicalize_name(Demand(who="", wants=item).name)


def _key(text: str) -> tuple[str, str] | None:
    """Return a requirement as its name and versions, whatever the spelling; ``None``: it is none."""
    try:
        found = Requirement(text)
    except InvalidRequirement:
        return None
    return canonicalize_name(found.name), str(found.specifier)


def _who(text: str) -> tuple[str, bool]:
    """Return who that is, and whether it is the project."""
    own = re.fullmatch(rf"(?:your project|{re.escape(PROJECT)})(?:\[([\w.-]+)\]|:([\w.-]+))?", text)
    if own:
        return (
            f"the extra `{own[1]}`"
            if own[1]
            else f"the group `{own[2]}`"
            if own[2]
            else "the project"
        ), True
    every = re.fullmatch(r"all versions of (\S+)", text)
    if every:
        return f"every version of {every[1]}", False
    return re.sub(r"==", " ", text), False


def _fact(clause: str) -> str:
    """Return a premise that is no demand in plain words; empty for one that says nothing new."""
    python = _PYTHON.search(clause)
    if python:
        return f"the project's Python is {python['python']}"
    if re.search(rf"your project requires|requires {re.escape(PROJECT)}", clause):
        return ""
    for pattern, plain in (
        (r"only the following versions of (\S+) are available: (.+)", r"there is only \2"),
        (r"only (\S+) is available", r"there is only \1"),
        (r"there (?:is|are) no versions? of (\S+)", r"there is no version \1"),
        (r"all versions of (\S+) were yanked(.*)", r"every version of \1 is yanked\2"),
        (r"(\S+) was yanked(.*)", r"\1 is yanked\2"),
        (r"(\S+) has no `?([^`]+)`?-compatible wheels", r"\1 has no wheel for \2"),
        (r"(\S+) has no usable wheels", r"\1 has no wheel that could be used"),
    ):
        if re.fullmatch(pattern, clause):
            return re.sub(pattern, plain, clause)
    return clause
