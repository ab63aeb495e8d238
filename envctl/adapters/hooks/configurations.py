"""Configuration files at the top of a repository, byte for byte: a byte order mark and line ends stay."""

from pathlib import Path

from envctl.adapters.staging import refused, replace_all
from envctl.errors import ManifestError


class Configurations:
    """The files in the folder ``top``."""

    def __init__(self, top: Path) -> None:
        self._top = top

    def read(self, name: str) -> str | None:
        """Return a file's text; ``None``: there is none. Raises ``ManifestError``, ``ProjectError``."""
        path = self._top / name
        try:
            return path.read_bytes().decode()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ManifestError(
                "not UTF-8", where=f"{path}:{line}", hint="save it as UTF-8, then run it again"
            ) from error
        except OSError as error:
            raise refused(error, path, "read") from error

    def write(self, name: str, text: str) -> None:
        """Write a file, whole or not at all; raises ``ProjectError``."""
        replace_all({self._top / name: text.encode()})

    def remove(self, name: str) -> None:
        """Remove a file; raises ``ProjectError``."""
        path = self._top / name
        try:
            path.unlink()
        except OSError as error:
            raise refused(error, path, "removed") from error
