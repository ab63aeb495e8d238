"""What could explain that two runs gave different results, most likely first.

What one of the two does not tell is no difference: it is remarked upon.
"""

import re
from collections.abc import Iterator, Sequence

from envctl.domain.difference import Comparison, Difference, told
from envctl.domain.runs import devices as run_devices
from envctl.domain.runs import surroundings as run_surroundings
from envctl.domain.runs.description import RunDescription, Setting, SettingClass
from envctl.domain.runs.surroundings import both_synced

# Packages whose own code computes, or brings the libraries that do.
_COMPUTES = re.compile(
    r"(torch(vision|audio)?|jax(lib)?|tensorflow|nvidia|cuda|cupy|onnxruntime|triton|pytorch|numpy|scipy|scikit-learn|numba|keras|mkl"
    r"|xgboost|lightgbm|flash-attn|xformers|bitsandbytes|deepspeed|transformers)(?![a-z])"
)
_UNTOLD = "set to a value that is not told"
_SETTINGS: tuple[tuple[SettingClass, str], ...] = (
    ("semantic", "this variable changes results"),
    ("declared", "the project declares this variable: its program reads it"),
    ("host", "this variable decides which devices, libraries or networks are used"),
    ("performance", "this variable changes speed, and seldom results"),
    ("location", "this variable says where caches lie; results should not depend on it"),
)


def compare(a: RunDescription, b: RunDescription) -> Comparison:
    """Rank what differs; ``compare(b, a)`` names the same things."""
    early, late = _SETTINGS[:2], _SETTINGS[2:]
    found = (
        *_code(a, b),
        *_packages(a, b),
        *_settings(a, b, early),
        *run_devices.models(a, b),
        *run_surroundings.facts(a, b),
        *_settings(a, b, late),
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
    for name in sorted(changed, key=lambda name: (not _COMPUTES.match(name), name)):
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
        return "only one of the two has it: code that finds it may take another way"
    if _COMPUTES.match(name):
        return "it computes, or decides what does: another version may choose other kernels or defaults"
    return "another version may behave otherwise"


def _files(a: RunDescription, b: RunDescription) -> Iterator[Difference]:
    """Yield how environments with the same versions differ all the same."""
    old, new = a.environment, b.environment
    same = "the versions are the same, the files are not"
    found = [
        *told("files", "slice", old.slice, new.slice, f"{same}: other builds, or another Python"),
        *told("files", "fingerprint", old.fingerprint, new.fingerprint, f"{same}: other builds"),
    ]
    yield from found[:1]


def _settings(
    a: RunDescription, b: RunDescription, kinds: Sequence[tuple[SettingClass, str]]
) -> Iterator[Difference]:
    old, new = ({each.name: each for each in run.variables} for run in (a, b))
    for kind, reason in kinds:
        for name in sorted({*old, *new}):
            before, after = old.get(name), new.get(name)
            if _class(before, after) == kind and _differ(before, after):
                yield Difference(
                    group="variables",
                    subject=name,
                    before=_shown(before),
                    after=_shown(after),
                    reason=reason,
                )


def _class(before: Setting | None, after: Setting | None) -> SettingClass:
    """Return the more telling class, where an older envctl knew another one."""
    order = [kind for kind, _ in _SETTINGS]
    return min((each.kind for each in (before, after) if each), key=order.index)


def _differ(before: Setting | None, after: Setting | None) -> bool:
    return (before is None) != (after is None) or (
        before is not None and after is not None and before.value != after.value
    )


def _shown(each: Setting | None) -> str | None:
    if each is None:
        return None
    return _UNTOLD if each.value is None else each.value


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
    old, new = ({each.name: each for each in run.variables} for run in (a, b))
    untold = [
        name
        for name in sorted(old.keys() & new.keys())
        if old[name].value is new[name].value is None and _class(old[name], new[name]) != "location"
    ]
    if untold:
        yield f"set in both, to values that are not told: {', '.join(untold)}"
