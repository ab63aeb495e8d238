"""The packages in one folder of a live environment: their metadata, and whether their files are as installed."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.version import Version

from envctl.adapters import installed
from envctl.domain.captured import Captured, Origin
from envctl.readers.conda_meta import CondaRecord
from envctl.readers.installed import (
    Metadata,
    Rows,
    read_direct_url,
    read_metadata,
    read_record,
    read_requires_txt,
    read_tags,
)

_LARGEST = 64 << 20  # characters of one metadata file
_SHOWN = 5
_OUTSIDE = "its RECORD names files outside of the environment"


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """A ``site-packages`` of the environment ``prefix``; ``conda``: what conda notes, by metadata folders' names."""

    folder: Path
    prefix: Path
    conda: Mapping[str, CondaRecord] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A package, with what its files should be: absolute path → hash (empty: any content)."""

    package: Captured
    files: Mapping[str, str] = field(default_factory=dict)
    tops: tuple[str, ...] = ()


def found_in(site: Site) -> tuple[dict[str, Captured], tuple[str, ...]]:
    """Return the packages by name, and remarks about what is no package."""
    names = sorted(path.name for path in site.folder.iterdir())
    found = [each for name in names if (each := _found(site, name))]
    troubles: dict[str, list[str]] = {}
    rows = [
        (str(number), path, expected)
        for number, each in enumerate(found)
        for path, expected in each.files.items()
        if expected and Path(path).is_file()
    ]
    for problem in installed.differing(rows):
        troubles.setdefault(problem.package, []).append(problem.path)
    for number, each in enumerate(found):
        missing = [path for path in each.files if each.files[path] and not Path(path).is_file()]
        troubles.setdefault(str(number), []).extend(missing)
    packages: dict[str, Captured] = {}
    for number, each in enumerate(found):
        changed = sorted(os.path.relpath(path, site.folder) for path in troubles[str(number)])
        package = replace(each.package, changed=tuple(map(_shown, changed)))
        packages[package.name] = _truer(packages.get(package.name), package)
    return packages, (*_leftovers(names), *_strays(site, names, found))


def _found(site: Site, name: str) -> _Found | None:
    path = site.folder / name
    if name.startswith("~"):
        return None
    if name.endswith(".dist-info") and path.is_dir():
        return _dist_info(site, path)
    if name.endswith(".egg-info"):
        return _egg(site, path, path / "PKG-INFO" if path.is_dir() else path)
    if name.endswith(".egg") and (path / "EGG-INFO").is_dir():
        return _egg(site, path / "EGG-INFO", path / "EGG-INFO" / "PKG-INFO", name)
    if name.endswith(".egg-link") and path.is_file():
        return _develop(path)
    return None


def _dist_info(site: Site, info: Path) -> _Found | None:
    metadata = read_metadata(_text(info / "METADATA"), info.name)
    if metadata is None:
        return None
    record = read_record(_text(info / "RECORD"))
    package = _with_origin(site, info, _captured(metadata), record)
    if not _text(info / "METADATA"):
        package = replace(package, faults=("it has no METADATA",))
    rows = {path: record.hashes.get(path, "") for path in record.paths} if record else {}
    known = dict(_within(site, site.folder, rows))
    if len(known) < len(rows):
        package = replace(package, faults=(*package.faults, _OUTSIDE))
    if package.origin.kind == "conda" and (of_conda := site.conda.get(info.name)):
        # conda's own hashes count: it writes into files after the RECORD was made.
        known = dict.fromkeys(known, "") | dict(_within(site, site.prefix, of_conda.hashes))
    return _Found(package=package, files=known)


def _with_origin(site: Site, info: Path, bare: Captured, record: Rows | None) -> Captured:
    """Return a package with what its installer wrote down: who it was, what was asked for, where it came from."""
    installer = _shown(_text(info / "INSTALLER").strip()[:40])
    package = replace(
        bare,
        installer=installer,
        requested=(info / "REQUESTED").exists(),
        tags=read_tags(_text(info / "WHEEL")),
        record=record.hashes if record else None,
    )
    if installer in ("conda", "") and (of_conda := site.conda.get(info.name)):
        return _by_conda(package, of_conda)
    if installer == "conda":
        return replace(package, origin=Origin(kind="conda"))
    if (info / "direct_url.json").is_file():
        return replace(package, origin=read_direct_url(_text(info / "direct_url.json")))
    if record and any(path.startswith("__editable__") for path in record.paths):
        return replace(package, origin=Origin(kind="editable"))
    return package


def _egg(site: Site, info: Path, metadata_file: Path, name: str = "") -> _Found | None:
    """Read what older tools (distutils, setup.py, a distribution's own) install: there is no RECORD."""
    metadata = read_metadata(_text(metadata_file), name or info.name)
    if metadata is None:
        return None
    package = _captured(metadata)
    if not package.requires and info.is_dir():
        package = replace(package, requires=read_requires_txt(_text(info / "requires.txt")))
    of_conda = site.conda.get(info.name)
    if of_conda is not None:
        package = _by_conda(package, of_conda)
    listed = _text(info / "installed-files.txt").split("\n") if info.is_dir() else []
    known = dict.fromkeys((os.path.normpath(info / line) for line in listed if line), "")
    known |= dict(_within(site, site.prefix, of_conda.hashes if of_conda else {}))
    tops = (info.name, name, *_text(info / "top_level.txt").split()) if info.is_dir() else ()
    return _Found(package=package, files=known, tops=tuple(filter(None, tops)) or (info.name,))


def _develop(link: Path) -> _Found | None:
    """Read what ``setup.py develop`` leaves: a file that names the folder of the source."""
    folder = Path(_text(link).split("\n")[0].strip() or "/nowhere")
    name = link.name.removesuffix(".egg-link")
    stem = name.replace("-", "_")
    info = next(
        (
            path
            for each in dict.fromkeys((name, stem))
            if (path := folder / f"{each}.egg-info").is_dir()
        ),
        None,
    )
    if info is None or not folder.is_absolute():
        return None
    metadata = read_metadata(_text(info / "PKG-INFO"), f"{name}-0.egg-info")
    if metadata is None:
        return None
    package = _captured(metadata)
    requires = package.requires or read_requires_txt(_text(info / "requires.txt"))
    origin = Origin(kind="editable", url=_shown(str(folder)))
    package = replace(package, requires=requires, origin=origin, requested=True)
    return _Found(package=package, files={str(link): ""}, tops=("easy-install.pth",))


def _by_conda(package: Captured, record: CondaRecord) -> Captured:
    """Return a package with what conda knows of it: its own hashes where there is no RECORD."""
    return replace(
        package,
        origin=Origin(kind="conda", url=record.package.name),
        requested=record.package.requested,
        record=record.hashes if package.record is None else package.record,
    )


def _captured(metadata: Metadata) -> Captured:
    return Captured(
        name=metadata.name,
        version=metadata.version,
        requires=metadata.requires,
        extras=metadata.extras,
        faults=metadata.faults,
    )


def _truer(one: Captured | None, other: Captured) -> Captured:
    """Of two that claim one name return the one whose files are there; else the newer."""
    if one is None:
        return other
    newest_first = sorted((one, other), key=lambda each: Version(each.version), reverse=True)
    first, second = sorted(newest_first, key=lambda each: len(each.changed))
    said = f"it is there twice: {second.version} as well"
    return replace(first, faults=(*first.faults, said))


def _within(site: Site, start: Path, hashes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield absolute paths that lie in the environment: nothing else is opened, whatever a RECORD says."""
    inside = f"{site.prefix}{os.sep}"
    for path, expected in hashes.items():
        absolute = os.path.normpath(start / path)
        if absolute.startswith(inside):
            yield absolute, expected


def _leftovers(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name.startswith("~"):
            yield f"`{_shown(name)}` is what an interrupted installation left: not read"


def _strays(site: Site, names: Iterable[str], found: Iterable[_Found]) -> Iterator[str]:
    """Say which files no package knows of: no lock can bring them back."""
    known = {path for each in found for path in each.files}
    tops = {top for each in found for top in each.tops}
    tops |= {f"{top}.py" for top in tops} | {name for name in names if name.startswith("~")}
    strays = [path for path in installed.files(site.folder) if path not in known]
    parts = [Path(path).relative_to(site.folder).parts[0] for path in strays]
    loose = [name for name in parts if name not in tops and not name.endswith(".egg-link")]
    paths = sorted({name for name in loose if name.endswith(".pth")})
    for name in paths:
        yield f"`{_shown(name)}` may lead to other folders: what lies there is not read"
    others = [name for name in loose if name not in paths]
    if others:
        each = sorted(set(others))
        more = f", and {len(each) - _SHOWN} more" if len(each) > _SHOWN else ""
        listed = ", ".join(f"`{_shown(name)}`" for name in each[:_SHOWN])
        files = "1 file belongs" if len(others) == 1 else f"{len(others)} files belong"
        yield f"{files} to no package and cannot be locked ({listed}{more})"


def _text(path: Path) -> str:
    """Return a file's text; empty where there is none (a pipe or device is none)."""
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            return file.read(_LARGEST)
    except (OSError, ValueError):
        return ""


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() and c != "`" else "?" for c in text)
