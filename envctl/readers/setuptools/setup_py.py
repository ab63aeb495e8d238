"""``setup.py``: what it passes to ``setup()``, read and never run; what cannot be read is said."""

import ast
import posixpath
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envctl.domain.imported import Imported
from envctl.errors import ManifestError
from envctl.readers.gathering import Gathered
from envctl.readers.requirements.files import Read
from envctl.readers.setuptools.metadata import Metadata
from envctl.readers.setuptools.python_nodes import FileText, Located
from envctl.readers.setuptools.script import Argument, Script, read_script
from envctl.readers.setuptools.setup_cfg import read_setup_cfg

_REQUIRES = "install_requires"
_EXTRAS = "extras_require"
_PYTHON = "python_requires"
_LEFT = {
    "setup_requires": "what a build needs belongs into [build-system] requires",
    "tests_require": "put what tests need into a dependency group",
    "dependency_links": "a lock names indexes only: write `NAME @ URL` instead",
}


def read_setup_py(text: str, name: str, read: Read) -> Imported:
    """Read the text of a ``setup.py``; raises ``ManifestError`` with ``name:line``.

    What the call leaves to ``setup.cfg`` beside it is read there, as setuptools does it.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # Python's own, about the text
            script = read_script(ast.parse(text))
    except SyntaxError as error:
        raise ManifestError(
            f"not Python: {error.msg}",
            where=f"{name}:{error.lineno or 1}",
            hint="correct that line",
        ) from error
    except (RecursionError, MemoryError, ValueError) as error:
        raise ManifestError(
            "too deeply nested to be read", where=name, hint="write it more simply"
        ) from error
    if script is None:
        raise ManifestError(
            "it calls no `setup()`", where=name, hint="name the file that lists the dependencies"
        )
    made = _Setup(name, read).take(script)
    return made.with_rest(_beside(name, read), script)


def _beside(name: str, read: Read) -> Imported:
    other = posixpath.join(posixpath.dirname(name), "setup.cfg")
    text = read(other)
    return read_setup_cfg(text, other, read) if text is not None else Imported()


class _Setup:
    """The metadata of one file as it is taken from the call's arguments."""

    def __init__(self, file: str, read: Read) -> None:
        self._file = file
        self._read = read
        self._found = Gathered()
        self._metadata = Metadata(self._found, read)
        self._name: str | None = None
        self._python: str | None = None

    def take(self, script: Script) -> "_Setup":
        for error in script.others:
            said = f"some arguments of `setup()` are not read: {error.reason}"
            self._found.note(f"{self._file}:{error.line}", said)
        given = script.arguments
        if _REQUIRES in given and (value := self._value(_REQUIRES, given[_REQUIRES])) is not None:
            self._lines(value, given[_REQUIRES], None)
        if _EXTRAS in given and (value := self._value(_EXTRAS, given[_EXTRAS])) is not None:
            self._extras(value, given[_EXTRAS])
        if _PYTHON in given:
            self._take_python(given[_PYTHON])
        if "name" in given and isinstance(given["name"].value, str):
            self._name = str(given["name"].value)
        for key, reason in _LEFT.items():
            if key in given and given[key].value != []:
                self._found.note(f"{self._file}:{given[key].line}", f"`{key}` left out: {reason}")
        return self

    def with_rest(self, other: Imported, script: Script) -> Imported:
        """Return all of it; ``other`` counts for what the call says nothing about."""
        made = self._metadata.imported()
        given = script.arguments
        if not given.keys() & {_REQUIRES, _EXTRAS} and not script.others and not other.requirements:
            self._found.note(self._file, "`setup()` is called without dependencies")
        requirements = () if _REQUIRES in given else other.requirements
        sections = () if _EXTRAS in given else other.sections
        return Imported(
            name=self._name or other.name,
            requires_python=self._python if _PYTHON in given else other.requires_python,
            requirements=(*made.requirements, *requirements),
            sections=(*made.sections, *sections),
            constraints=(*made.constraints, *other.constraints),
            indexes=(*made.indexes, *other.indexes),
            notes=(*self._found.notes, *other.notes),
        )

    def _value(self, key: str, argument: Argument) -> Any:
        """Return an argument's value, or ``None`` and a note; a doubt about it is noted too."""
        if argument.error is not None:
            line = argument.error.line
            self._unread(key, line, argument.error.reason)
            return None
        for line in argument.doubts:
            said = f"`{key}` may be changed here, under a condition or in a loop: check it by hand"
            self._found.note(f"{self._file}:{line}", said)
        return argument.value

    def _unread(self, key: str, line: int, reason: str) -> None:
        said = f"`{key}` is not read, for a setup.py is never run, and {reason}: add it by hand"
        self._found.note(f"{self._file}:{line}", said)

    def _extras(self, value: Any, argument: Argument) -> None:
        if not isinstance(value, dict):
            self._unread(_EXTRAS, argument.line, "it is no dict")
            return
        for extra, lines in value.items():
            self._metadata.declare(str(extra), f"{self._file}:{argument.line}")
            self._lines(lines, argument, str(extra))

    def _lines(self, value: Any, argument: Argument, extra: str | None) -> None:
        for each in _flat(value):
            if isinstance(each, FileText):
                self._file_lines(each, argument, extra)
            elif isinstance(each, str):
                line = each.line if isinstance(each, Located) else argument.line
                for text in each.splitlines():
                    self._metadata.line(text, f"{self._file}:{line}", extra)
            else:
                self._unread(extra or _REQUIRES, argument.line, "it holds what is no text")

    def _file_lines(self, found: FileText, argument: Argument, extra: str | None) -> None:
        path = posixpath.join(posixpath.dirname(self._file), found.path)
        where = f"{self._file}:{argument.line}"
        self._metadata.file(path, where, extra, without=found.without)

    def _take_python(self, argument: Argument) -> None:
        value = self._value(_PYTHON, argument)
        if value is None:
            return
        try:
            self._python = str(SpecifierSet(str(value))) or None
        except InvalidSpecifier:
            where = f"{self._file}:{argument.line}"
            self._found.note(where, f"python_requires `{value}` is no version: left out")


def _flat(value: Any) -> Iterator[Any]:
    """Yield what lines there are: setuptools takes a text with several as well as a list."""
    each: Iterable[Any] = value if isinstance(value, list) else [value]
    yield from each
