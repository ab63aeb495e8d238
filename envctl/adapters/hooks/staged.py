"""A project as it is staged: the ``Project`` that a commit would make, read from git's index.

What is in the folder as it is staged is read from the folder; only the rest is asked of git, and remembered in
``apart``. Contents are as a checkout would write them (gitattributes(5): line ends, filters).
"""

import os
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from envctl.adapters.hooks.repository import Repository
from envctl.adapters.project import ProjectFiles
from envctl.errors import ProjectError

_LINK = "120000"
_SPECIAL = re.compile(r"[*?\[\\]")
_BUNDLES = ".envctl/image/"
_NOTES = ".envctl/cache/"
_LINKS = 40  # as Linux has it: more is a circle


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """A file in the index. ``sure``: git looks whether it differs in the folder (no flag tells it not to)."""

    mode: str
    blob: str
    sure: bool


class StagedProject:
    """The project in the folder ``root`` of a repository, as it is staged. It can be read only."""

    def __init__(self, repository: Repository, root: Path) -> None:
        self._repository = repository
        self._files = ProjectFiles(root)
        within = os.path.relpath(root, repository.top)
        self._prefix = "" if within == os.curdir else within + "/"
        self.apart: set[str] = set()
        """The files that were asked for and are otherwise in the folder."""

    @property
    def root(self) -> Path:
        """The project's folder, absolute."""
        return self._files.root

    def read(self, name: str) -> str | None:
        """Return a file's text as it is staged; ``None``: it is not."""
        return self._read(posixpath.normpath(name), 0)

    def read_secret(self, name: str) -> str | None:
        """Return a file of this machine's: those are never staged."""
        return self._files.read_secret(name)

    def listing(self, folder: str) -> tuple[str, ...]:
        """Return the names of the staged files in a folder."""
        return self._within(folder, folders=False)

    def entries(self, folder: str) -> tuple[str, ...]:
        """Return every staged name in a folder."""
        return self._within(folder, folders=True)

    def write(self, files: Mapping[str, str]) -> tuple[str, ...]:
        """Write notes for the fast path, where they are as true of the folder; what is staged is the user's."""
        if self.apart or not all(name.startswith(_NOTES) for name in files):
            raise self._refused(*files)
        return self._files.write(files)

    def remove(self, names: Collection[str]) -> None:
        """Remove nothing."""
        raise self._refused(*names)

    @contextmanager
    def locked(self, purpose: str) -> Iterator[None]:
        """Hold the writer lock of the folder."""
        with self._files.locked(purpose):
            yield

    def _refused(self, *names: str) -> ProjectError:
        return ProjectError(
            "what is staged is only looked at", where=", ".join(names), hint="stage it with git"
        )

    def _read(self, name: str, links: int) -> str | None:
        if name.startswith("/") or links > _LINKS:
            return self._files.read(name)
        entry = self._entry(name)
        if entry is None:
            if not self._outside(name) and os.path.lexists(self.root / name):
                self.apart.add(name)
            return self._files.read(name) if self._outside(name) else None
        if entry.mode == _LINK:
            target = self._text(name, entry)
            return self._read(
                posixpath.normpath(posixpath.join(posixpath.dirname(name), target)), links + 1
            )
        if entry.sure and name not in self._differing(name):
            return self._files.read(name)
        self.apart.add(name)
        return self._text(name, entry)

    def _text(self, name: str, entry: _Entry) -> str:
        found = self._repository.git(
            *("cat-file", "--filters", f"--path={self._placed(name)}", entry.blob)
            if entry.mode != _LINK
            else ("cat-file", "blob", entry.blob)
        )
        try:
            if found is None:
                raise ProjectError(
                    "git has no content for what is staged", where=name, hint="see `git fsck`"
                )
            return found.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ProjectError(
                f"not UTF-8, as it is staged: {error.reason}",
                where=name,
                hint="save it as UTF-8 and stage it",
            ) from error

    def _within(self, folder: str, *, folders: bool) -> tuple[str, ...]:
        start = "" if folder in (".", "") else posixpath.normpath(folder) + "/"
        if self._outside(start):
            return self._files.entries(folder) if folders else self._files.listing(folder)
        index = self._index if self._here(start) else self._indexed(self._literal(start))
        rest = [name.removeprefix(start) for name in index if name.startswith(start)]
        found = {each.split("/")[0] for each in rest if folders or "/" not in each}
        there = self._files.entries(folder) if folders else self._files.listing(folder)
        if start.startswith(_BUNDLES):
            found |= self._ignored(start, set(there) - found)
        self.apart |= {start + each for each in found ^ set(there)} if start else set()
        return tuple(sorted(found))

    def _ignored(self, start: str, names: set[str]) -> set[str]:
        """Return which of these git ignores: wheels are never committed, and each machine fetches its own."""
        argv = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--")
        found = {self._named(each) for each in self._asked(*argv, self._literal(start))}
        return {each for each in names if start + each in found}

    def _entry(self, name: str) -> _Entry | None:
        if self._here(name):
            return self._index.get(name)
        return self._indexed(self._literal(name)).get(name)

    @staticmethod
    def _here(name: str) -> bool:
        return "/" not in name or name.startswith(".envctl/")

    def _outside(self, name: str) -> bool:
        path = os.path.normpath(self.root / name)
        return not Path(path).is_relative_to(self._repository.top)

    @cached_property
    def _index(self) -> Mapping[str, _Entry]:
        return self._indexed(*self._own)

    @cached_property
    def _changed(self) -> frozenset[str]:
        return self._diff(*self._own)

    def _differing(self, name: str) -> frozenset[str]:
        return self._changed if self._here(name) else self._diff(self._literal(name))

    @property
    def _own(self) -> tuple[str, str]:
        """Return what names the files that a project has in its own folder and in ``.envctl``."""
        prefix = _SPECIAL.sub(r"\\\g<0>", self._prefix)
        return f":(top,glob){prefix}*", f":(top,glob){prefix}.envctl/**"

    def _literal(self, name: str) -> str:
        return f":(top,literal){self._placed(name)}"

    def _placed(self, name: str) -> str:
        """Return a name as the top of the repository sees it."""
        placed = posixpath.normpath(self._prefix + name)
        return placed + "/" * name.endswith("/")

    def _named(self, placed: str) -> str:
        if placed.startswith(self._prefix):
            return placed.removeprefix(self._prefix)
        return posixpath.relpath(placed, self._prefix or ".")

    def _diff(self, *specs: str) -> frozenset[str]:
        argv = ("diff-files", "--name-only", "-z", "--no-relative", "--", *specs)
        return frozenset(map(self._named, self._asked(*argv)))

    def _indexed(self, *specs: str) -> Mapping[str, _Entry]:
        """Read lines ``TAG MODE BLOB STAGE<tab>NAME`` (git-ls-files(1)); a conflict's sides count as one."""
        found: dict[str, _Entry] = {}
        for line in self._asked("ls-files", "-z", "-v", "--stage", "--", *specs):
            about, _, name = line.partition("\t")
            tag, mode, blob, _stage = about.split(" ")
            found[self._named(name)] = _Entry(mode=mode, blob=blob, sure=tag == "H")
        return found

    def _asked(self, *argv: str) -> tuple[str, ...]:
        found = self._repository.names(*argv)
        if found is None:
            raise ProjectError(
                "git does not say what is staged", where=str(self.root), hint="see `git status`"
            )
        return found
