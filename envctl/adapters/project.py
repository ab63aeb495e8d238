"""The files of one project on this machine's disk: the ``Project`` port, and where a project's root is."""

import os
import shlex
import stat
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from envctl.adapters.led_away import refuse_led_away
from envctl.adapters.projects_below import below
from envctl.adapters.staging import refused, replace_all
from envctl.domain.gitignore import OWN_IGNORE, own_ignore
from envctl.errors import ProjectError

_LOCK = ".envctl/state.lock"
_NOTES = ".envctl/cache/"
_PATIENCE = 1.0  # seconds of silence before the wait for another envctl is mentioned


def _to_stderr(message: str) -> None:
    sys.stderr.write(f"{message}\n")


class ProjectFiles:
    """A ``Project`` in the folder ``root``; ``say`` gets the one line that explains a long wait."""

    def __init__(self, root: Path, *, say: Callable[[str], None] = _to_stderr) -> None:
        self._root = Path(os.path.abspath(root))  # noqa: PTH100 (resolve() would follow the user's links)
        self._say = say
        self._held = 0

    @property
    def root(self) -> Path:
        """The project's folder, absolute."""
        return self._root

    def read(self, name: str) -> str | None:
        """Return a file's text without a byte order mark, line ends as they are; ``None``: not there.

        ``name`` may lead outside (``../shared/constraints.txt``): a requirements file says so.
        """
        path = self._root / name
        try:
            _refuse_pipe(path)
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise refused(error, path, "read") from error
        except ValueError as error:  # a NUL byte in the name
            raise ProjectError(f"{error}", where=repr(name), hint="correct that name") from error
        return _decode(content, path)

    def read_secret(self, name: str) -> str | None:
        """Return a file's text as ``read`` does; no message says what stands in it."""
        try:
            return self.read(name)
        except ProjectError as error:
            if not isinstance(error.__cause__, UnicodeDecodeError):
                raise
        raise ProjectError(
            "not UTF-8", where=str(self._root / name), hint="save it as UTF-8, then run it again"
        )

    def write(self, files: Mapping[str, str]) -> tuple[str, ...]:
        """Write the files whose text differs, all or none; return the names that changed."""
        changed = tuple(name for name in files if self._old(name) != files[name])
        texts = {name: files[name] for name in changed}
        if any(name.startswith(".envctl/") for name in changed) and self._old(OWN_IGNORE) is None:
            # A project that never saw `envctl init`: git must not see what is this machine's.
            texts[OWN_IGNORE] = own_ignore()
        for name in texts:
            if name.startswith(_NOTES) and (self._root / name).is_symlink():
                # A repository may bring one: what it leads to is not ours to write.
                (self._root / name).unlink()
            refuse_led_away(self._root, name)
        replace_all({self._inside(name): text.encode() for name, text in texts.items()})
        return changed

    def remove(self, names: Collection[str]) -> None:
        """Remove files that may be there; raises ``ProjectError``."""
        for name in names:
            path = self._inside(name)
            refuse_led_away(self._root, name)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise refused(error, path, "removed") from error

    def listing(self, folder: str) -> tuple[str, ...]:
        """Return the names of the files in a folder, sorted; empty when there is no such folder."""
        path = self._root / folder
        try:
            with os.scandir(path) as entries:
                return tuple(sorted(entry.name for entry in entries if _is_file(entry)))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise refused(error, path, "listed") from error

    def entries(self, folder: str) -> tuple[str, ...]:
        """Return every name in a folder, sorted: links that lead nowhere, pipes and folders too.

        Empty when nothing is there; raises ``ProjectError`` for what is there and is no folder.
        """
        path = self._root / folder
        try:
            return tuple(sorted(os.listdir(path)))  # noqa: PTH208 (names are wanted, not paths)
        except (FileNotFoundError, NotADirectoryError) as error:
            if not os.path.lexists(path):
                return ()
            raise ProjectError(
                "that is not a folder", where=str(path), hint="put a folder in its place"
            ) from error
        except OSError as error:
            raise refused(error, path, "listed") from error

    @contextmanager
    def locked(self, purpose: str) -> Iterator[None]:
        """Hold the project's one writer lock, waiting for whoever has it; may be nested."""
        if self._held:
            self._held += 1
            try:
                yield
            finally:
                self._held -= 1
            return
        with self._acquired(purpose):
            self._held = 1
            try:
                yield
            finally:
                self._held = 0

    @contextmanager
    def _acquired(self, purpose: str) -> Iterator[None]:
        from filelock import FileLock, Timeout  # noqa: PLC0415 (40 ms that reading commands spare)

        path = self._root / _LOCK
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            try:
                lock.acquire(timeout=_PATIENCE, poll_interval=0.05)
            except Timeout:
                self._say(
                    f"waiting for another envctl that works in {self._root} (in order to {purpose})"
                )
                lock.acquire(timeout=-1, poll_interval=0.1)
        except OSError as error:
            raise refused(error, path, "locked") from error
        try:
            yield
        finally:
            lock.release()

    def _old(self, name: str) -> str | None:
        """Return what is there now; something undecodable differs from any text."""
        path = self._inside(name)
        try:
            return path.read_bytes().decode("utf-8-sig") if path.is_file() else None
        except (OSError, UnicodeDecodeError):
            return None

    def _inside(self, name: str) -> Path:
        """Refuse to write outside the project, whatever a manifest or machine name made of ``name``."""
        steps = Path(name).parts
        if not steps or Path(name).is_absolute() or ".." in steps or "\0" in name:
            raise ProjectError(
                "envctl writes only inside the project", where=repr(name), hint="correct that name"
            )
        return self._root / name


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _refuse_pipe(path: Path) -> None:
    """Raise ``ProjectError`` for what has no end or waits for a writer; a folder fails by itself."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ProjectError(
            "that is a pipe, a socket or a device, not a file",
            where=str(path),
            hint="write its content into a file, and name that",
        )


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise ProjectError(
            f"not UTF-8: byte 0x{byte:02x} in line {line}",
            where=f"{path}:{line}",
            hint=f"save it as UTF-8, for example `iconv -f latin1 -t utf-8 {path.name}`",
        ) from error


def find_root(start: Path) -> Path:
    """Return the project that ``start`` lies in; raises ``ProjectError`` when it is in none."""
    found = nearest_root(start)
    if found is None:
        calls = ", ".join(f"`envctl -C {shlex.quote(each)} …`" for each in below(start))
        raise ProjectError(
            "this folder is not a project: no pyproject.toml or requirements.txt here or above",
            where=str(start),
            hint=f"name the project that is meant: {calls}"
            if calls
            else "run `envctl init` in the project's folder, or name it with `-C DIR`",
        )
    return found


def nearest_root(start: Path) -> Path | None:
    """Return the nearest folder upward with a ``pyproject.toml``, else with a ``requirements.txt``.

    A ``pyproject.toml`` further up counts more than a nearer ``requirements.txt``: ``docs/requirements.txt`` is
    part of a project, not one. The search ends where a git repository ends, and never takes the home folder or
    ``/`` from below: a stray file there would otherwise swallow every folder of that user.
    """
    folders = _reach(Path(os.path.abspath(start)))  # noqa: PTH100 (resolve() would follow the user's links)
    for folder in folders:
        if (folder / "pyproject.toml").is_file() or (folder / ".envctl").is_dir():
            return folder
    return next((folder for folder in folders if (folder / "requirements.txt").is_file()), None)


def _reach(start: Path) -> list[Path]:
    barred = {Path(os.path.expanduser("~")), Path(start.anchor)}  # noqa: PTH111 (Path.home() may raise)
    folders: list[Path] = []
    for folder in (start, *start.parents):
        if folder in barred and folder != start:
            break
        folders.append(folder)
        if (folder / ".git").exists():
            break
    return folders
