"""The git repository that a hook runs in, as git's own variables say (githooks(5), gitrepository-layout(5))."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from envctl.adapters.process import raw
from envctl.errors import ProjectError, ToolFailedError

_PATHSPECS = ("GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS")
_MEANINGS = (*_PATHSPECS, "GIT_ICASE_PATHSPECS", "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS")
_LOCAL = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE"),
    *("GIT_QUARANTINE_PATH", "GIT_IMPLICIT_WORK_TREE", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE"),
)


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A work tree and its repository; every call of git is about these, wherever it is made from."""

    top: Path
    git_dir: Path
    env: Mapping[str, str]

    @cached_property
    def common(self) -> Path:
        """What all worktrees of the repository share."""
        return _asked(self.top, self.env, "--git-common-dir") or self.git_dir

    @cached_property
    def hooks(self) -> Path:
        """Where git looks for hooks: ``core.hooksPath`` counts."""
        return _asked(self.top, self.env, "--git-path", "hooks") or self.git_dir / "hooks"

    @property
    def index(self) -> Path:
        """The file of what is staged."""
        return _asked(self.top, self.env, "--git-path", "index") or self.git_dir / "index"

    def tree(self, commit: str) -> str | None:
        """Return the name of the tree of a commit or tag; ``None``: there is none."""
        argv = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{tree}}")
        found = self.git(*argv)
        return None if found is None else os.fsdecode(found).strip()

    def git(self, *arguments: str, cwd: Path | None = None) -> bytes | None:
        """Return what git wrote; ``None``: it refused."""
        code, out, _ = raw(["git", *arguments], cwd=cwd or self.top, env=self.env)
        return out if code == 0 else None

    def names(self, *arguments: str, cwd: Path | None = None) -> tuple[str, ...] | None:
        """Return the names that git wrote with NUL between."""
        out = self.git(*arguments, cwd=cwd)
        return None if out is None else tuple(os.fsdecode(out).split("\0")[:-1])

    def staged_names(self) -> tuple[str, ...]:
        """Return the files that the commit changes or removes; raises ``ToolFailedError``."""
        found = self.names("diff", "--cached", *_DIFF)
        if found is None:
            raise ToolFailedError(
                "git does not say what is staged", where=str(self.top), hint="see `git status`"
            )
        return found

    def changed(self, old: str, new: str) -> tuple[str, ...] | None:
        """Return the files that differ between two commits; ``None``: that cannot be said."""
        if old.strip("0") == "" or new.strip("0") == "" or old.startswith("-"):
            return None
        return self.names("diff", *_DIFF, old, new, "--")

    def manifests(self) -> tuple[str, ...]:
        """Return every ``pyproject.toml`` that git has."""
        return self.names("ls-files", "-z", "--", ":(top,glob)**/pyproject.toml") or ()

    def midway(self) -> bool:
        """Whether a rebase or a bisection is at work: it checks out what nobody works on."""
        marks = ("rebase-merge", "rebase-apply", "BISECT_LOG")
        return any((self.git_dir / each).exists() for each in marks)

    def ignored(self, path: Path) -> bool:
        """Whether git ignores a file or folder of the work tree."""
        return self.git("check-ignore", "--quiet", "--", str(path)) is not None


_PLACES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
_DIFF = ("--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-relative")


def opened(folder: Path, environ: Mapping[str, str]) -> Repository | None:
    """Return the repository that ``folder`` lies in, or that git says; ``None``: there is none.

    Raises ``ProjectError`` for a repository without a work tree.
    """
    env = {name: value for name, value in environ.items() if name not in _MEANINGS}
    # As seen from where git started us, which need not be `folder`.
    env |= {name: os.path.abspath(env[name]) for name in _PLACES if env.get(name)}  # noqa: PTH100  # links stay
    git_dir = _asked(folder, env, "--git-dir")
    if git_dir is None:
        _refuse_broken(folder, env)
        return None
    top = _top(folder, env, git_dir)
    if top is None:
        raise ProjectError(
            "this is a git repository without a work tree",
            where=str(git_dir),
            hint="run this in a clone, or in a worktree (`git worktree add`)",
        )
    return Repository(
        top=top,
        git_dir=git_dir,
        env={**env, "GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(top), "GIT_OPTIONAL_LOCKS": "0"},
    )


def _refuse_broken(folder: Path, env: Mapping[str, str]) -> None:
    """Say why there is no repository, where that is not simply so: another user's, or a broken one."""
    _, _, said = raw(["git", "rev-parse", "--git-dir"], cwd=folder, env={**env, "LC_ALL": "C"})
    reason = said.removeprefix("fatal: ").split("\n")[0]
    if reason and not reason.startswith("not a git repository"):
        raise ToolFailedError(
            f"git does not work here: {reason}", where=str(folder), hint="see `git status`"
        )


def _top(folder: Path, env: Mapping[str, str], git_dir: Path) -> Path | None:
    """Return the top of the work tree: with ``GIT_DIR`` alone git would take any folder for it."""
    free = {name: value for name, value in env.items() if name not in _LOCAL}
    alone = "GIT_DIR" in env and "GIT_WORK_TREE" not in env
    if alone and _asked(folder, free, "--git-dir") == git_dir:
        env = free
    return _asked(folder, env, "--show-toplevel")


def _asked(folder: Path, env: Mapping[str, str], *words: str) -> Path | None:
    argv = ["git", "rev-parse", "--path-format=absolute", *words]
    code, out, _ = raw(argv, cwd=folder, env=env)
    said = os.fsdecode(out).removesuffix("\n")
    return Path(said) if code == 0 and said else None


def plain(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those by which git tells a hook's own calls of git where to look."""
    return {name: value for name, value in environ.items() if name not in _LOCAL}
