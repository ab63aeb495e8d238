"""The folder of a repository's hooks: what stands there, and ours put in and taken out without a moment without hook.

A hook of somebody else's is kept under a second name (``pre-commit.before-envctl``) and started by ours.
"""

import errno
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from envctl.adapters.hooks.repository import Repository
from envctl.adapters.staging import MARK, refused
from envctl.domain.hooks import BEFORE
from envctl.domain.hooks.scripts import HookFile
from envctl.emitters import git_hook
from envctl.errors import ProjectError

Place = Literal["git", "tree", "ignored", "outside"]


class HookFolder:
    """The hooks of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.path = repository.hooks

    @property
    def place(self) -> Place:
        """Whether the folder is git's own, in the work tree (there also one that git ignores), or somewhere else."""
        real = Path(os.path.realpath(self.path))
        if any(
            real.is_relative_to(os.path.realpath(each))
            for each in (self._repository.common, self._repository.git_dir)
        ):
            return "git"
        if not real.is_relative_to(os.path.realpath(self._repository.top)):
            return "outside"
        return "ignored" if self._repository.ignored(real / "pre-commit") else "tree"

    def look(self, name: str) -> HookFile:
        """Return what stands there as the hook of that name."""
        path = self.path / name
        before = path.with_name(f"{name}.{BEFORE}")
        texts = [_text(each) for each in (path, before, path.with_name(f"{name}.legacy"))]
        return HookFile(
            name=name,
            path=str(path),
            there=os.path.lexists(path),
            text=texts[0],
            runs=os.access(path, os.X_OK) and path.is_file(),
            before=texts[1],
            kept=os.path.lexists(before),
            same=_same(path, before),
            legacy=texts[2],
        )

    def put(self, name: str, script: str) -> None:
        """Write the script as that hook; another's is kept as ``before``. Raises ``ProjectError``."""
        path = self.path / name
        staged = path.with_name(f".{name}{MARK}{secrets.token_hex(6)}")
        try:
            _make(self.path)
            _write(staged, script)
            now = _text(path)
            if os.path.lexists(path) and (now is None or git_hook.named(now) is None):
                _keep(path, path.with_name(f"{name}.{BEFORE}"))
            staged.replace(path)
        except OSError as error:
            raise refused(error, path, "written") from error
        finally:
            with suppress(OSError):
                staged.unlink(missing_ok=True)

    def take(self, name: str) -> None:
        """Take ours away, and put back what was there before. Raises ``ProjectError``."""
        path = self.path / name
        before = path.with_name(f"{name}.{BEFORE}")
        try:
            if os.path.lexists(before):
                before.replace(path)  # of two names of one file both would stay:
                if os.path.lexists(before):
                    before.unlink()
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise refused(error, path, "taken away") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time change the hooks."""
        from filelock import FileLock  # noqa: PLC0415 (40 ms that reading commands spare)

        path = self._repository.common / "envctl-hooks.lock"
        try:
            with FileLock(path):
                _sweep(self.path)
                yield
        except OSError as error:
            raise refused(error, path, "locked") from error

    def events(self) -> frozenset[str]:
        """Return the events at which pre-commit or prek is started by git's settings (git 2.54, git-hook(1))."""
        said = self._repository.git(
            "config", "--null", "--get-regexp", r"^hook\..*\.(command|event)$"
        )
        found: dict[str, dict[str, list[str]]] = {}
        for line in os.fsdecode(said or b"").split("\0")[:-1]:
            key, _, value = line.partition("\n")
            name, _, kind = key.removeprefix("hook.").rpartition(".")
            found.setdefault(name, {}).setdefault(kind, []).append(value)
        return frozenset(
            event
            for each in found.values()
            if re.search(r"\b(pre-commit|pre_commit|prek)\b", " ".join(each.get("command", [])))
            for event in each.get("event", [])
        )


def _text(path: Path) -> str | None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return None


def _same(one: Path, other: Path) -> bool:
    try:
        return os.path.samestat(one.lstat(), other.lstat())
    except OSError:
        return False


def _sweep(folder: Path) -> None:
    """Remove what an envctl left that was killed while it wrote; who holds the lock alone writes."""
    for each in folder.glob(f".*{MARK}*"):
        each.unlink()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error


def _write(path: Path, script: str) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(path, flags, 0o777), "wb") as stream:
        stream.write(script.encode(errors="surrogateescape"))
        stream.flush()
        os.fsync(stream.fileno())


def _keep(path: Path, before: Path) -> None:
    """Give somebody's hook a second name; it loses the first only when ours takes its place."""
    if _same(path, before):
        return
    if os.path.lexists(before):
        raise ProjectError(
            "two hooks of somebody else's stand there, and only one of them can be kept",
            where=f"{path}, {before.name}",
            hint=f"put them together in one file, and remove {before}",
        )
    try:
        os.link(path, before, follow_symlinks=False)
    except OSError:  # a file system without links
        shutil.copy2(path, before, follow_symlinks=False)
