"""Does a lock hold all the CUDA libraries that its packages load?

A resolver's alias or an extra can leave cuDNN out of just one way of installing (talmolab/sleap-nn#632): nothing
fails before the import on a machine with a GPU.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envctl.domain.contract.evidence import library_major
from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.gpu import torch_builds
from envctl.domain.lock import Lock
from envctl.domain.lock.selections import Selection, holds, selections

_EXTRA = re.compile(r"""\bextra\s*==\s*["']([^"']*)["']""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """A CUDA library that a package loads and that is not installed with it.

    ``outside``: none of them is locked, which is right where the machines have CUDA installed.
    """

    package: str
    library: str
    sentence: str
    advice: str
    outside: bool = False


def gaps(lock: Lock) -> tuple[Gap, ...]:
    """Return each gap once, by the packages' edges in the lock, or by the tables where it has no edges."""
    edges = {
        (entry.name, entry.version): wanted
        for entry in lock.entries
        if (wanted := [text for text in entry.requires if "nvidia-" in text or "cuda-" in text])
    }
    users = {name for name, _ in edges}
    found: dict[tuple[str, str], Gap] = {}
    for selection in selections(lock, lambda name: name in users or _relevant(name)):
        for gap in (*_by_edges(selection, edges), *_by_tables(selection, edges)):
            found.setdefault((gap.package, gap.library), gap)
    return tuple(found.values())


def _relevant(name: str) -> bool:
    return name == "torch" or torch_builds.accelerators(name) or _loader(name)


def _loader(name: str) -> bool:
    return name.startswith(("jax-cuda", "cupy-cuda")) or name in ("tensorflow", "onnxruntime-gpu")


def _by_edges(selection: Selection, edges: dict[tuple[str, str], list[str]]) -> Iterator[Gap]:
    for name, version in selection.versions.items():
        for text in edges.get((name, version), ()):
            wanted = _wanted(text, selection)
            if wanted is None or wanted in selection.versions:
                continue
            yield _missing(f"{name} {version}", wanted, selection.asked)


def _wanted(text: str, selection: Selection) -> str | None:
    """Return the name that an edge asks for there; ``None``: it asks for nothing of an accelerator's.

    A resolver that forks writes which extra chose the fork into the edge: whoever has the package has chosen it.
    """
    try:
        edge = Requirement(text)
    except InvalidRequirement:
        return None
    name = canonicalize_name(edge.name)
    if not torch_builds.accelerators(name) and not name.startswith("jax-cuda"):
        return None
    if edge.marker is None:
        return name
    extras = _EXTRA.findall(str(edge.marker)) or [""]
    environment = dict(selection.environment)
    held = any(holds(edge.marker, {**environment, "extra": extra}) for extra in extras)
    return name if held else None


def _by_tables(selection: Selection, edges: dict[tuple[str, str], list[str]]) -> Iterator[Gap]:
    for name, version in selection.versions.items():
        row, major = gpu_builds.loads(name, version), _major(name, version)
        if row is None or major is None or selection.machine != "x86_64":
            continue
        if name in selection.elsewhere:
            continue
        wheels = [wheel for each in row["libraries"] if (wheel := gpu_builds.library(each, major))]
        absent = [wheel for wheel in wheels if wheel not in selection.versions]
        if row.get("needs"):
            known = (name, version) in edges
            lacking: Iterable[str] = () if known else absent
            yield from (_missing(f"{name} {version}", each, selection.asked) for each in lacking)
        elif not any(library_major(each) == major for each in selection.versions):
            yield _outside(f"{name} {version}", major, row, selection.asked)
        elif (name, version) not in edges:
            yield from (_missing(f"{name} {version}", each, selection.asked) for each in absent)


def _major(name: str, version: str) -> str | None:
    """Return the CUDA major whose libraries a package loads; torch's tagged wheels may hold their own."""
    public, _, local = version.partition("+")
    if local:
        return None
    if match := re.match(r"(?:jax|cupy)-cuda(\d{2})", name):
        return match[1]
    built = {
        "tensorflow": lambda: (gpu_builds.tensorflow(public) or (None,))[0],
        "onnxruntime-gpu": lambda: (gpu_builds.onnxruntime(public) or (None,))[0],
        "torch": lambda: gpu_builds.torch_default(public),
    }
    cuda = built[name]() if name in built else None
    return cuda.split(".")[0] if cuda else None


def _missing(package: str, library: str, asked: str) -> Gap:
    return Gap(
        package=package,
        library=library,
        sentence=f"{package} needs `{library}`, which the lock does not install{asked or ' with it'}",
        advice=f"add `{library}` to what brings {package.partition(' ')[0]}{asked and f' ({asked.strip()})'}, "
        "then run `envctl lock`",
    )


def _outside(package: str, major: str, row: dict[str, Any], asked: str) -> Gap:
    return Gap(
        package=package,
        library=f"CUDA {major}",
        sentence=f"{package} uses CUDA {major}, and the lock has none of its libraries{asked}: "
        "the machine must have them",
        advice=f"to lock them too, ask for `{row['brings']}`",
        outside=True,
    )
