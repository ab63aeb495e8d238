"""Which reader reads which file that ``init --from`` is given."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from envctl.domain import reading
from envctl.domain.imported import Imported
from envctl.errors import ManifestError
from envctl.readers.conda.environment import read_conda
from envctl.readers.pdm import read_pdm
from envctl.readers.pipfile import read_pipfile
from envctl.readers.poetry.project import read_poetry
from envctl.readers.requirements.files import Read, read_requirements
from envctl.readers.setuptools.setup_cfg import read_setup_cfg
from envctl.readers.setuptools.setup_py import read_setup_py
from envctl.readers.toml import read_toml

Reader = Callable[[str, str, Read], Imported]
_LOCKS = re.compile(r"(uv|poetry|pdm|Pipfile|conda|pixi)([.-]lock(\.ya?ml)?)|pylock(\..+)?\.toml")


def read_project(name: str, read: Read) -> Imported:
    """Read a file by its name: what the project asks for, and a note for all that a manifest cannot hold.

    Raises ``ManifestError`` for a file that is not there, that is broken, or that says no such thing.
    """
    text = read(name)
    if text is None:
        raise ManifestError(
            f"there is no file `{name}`", where=name, hint="name a file that exists"
        )
    return _reader(name)(text, name, read)


def _reader(name: str) -> Reader:
    file = posixpath.basename(name)
    if _LOCKS.fullmatch(file):
        raise ManifestError(
            "a lock does not say what its project asks for",
            where=name,
            hint="name the file that the lock was made from; `envctl lock` keeps the lock's versions",
        )
    if known := READERS.get(file):
        return known
    suffix = posixpath.splitext(file)[1].lower()
    if suffix in (".toml", ".json", ".py", ".lock"):
        names = ", ".join(f"`{each}`" for each in READERS)
        raise ManifestError(
            "not a file that envctl can make a manifest from",
            where=name,
            hint=f"it reads {names}, `*.yml` of conda, and requirements files of any other name",
        )
    return _BY_SUFFIX.get(suffix, _requirements)


def _requirements(_: str, name: str, read: Read) -> Imported:
    return read_requirements(name, read)


def _pyproject(text: str, name: str, _: Read) -> Imported:
    """Read what another tool says in it; ``[project]`` and ``[tool.uv]`` are read by every ``init``."""
    data = read_toml(text, name)
    with _named(name):
        tools = reading.table(data, "tool", "")
        if "poetry" in tools:
            return read_poetry(data, name)
        return read_pdm(data, name) if "pdm" in tools else Imported()


def _pipfile(text: str, name: str, _: Read) -> Imported:
    with _named(name):
        return read_pipfile(text, name)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Put the file's name before the key of an error."""
    try:
        yield
    except ManifestError as error:
        if error.where and not error.where.startswith(name):
            error.where = f"{name}: {error.where}"
        raise


READERS: Mapping[str, Reader] = {
    "pyproject.toml": _pyproject,
    "Pipfile": _pipfile,
    "environment.yml": read_conda,
    "setup.cfg": read_setup_cfg,
    "setup.py": read_setup_py,
    "requirements.txt": _requirements,
}
"""By the file's name; any other requirements file and ``environment.yaml`` are told by their suffix."""

_BY_SUFFIX: Mapping[str, Reader] = {
    ".yml": read_conda,
    ".yaml": read_conda,
    ".cfg": read_setup_cfg,
}
