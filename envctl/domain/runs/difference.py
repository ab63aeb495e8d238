"""What could explain that two runs gave different results, most likely first.

What one of the two does not tell is no difference: it is remarked upon.
"""

from collections.abc import Iterator

from envctl.domain.difference import Comparison, Difference, told
from envctl.domain.difference.packages import ALONE, ANOTHER, COMPUTES, computes
from envctl.domain.difference.settings import CLASSES, Value, differences, kind_of
from envctl.domain.runs import devices as run_devices
from envctl.domain.runs import surroundings as run_surroundings
from envctl.domain.runs.description import RunDescription
from envctl.domain.runs.surroundings import both_synced


def compare(a: RunDescription, b: RunDescription) -> Comparison:
    """Rank what differs; ``compare(b, a)`` names the same things."""
    early, late = CLASSES[:2], CLASSES[2:]
    variables = settings(a), settings(b)
    found = (
        *_code(a, b),
        *_packages(a, b),
        *differences(*variables, early),
        *run_devices.models(a, b),
        *run_surroundings.facts(a, b),
        *differences(*variables, late),
        *run_surroundings.circumstances(a, b),
    )
    return Comparison(differences=found, remarks=tuple(_remarks(a, b)))


def _code(a: RunDescription, b: RunDescription) -> Iterator[Difference]:
    if a.commit and b.commit and a.commit != b.commit:
        yield Difference(
            group="code",
            subject="commit",
            before=a.commit,
            after=b.commit,
            reason="the project's own code differs: `git diff` between the two shows how",
        )
    if a.dirty is not None and b.dirty is not None and a.dirty != b.dirty:
        yield Difference(
            group="code",
            subject="uncommitted changes",
            before="yes" if a.dirty else "no",
            after="yes" if b.dirty else "no",
            reason="one of the two ran code that no commit holds",
        )


def _packages(a: RunDescription, b: RunDescription) -> Iterator[Difference]:
    old, new = a.environment, b.environment
    names = {*old.packages, *new.packages} if both_synced(a, b) else set()
    changed = [name for name in names if old.packages.get(name) != new.packages.get(name)]
    for name in sorted(changed, key=lambda name: (not computes(name), name)):
        before, after = old.packages.get(name), new.packages.get(name)
        yield Difference(
            group="packages",
            subject=name,
            before=before,
            after=after,
            reason=_why(name, alone=before is None or after is None),
        )
    if not changed:
        yield from _files(a, b)
    yield from told(
        "packages", "profile", old.profile, new.profile, "another profile: another lock"
    )


def _why(name: str, *, alone: bool) -> str:
    if alone:
        return ALONE
    return COMPUTES if computes(name) else ANOTHER


def _files(a: RunDescription, b: RunDescription) -> Iterator[Difference]:
    """Yield how environments with the same versions differ all the same."""
    old, new = a.environment, b.environment
    same = "the versions are the same, the files are not"
    found = [
        *told("files", "slice", old.slice, new.slice, f"{same}: other builds, or another Python"),
        *told("files", "fingerprint", old.fingerprint, new.fingerprint, f"{same}: other builds"),
    ]
    yield from found[:1]


def settings(run: RunDescription) -> dict[str, Value]:
    """Return a run's variables; a value that it does not tell is not known."""
    return {each.name: Value(kind=each.kind, value=each.value) for each in run.variables}


def _remarks(a: RunDescription, b: RunDescription) -> Iterator[str]:
    if a.dirty and b.dirty:
        yield "both ran code with changes that no commit holds: those may differ"
    pairs: dict[str, tuple[object, object]] = {
        "uncommitted changes": (a.dirty, b.dirty),
        "the commit": (a.commit, b.commit),
        "the packages": (a.environment.slice, b.environment.slice),
        "the GPUs": (a.gpus, b.gpus),
        "the CPU": (a.machine.cpu, b.machine.cpu),
    }
    unknown = [name for name, values in pairs.items() if None in values]
    if unknown:
        yield f"not told by both, so not compared: {', '.join(unknown)}"
    old, new = settings(a), settings(b)
    untold = [
        name
        for name in sorted(old.keys() & new.keys())
        if old[name].value is new[name].value is None
        and kind_of(old[name], new[name]) != "location"
    ]
    if untold:
        yield f"set in both, to values that are not told: {', '.join(untold)}"
