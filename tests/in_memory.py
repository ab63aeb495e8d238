"""A project without a disk."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class InMemoryProject:
    """A ``Project`` in memory."""

    def __init__(self, files: Mapping[str, str] = {}) -> None:
        self.root = Path("/project")
        self.files = dict(files)

    def read(self, name: str) -> str | None:
        return self.files.get(name)

    def read_secret(self, name: str) -> str | None:
        return self.files.get(name)

    def write(self, files: Mapping[str, str]) -> tuple[str, ...]:
        changed = tuple(name for name in files if self.files.get(name) != files[name])
        self.files |= files
        return changed

    def remove(self, names: Collection[str]) -> None:
        for name in names:
            self.files.pop(name, None)

    def listing(self, folder: str) -> tuple[str, ...]:
        names = (name.removeprefix(f"{folder}/") for name in self.files)
        return tuple(sorted(name for name in names if "/" not in name))

    def entries(self, folder: str) -> tuple[str, ...]:
        inside = [n.removeprefix(f"{folder}/") for n in self.files if n.startswith(f"{folder}/")]
        return tuple(sorted({name.partition("/")[0] for name in inside}))

    @contextmanager
    def locked(self, purpose: str) -> Iterator[None]:
        yield
