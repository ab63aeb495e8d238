"""Which packages differ, and in what: those that compute first, and another major version before a patch."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from packaging.version import InvalidVersion, Version

from envctl.domain.difference import Difference

# Packages whose own code computes, or brings the libraries that do.
_COMPUTES = re.compile(
    r"(torch(vision|audio)?|jax(lib)?|tensorflow|nvidia|cuda|cupy|onnxruntime|triton|pytorch|numpy|scipy|scikit-learn|numba|keras|mkl"
    r"|xgboost|lightgbm|flash-attn|xformers|bitsandbytes|deepspeed|transformers)(?![a-z])"
)
ALONE = "only one of the two has it: code that finds it may take another way"
COMPUTES = "it computes, or decides what does: another version may choose other kernels or defaults"
ANOTHER = "another version may behave otherwise"
_BUILD = "another build of what computes: other kernels, and other libraries beside them"
_MAJOR = "another major version: its interface and its defaults may be others"
_PATCH = "a patch release: it should change nothing but faults"
_SOURCE = "the same version from another place may be another build, or somebody else's"
_BYTES = "one file name, two contents: an index replaced it, or it is another index; find out which is right"
_INSTALLED = "the versions are the same, the files are not: edited, or another build"
_FILES = (
    "the version has other files to choose from: a machine may get another build of it than before"
)
_SHOWN = 3
# What an installer notes of itself and its way ("Recording installed projects", PEP 610, uv).
_NOTES = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json")

Basis = Literal["artefacts", "installed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A package as one side has it.

    ``version`` is empty for a source tree. ``files`` have their hash: those that can be installed (``artefacts``, by
    file name), or those that were (``installed``, by path from site-packages). ``source``: an index, or an address.
    ``edited``: the files that are not as they were installed.
    """

    version: str
    files: Mapping[str, str] = field(default_factory=dict)
    basis: Basis = "artefacts"
    source: str | None = None
    edited: tuple[str, ...] = ()


Ranked = tuple[int, Difference]
"""A difference with its weight: the smaller, the more it explains."""


def computes(name: str) -> bool:
    """Whether a package's own code computes, or brings the libraries that do."""
    return _COMPUTES.match(name) is not None


def differences(a: Mapping[str, Held], b: Mapping[str, Held]) -> Iterator[Ranked]:
    """Yield what differs between two sets of packages, with its weight, by name."""
    for name in sorted({*a, *b}):
        old, new = a.get(name), b.get(name)
        if old is None or new is None or not same(old.version, new.version):
            yield _version(name, old, new)
        if old is not None and new is not None:
            yield from _edited(name, old, new)
            if same(old.version, new.version):
                yield from _files(name, old, new)
    yield from _sources(a, b)


def counts(path: str) -> bool:
    """Whether a path of a RECORD names a file that is the same wherever it is installed."""
    noted = path.rpartition("/")[2] in _NOTES and ".dist-info/" in path
    return not (noted or path.startswith(("../", "/")) or path.endswith(".pyc"))


def same(old: str, new: str) -> bool:
    """Whether two versions are one, however they are spelled; of a source tree none is known."""
    return not old or not new or old == new or _parsed(old) == _parsed(new)


def _parsed(text: str) -> Version | str:
    try:
        return Version(text)
    except InvalidVersion:
        return text


def _version(name: str, old: Held | None, new: Held | None) -> Ranked:
    weight, reason = _weight(name, old, new)
    return weight, Difference(
        group="packages",
        subject=name,
        before=_spelled(old),
        after=_spelled(new),
        reason=reason,
    )


def _spelled(held: Held | None) -> str | None:
    return None if held is None else held.version or "(source)"


def _weight(name: str, old: Held | None, new: Held | None) -> tuple[int, str]:
    """Return how much a package explains, and why."""
    if old is None or new is None:
        return (11 if computes(name) else 44), ALONE
    before, after = _parsed(old.version), _parsed(new.version)
    if isinstance(before, str) or isinstance(after, str):
        return (10, COMPUTES) if computes(name) else (41, ANOTHER)
    if computes(name):
        build = before.release == after.release and before.local != after.local
        return (8, _BUILD) if build else (10, COMPUTES)
    if (before.epoch, before.major) != (after.epoch, after.major):
        return 40, _MAJOR
    patch = before.minor == after.minor and not (before.is_prerelease or after.is_prerelease)
    return (55, _PATCH) if patch and len(before.release) > 2 else (50, ANOTHER)


def _edited(name: str, old: Held, new: Held) -> Iterator[Ranked]:
    if old.edited != new.edited:
        yield (
            3,
            Difference(
                group="files",
                subject=name,
                before=_edits(old),
                after=_edits(new),
                reason="files were changed after the installation: what runs is in no lock",
            ),
        )


def _edits(held: Held) -> str:
    return f"changed: {listed(held.edited)}" if held.edited else "as installed"


def _files(name: str, old: Held, new: Held) -> Iterator[Ranked]:
    if old.basis != new.basis or not (old.files and new.files):
        return
    both = old.files.keys() & new.files.keys()
    other = sorted(file for file in both if old.files[file] != new.files[file])
    if old.basis == "artefacts":
        for file in other:
            before, after = old.files[file], new.files[file]
            yield 4, _file(f"{name}: {file}", before, after, _BYTES)
        gone, come = old.files.keys() - both, new.files.keys() - both
        if gone or come:
            yield 80, _file(name, _counted(old, gone), _counted(new, come), _FILES)
    elif other := sorted({*other, *(old.files.keys() ^ new.files.keys())}):
        many = f"{len(other)} files" if len(other) > 1 else "1 file"
        yield 6, _file(f"{name}: {many}", listed(other), "other", _INSTALLED)


def _counted(held: Held, own: set[str]) -> str:
    many = f"{len(held.files)} files" if len(held.files) > 1 else "1 file"
    return f"{many}, only here: {listed(sorted(own))}" if own else many


def _file(subject: str, before: str, after: str, reason: str) -> Difference:
    return Difference(group="files", subject=subject, before=before, after=after, reason=reason)


def _sources(a: Mapping[str, Held], b: Mapping[str, Held]) -> Iterator[Ranked]:
    """Yield, for all packages that it concerns at once, that they come from another place."""
    moved: dict[tuple[str, str], list[str]] = {}
    for name in sorted(a.keys() & b.keys()):
        old, new = a[name].source, b[name].source
        if old and new and old != new:
            moved.setdefault((old, new), []).append(name)
    for (old, new), names in moved.items():
        yield 45, _file(f"source of {listed(names)}", old, new, _SOURCE)


def listed(names: "tuple[str, ...] | list[str]") -> str:
    """Return the first few of many names."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
