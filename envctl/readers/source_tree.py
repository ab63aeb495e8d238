"""What an sdist's files tell about building it, without running any of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from envctl.domain.build import NEEDS, BuildSystem, Need, parse_build_system
from envctl.readers.toml import read_toml

TEXTS = ("pyproject.toml", "setup.py", "setup.cfg")
"""The files at the root whose text counts."""

_BY_SUFFIX: Mapping[str, Need] = {
    ".c": "c",
    ".pyx": "c",
    ".cc": "c++",
    ".cpp": "c++",
    ".cxx": "c++",
    ".cu": "nvcc",
}
# Shipped for other reasons than to be compiled when the package is installed.
_ASIDE = re.compile(r"tests?|testing|docs?|examples?|benchmarks?|samples?|fixtures", re.IGNORECASE)
_RUST = re.compile(r"maturin|setuptools[-_.]rust", re.IGNORECASE)
_IN_SETUP: tuple[tuple[re.Pattern[str], tuple[Need, ...]], ...] = (
    (re.compile(r"\bCUDAExtension\b"), ("c++", "nvcc")),
    (re.compile(r"\btorch\.utils\.cpp_extension\b|\bCppExtension\b"), ("c++",)),
    (re.compile(r"\bRustExtension\b"), ("rust",)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceTree:
    """An sdist as listed: its files relative to its root folder, and the texts of ``TEXTS`` that it has."""

    members: tuple[str, ...]
    texts: Mapping[str, str] = field(default_factory=dict)

    def build_system(self, where: str) -> BuildSystem:
        """Return its ``[build-system]``; raises ``ManifestError`` for a broken ``pyproject.toml``."""
        text = self.texts.get("pyproject.toml")
        return BuildSystem() if text is None else parse_build_system(read_toml(text, where))

    def needs(self, system: BuildSystem) -> tuple[Need, ...]:
        """Return the compilers that its files point to, in a fixed order.

        That is a guess: an extension may be optional. Tests, documentation and examples do not count.
        """
        found = {*_of_files(self.members), *_of_requirements(system.requires)}
        for pattern, more in _IN_SETUP:
            if pattern.search(self.texts.get("setup.py", "")):
                found.update(more)
        return tuple(need for need in NEEDS if need in found)


def _of_files(members: Iterable[str]) -> Iterator[Need]:
    for member in members:
        path = PurePosixPath(member)
        if any(_ASIDE.fullmatch(folder) for folder in path.parts[:-1]):
            continue
        if need := _BY_SUFFIX.get(path.suffix.lower()):
            yield need
        elif path.name == "Cargo.toml":
            yield "rust"


def _of_requirements(requires: Iterable[str]) -> Iterator[Need]:
    if any(_RUST.match(text) for text in requires):
        yield "rust"
