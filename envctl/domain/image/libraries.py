"""The shared libraries that an environment's ELF files need, and that neither its packages nor the system have.

The loader's rules are those of ld.so(8): DT_RUNPATH or DT_RPATH with ``$ORIGIN``, then the system's folders. A library
that is loaded already is not looked for: packages load those that they or their dependencies bring (torch its CUDA
libraries, what auditwheel repaired its ``*.libs``) before they load what needs them.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from envctl.domain.image.contents import Needs

SYSTEM = re.compile(
    r"(?:usr/)?lib(?:64)?(?:/(?:x86_64|aarch64)-linux-gnu)?|usr/local/lib(?:/[a-z0-9_]+-linux-gnu)?"
)
"""The folders in which Debian's loader looks without being told (/etc/ld.so.conf.d, ld.so(8))."""
_LOADER = re.compile(r"ld-linux.*|linux-vdso\.so\.1|linux-gate\.so\.1")
_PYTHON = re.compile(r"libpython3(\.\d+)?t?\.so(\.1\.0)?")
_ORIGIN = re.compile(r"\$(?:ORIGIN|\{ORIGIN\})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """An environment's ELF files and whose they are; paths start from the environment."""

    objects: Mapping[str, Needs]
    owners: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """An environment's files, as far as the loader is concerned; paths start from the environment.

    ``owners``: path → package. ``closure``: package → those that it needs, theirs included.
    """

    objects: Mapping[str, Needs]
    paths: Collection[str]
    owners: Mapping[str, str]
    closure: Mapping[str, Collection[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lacking:
    """A library that is nowhere, and the files that ask for it, as (path, package), sorted."""

    library: str
    asked_by: tuple[tuple[str, str], ...]


def lacking(bundle: Bundle, machine: str, there: Callable[[str], bool]) -> tuple[Lacking, ...]:
    """Return what is lacking on a machine whose system has the libraries for which ``there`` says so.

    What the driver brings (``libcuda.so.1``) is on no list: the container runtime mounts it.
    """
    brought = _brought(bundle, machine)
    found: dict[str, set[tuple[str, str]]] = {}
    for path, needs in bundle.objects.items():
        if needs.machine != machine:  # for a GPU, or another system: nobody loads it here
            continue
        package = bundle.owners.get(path, "")
        known = {package, *bundle.closure.get(package, ())}
        for library in needs.needed:
            if not (
                _LOADER.fullmatch(library)
                or _PYTHON.fullmatch(library)
                or library in driver()
                or any(way in bundle.paths for way in _beside(path, needs, library))
                or not known.isdisjoint(brought.get(library, ()))
                or there(library)
            ):
                found.setdefault(library, set()).add((path, package))
    return tuple(
        Lacking(library=library, asked_by=tuple(sorted(who)))
        for library, who in sorted(found.items())
    )


def _brought(bundle: Bundle, machine: str) -> dict[str, set[str]]:
    """Return the libraries that packages bring, by the name in them and by their file's → whose they are."""
    found: dict[str, set[str]] = {}
    for path, needs in bundle.objects.items():
        if needs.machine == machine:
            for name in {needs.name, path.rpartition("/")[2]} - {""}:
                found.setdefault(name, set()).add(bundle.owners.get(path, ""))
    return found


def _beside(path: str, needs: Needs, library: str) -> Iterator[str]:
    """Yield where the loader looks within the environment, by the file's own word."""
    origin = path.rpartition("/")[0]
    for way in needs.paths:
        place, count = _ORIGIN.subn(lambda _: origin, way, count=1)
        if count and place.startswith(origin):
            yield _plain(f"{place}/{library}")


def _plain(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def debian_package(library: str, suite: str | None) -> str | None:
    """Return the Debian package that has a library in that release; ``None``: none is known."""
    row = _rows().get(library, {})
    return row.get(suite or "")


def table_date() -> str:
    """Return the day of the table."""
    return str(_data()["date"])


def suites() -> tuple[str, ...]:
    """Return the releases that the table has."""
    return tuple(name for name in _data()["base"] if name != "source")


def in_base(suite: str) -> frozenset[str]:
    """Return the libraries that Python's official slim image of a release has."""
    return frozenset(_data()["base"].get(suite, ()))


def driver() -> frozenset[str]:
    """Return the libraries that a GPU's driver brings."""
    return _driver()


def brought_by(packages: Iterable[str], suite: str) -> frozenset[str]:
    """Return the Debian packages of the table that come with these, themselves included."""
    needs: Mapping[str, list[str]] = _data()["needs"].get(suite, {})
    return frozenset(each for package in packages for each in (package, *needs.get(package, ())))


def in_table(package: str, suite: str) -> bool:
    """Whether the table knows what a Debian package has."""
    return any(row.get(suite) == package for row in _rows().values())


@cache
def _driver() -> frozenset[str]:
    return frozenset(_data()["driver"]["libraries"])


@cache
def _data() -> dict[str, Any]:
    text = files("envctl").joinpath("data/debian.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))


@cache
def _rows() -> dict[str, dict[str, str]]:
    rows = _data()["libraries"]["rows"]
    return {row["library"]: {key: row[key] for key in row if key != "library"} for row in rows}
