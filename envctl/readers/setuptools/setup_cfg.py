"""``setup.cfg``: the dependencies, extras and Python of a setuptools project.

setuptools documentation, "Configuring setuptools using setup.cfg files": lists dangle over lines or are cut at
semicolons, ``file:`` names files whose lines count.
"""

import configparser
import posixpath
import re
from collections.abc import Mapping

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envctl.domain.imported import Imported
from envctl.errors import ManifestError
from envctl.readers.gathering import Gathered
from envctl.readers.requirements.files import Read
from envctl.readers.setuptools.metadata import Metadata

_LEFT = {
    "setup_requires": "what a build needs belongs into [build-system] requires",
    "tests_require": "put what tests need into a dependency group",
    "dependency_links": "a lock names indexes only: write `NAME @ URL` instead",
}


def read_setup_cfg(text: str, name: str, read: Read) -> Imported:
    """Read the text of a ``setup.cfg``; raises ``ManifestError`` with ``name:line``."""
    sections = _sections(text, name)
    options = sections.get("options", {})
    found = Gathered()
    metadata = Metadata(found, read)
    where = f"{name}: options.install_requires"
    _take(options.get("install_requires", ""), where, None, metadata)
    for extra, value in sections.get("options.extras_require", {}).items():
        _take(value, f"{name}: options.extras_require.{extra}", extra, metadata)
    for key, reason in _LEFT.items():
        if options.get(key, "").strip():
            found.note(f"{name}: options.{key}", f"left out: {reason}")
    made = metadata.imported()
    return Imported(
        name=sections.get("metadata", {}).get("name", "").strip() or None,
        requires_python=_python(options.get("python_requires", ""), name, found),
        requirements=made.requirements,
        sections=made.sections,
        constraints=made.constraints,
        indexes=made.indexes,
        notes=tuple(found.notes),
    )


def _sections(text: str, name: str) -> Mapping[str, Mapping[str, str]]:
    """Return the options of each section; setuptools takes dashes in their names for underscores."""
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # extras keep their spelling
    try:
        parser.read_string(text, source=name)
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or next(
            (number for number, _ in getattr(error, "errors", ())), None
        )
        raise ManifestError(
            f"not a configuration file: {error.message.splitlines()[0]}",
            where=f"{name}:{line}" if line else name,
            hint="correct that line",
        ) from error
    return {
        section: {
            key if section == "options.extras_require" else key.replace("-", "_"): value
            for key, value in parser.items(section)
        }
        for section in parser.sections()
    }


def _take(value: str, where: str, extra: str | None, metadata: Metadata) -> None:
    """Take one list: dangling lines, else cut at semicolons; ``file: a.txt, b.txt`` names files."""
    if files := re.fullmatch(r"\s*file:(?P<names>.*)", value, re.DOTALL):
        folder = posixpath.dirname(where.partition(": ")[0])
        for path in re.split(r"[,\n]", files["names"]):
            if path.strip():
                metadata.file(posixpath.join(folder, path.strip()), where, extra)
        return
    for line in value.splitlines() if "\n" in value else value.split(";"):
        metadata.line(line, where, extra)


def _python(value: str, name: str, found: Gathered) -> str | None:
    try:
        return str(SpecifierSet(value.strip())) or None
    except InvalidSpecifier:
        found.note(f"{name}: options.python_requires", f"`{value.strip()}` is no version: left out")
        return None
