"""The packages in one folder of a live environment: their metadata, and whether their files are as installed."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from packaging.version import Version

from envctl.adapters import installed
from envctl.adapters.live.eggs import develop, egg
from envctl.adapters.live.site import Found, Site, by_conda, captured, shown, text_of, within
from envctl.domain.captured.packages import Captured, Origin
from envctl.readers.installed import Rows, read_direct_url, read_metadata, read_record, read_tags

_SHOWN = 5
_OUTSIDE = "its RECORD names files outside of the environment"


def found_in(site: Site) -> tuple[dict[str, Captured], tuple[str, ...]]:
    """Return the packages by name, and remarks about what is no package."""
    names = sorted(path.name for path in site.folder.iterdir())
    by_name = {name: _found(site, name) for name in names}
    found = [each for each in by_name.values() if each]
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
        package = replace(each.package, changed=tuple(map(shown, changed)))
        packages[package.name] = _truer(packages.get(package.name), package)
    unread = [name for name, each in by_name.items() if each is None]
    return packages, (*_leftovers(unread), *_strays(site, names, found))


def _found(site: Site, name: str) -> Found | None:
    path = site.folder / name
    if name.startswith("~"):
        return None
    if name.endswith(".dist-info") and path.is_dir():
        return _dist_info(site, path)
    if name.endswith(".egg-info"):
        return egg(site, path, path / "PKG-INFO" if path.is_dir() else path)
    if name.endswith(".egg") and (path / "EGG-INFO").is_dir():
        return egg(site, path / "EGG-INFO", path / "EGG-INFO" / "PKG-INFO", name)
    if name.endswith(".egg-link") and path.is_file():
        return develop(path)
    return None


def _dist_info(site: Site, info: Path) -> Found | None:
    metadata = read_metadata(text_of(info / "METADATA"), info.name)
    if metadata is None:
        return None
    record = read_record(text_of(info / "RECORD"))
    package = _with_origin(site, info, captured(metadata), record)
    if not text_of(info / "METADATA"):
        package = replace(package, faults=("it has no METADATA",))
    rows = {path: _expected(path, record) for path in record.paths} if record else {}
    known = dict(within(site, site.folder, rows))
    if len(known) < len(rows):
        package = replace(package, faults=(*package.faults, _OUTSIDE))
    if package.origin.kind == "conda" and (of_conda := site.conda.get(info.name)):
        # conda's own hashes count: it writes into files after the RECORD was made.
        known = dict.fromkeys(known, "") | dict(within(site, site.prefix, of_conda.hashes))
    return Found(package=package, files=known)


def _expected(path: str, record: Rows) -> str:
    """Return the hash that a file must have; Python writes byte-compiled ones anew when it likes."""
    return "" if path.endswith(".pyc") else record.hashes.get(path, "")


def _with_origin(site: Site, info: Path, bare: Captured, record: Rows | None) -> Captured:
    """Return a package with what its installer wrote down: who it was, what was asked for, where it came from."""
    installer = shown(text_of(info / "INSTALLER").strip()[:40])
    package = replace(
        bare,
        installer=installer,
        requested=(info / "REQUESTED").exists(),
        tags=read_tags(text_of(info / "WHEEL")),
        record=record.hashes if record else None,
    )
    if installer in ("conda", "") and (of_conda := site.conda.get(info.name)):
        return by_conda(package, of_conda)
    if installer == "conda":
        return replace(package, origin=Origin(kind="conda"))
    if (info / "direct_url.json").is_file():
        return replace(package, origin=read_direct_url(text_of(info / "direct_url.json")))
    if record and any(path.startswith("__editable__") for path in record.paths):
        return replace(package, origin=Origin(kind="editable"))
    return package


def _truer(one: Captured | None, other: Captured) -> Captured:
    """Of two that claim one name return the one whose files are there; else the newer."""
    if one is None:
        return other
    newest_first = sorted((one, other), key=lambda each: Version(each.version), reverse=True)
    first, second = sorted(newest_first, key=lambda each: len(each.changed))
    said = f"it is there twice: {second.version} as well"
    return replace(first, faults=(*first.faults, said))


def _leftovers(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name.startswith("~"):
            yield f"`{shown(name)}` is what an interrupted installation left: not read"
        elif name.endswith((".dist-info", ".egg-info", ".egg-link")):
            yield f"`{shown(name)}` has no name and version that can be read: left out"


def _strays(site: Site, names: Iterable[str], found: Iterable[Found]) -> Iterator[str]:
    """Say which files no package knows of: no lock can bring them back."""
    known = {path for each in found for path in each.files}
    tops = {top for each in found for top in each.tops}
    tops |= {f"{top}.py" for top in tops} | {name for name in names if name.startswith("~")}
    strays = [path for path in installed.files(site.folder) if path not in known]
    parts = [Path(path).relative_to(site.folder).parts[0] for path in strays]
    loose = [name for name in parts if name not in tops and not name.endswith(".egg-link")]
    paths = sorted({name for name in loose if name.endswith(".pth")})
    for name in paths:
        yield f"`{shown(name)}` may lead to other folders: what lies there is not read"
    others = [name for name in loose if name not in paths]
    if others:
        each = sorted(set(others))
        more = f", and {len(each) - _SHOWN} more" if len(each) > _SHOWN else ""
        listed = ", ".join(f"`{shown(name)}`" for name in each[:_SHOWN])
        files = "1 file belongs" if len(others) == 1 else f"{len(others)} files belong"
        yield f"{files} to no package and cannot be locked ({listed}{more})"
