"""Packages without a RECORD: what distutils, ``setup.py`` and distributions of Linux install."""

import os
from dataclasses import replace
from pathlib import Path

from envctl.adapters.live.site import Found, Site, by_conda, captured, shown, text_of, within
from envctl.domain.captured.packages import Origin
from envctl.readers.installed import read_metadata, read_requires_txt


def egg(site: Site, info: Path, metadata_file: Path, name: str = "") -> Found | None:
    """Read what older tools (distutils, setup.py, a distribution's own) install: there is no RECORD."""
    metadata = read_metadata(text_of(metadata_file), name or info.name)
    if metadata is None:
        return None
    package = captured(metadata)
    if not package.requires and info.is_dir():
        package = replace(package, requires=read_requires_txt(text_of(info / "requires.txt")))
    of_conda = site.conda.get(info.name)
    if of_conda is not None:
        package = by_conda(package, of_conda)
    listed = text_of(info / "installed-files.txt").split("\n") if info.is_dir() else []
    known = dict.fromkeys((os.path.normpath(info / line) for line in listed if line), "")
    known |= dict(within(site, site.prefix, of_conda.hashes if of_conda else {}))
    tops = (info.name, name, *text_of(info / "top_level.txt").split()) if info.is_dir() else ()
    return Found(package=package, files=known, tops=tuple(filter(None, tops)) or (info.name,))


def develop(link: Path) -> Found | None:
    """Read what ``setup.py develop`` leaves: a file that names the folder of the source."""
    folder = Path(text_of(link).split("\n")[0].strip() or "/nowhere")
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
    metadata = read_metadata(text_of(info / "PKG-INFO"), f"{name}-0.egg-info")
    if metadata is None:
        return None
    package = captured(metadata)
    requires = package.requires or read_requires_txt(text_of(info / "requires.txt"))
    origin = Origin(kind="editable", url=shown(str(folder)))
    package = replace(package, requires=requires, origin=origin, requested=True)
    return Found(package=package, files={str(link): ""}, tops=("easy-install.pth",))
