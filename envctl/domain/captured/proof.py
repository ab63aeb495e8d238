"""How far a lock is what was captured: package by package, proved or with what stands against it.

*Proved*: the lock has the version that is installed; every installed file is as its RECORD says; and that RECORD has
the files of the wheel that the lock names for this machine, hash by hash. The rest has its reasons.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.pylock import PackageSdist, PackageWheel
from packaging.tags import parse_tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envctl.domain.captured.packages import Captured
from envctl.domain.captured.standing import Standing
from envctl.domain.lock.slices import Item

Code = Literal[
    "broken",
    "conda",
    "direct-url",
    "editable",
    "files-differ",
    "local-build",
    "no-record",
    "not-compared",
    "not-locked",
    "not-on-index",
    "other-build",
    "other-version",
    "other-wheel",
    "stranger",
]
Record = Mapping[str, str]
_SHOWN = 3
_EMPTY = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """One thing that is not proved of a package; ``said`` is a clause without the package's name."""

    code: Code
    said: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A captured package beside the lock: ``locked`` is the version there, ``None`` when it is not there."""

    package: Captured
    locked: str | None
    root: bool
    doubts: tuple[Doubt, ...]

    @property
    def proved(self) -> bool:
        """Whether nothing stands against it."""
        return not self.doubts


def judged(
    package: Captured,
    item: Item | None,
    *,
    standing: Standing | None,
    root: bool,
    wheels: Mapping[str, Record | None],
) -> Judged:
    """Judge one package; ``item`` is the lock's for this machine, ``wheels`` the RECORDs by the wheels' addresses."""
    doubts = (
        *(Doubt(code="broken", said=said) for said in package.faults),
        *_origin(package, standing),
        *_locked(package, item, standing),
        *_files(package),
        *_build(package, item, wheels),
    )
    return Judged(package=package, locked=item.version if item else None, root=root, doubts=doubts)


def candidates(package: Captured, item: Item) -> tuple[PackageWheel, ...]:
    """Return the locked wheels that the installed files may come from, the likeliest first.

    The installed wheel's own tags tell; some wheels were renamed after they were built, so the one that this machine
    would be given is among them in any case.
    """
    wheels = [each for each in item.package.wheels or () if each.url]
    installed = {tag for text in package.tags for tag in _tags(text)}
    alike = [each for each in wheels if installed and installed & _tags_of(each)]
    chosen = [item.artefact] if isinstance(item.artefact, PackageWheel) else []
    found = {each.filename: each for each in (*alike, *chosen) if each.url}
    return tuple(found.values())[:3]


def same_build(installed: Record, wheel: Record) -> tuple[str, ...]:
    """Return the files of a wheel that were not installed as they are in it.

    What an installer writes itself is not compared: its own notes, and what it moves to other places (``*.data``).
    """
    return tuple(
        path
        for path, expected in sorted(wheel.items())
        if expected and not path.partition("/")[0].endswith(".data")
        if installed.get(path) != expected
    )


def another(installed: Record, wheel: Record) -> bool:
    """Whether a wheel of the same name and version is not even the same project: none of its content is installed.

    A build of one's own shares the sources or at least the metadata with the index's wheel.
    """
    telling = {
        path: expected
        for path, expected in wheel.items()
        if expected != _EMPTY
        if not path.partition("/")[0].endswith(".dist-info") or path.endswith("/METADATA")
    }
    return bool(telling) and not any(installed.get(path) == telling[path] for path in telling)


def _origin(package: Captured, standing: Standing | None) -> Iterator[Doubt]:
    origin = package.origin
    if origin.kind == "editable":
        yield Doubt(code="editable", said=f"installed editable from {origin.url}")
    elif origin.kind == "folder" or origin.local:
        yield Doubt(code="local-build", said=f"built here from {origin.url}")
    elif origin.kind == "vcs":
        yield Doubt(code="direct-url", said="built from a repository: its commit is locked")
    elif origin.kind == "archive":
        yield Doubt(code="direct-url", said="from an address and not from an index")
    elif origin.kind == "conda":
        same = "" if standing and standing.sure else ", if that is the same project"
        yield Doubt(code="conda", said=f"conda's build: the lock has the index's own{same}")
    elif standing and standing.version and not standing.exact:
        yield Doubt(code="local-build", said=f"the lock has the public {standing.version}")
    elif standing and not standing.version:
        yield Doubt(code="not-on-index", said=standing.trouble)


def _locked(package: Captured, item: Item | None, standing: Standing | None) -> Iterator[Doubt]:
    if item is None:
        yield Doubt(code="not-locked", said="not in the lock")
    elif item.version not in ("", package.version) and not (
        standing and item.version == standing.version and package.origin.kind != "conda"
    ):
        yield Doubt(code="other-version", said=f"the lock has {item.version}")


def _files(package: Captured) -> Iterator[Doubt]:
    if package.record is None:
        if package.origin.kind != "editable":
            yield Doubt(code="no-record", said="it has no RECORD of its files")
    elif package.changed:
        listed = ", ".join(package.changed[:_SHOWN])
        more = len(package.changed) - _SHOWN
        listed += f", and {more} more" if more > 0 else ""
        count = len(package.changed)
        what = "file differs" if count == 1 else "files differ"
        yield Doubt(code="files-differ", said=f"{count} {what} from RECORD ({listed})")


def _build(
    package: Captured, item: Item | None, wheels: Mapping[str, Record | None]
) -> Iterator[Doubt]:
    """Compare the RECORD with those of the locked wheels, where that says anything."""
    if item is None or package.record is None or item.version != package.version:
        return
    if package.origin.kind != "index":
        return
    if isinstance(item.artefact, PackageSdist):
        yield Doubt(code="local-build", said="built on this machine: the lock has only its source")
        return
    found = {
        wheel.filename: record
        for wheel in candidates(package, item)
        if (record := wheels.get(wheel.url or "")) is not None
    }
    if not found:
        yield Doubt(code="not-compared", said="the index's wheel could not be looked into")
        return
    differing = {name: same_build(package.record, record) for name, record in found.items()}
    nearest = min(differing, key=lambda name: len(differing[name]))
    if differing[nearest]:
        strange = all(another(package.record, record) for record in found.values())
        said = _said_other(differing[nearest], found[nearest])
        yield Doubt(code="stranger" if strange else "other-build", said=said)
    elif isinstance(item.artefact, PackageWheel) and differing.get(item.artefact.filename):
        said = f"installed from {nearest}; this machine gets {item.artefact.filename} now"
        yield Doubt(code="other-wheel", said=said)


def _said_other(differing: Sequence[str], record: Record) -> str:
    listed = ", ".join(differing[:_SHOWN])
    return (
        f"not the index's wheel: {len(differing)} of its {len(record)} files are others ({listed})"
    )


def _tags(text: str) -> frozenset[object]:
    try:
        return frozenset(parse_tag(text))
    except ValueError:
        return frozenset()


def _tags_of(wheel: PackageWheel) -> frozenset[object]:
    try:
        return frozenset(parse_wheel_filename(wheel.filename)[3])
    except InvalidWheelFilename:
        return frozenset()
