"""What conda notes in an environment, and which of its notes are damaged."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name

from envctl.adapters.live.site import shown, text_of
from envctl.domain.captured.packages import Captured
from envctl.readers.conda.meta import CondaRecord, read_conda_record

_SAID = "what conda notes of it is damaged"


def records(prefix: Path) -> tuple[tuple[CondaRecord, ...], tuple[str, ...]]:
    """Return what can be read in ``conda-meta``, and the names of the files there that cannot."""
    read = {
        file.name: read_conda_record(text_of(file))
        for file in sorted(prefix.glob("conda-meta/*.json"))
    }
    damaged = tuple(name for name, record in read.items() if record is None)
    return tuple(record for record in read.values() if record), damaged


def marked(packages: Iterable[Captured], damaged: Collection[str]) -> tuple[Captured, ...]:
    """Return the packages; those whose note is damaged have a fault that says so."""
    names = {_package(file) for file in damaged}
    return tuple(
        replace(each, faults=(*each.faults, _SAID)) if each.name in names else each
        for each in packages
    )


def remarks(damaged: Iterable[str]) -> Iterator[str]:
    """Say which files of ``conda-meta`` are damaged: a package that only conda knows is missing then."""
    for file in damaged:
        yield (
            f"`conda-meta/{shown(file)}` is damaged: what it says is not known, and if only conda "
            "knows that package, it is left out"
        )


def _package(file: str) -> str:
    """Return the name in ``NAME-VERSION-BUILD.json``, as an index would spell it."""
    return canonicalize_name(file.removesuffix(".json").rsplit("-", 2)[0])
