"""git as a source of earlier files."""

import re
from pathlib import Path

from envctl.errors import ToolFailedError, ToolMissingError
from envctl.ports import Completed, Runner

_PATIENCE = 30.0  # seconds; a large repository on a slow disk takes some
_SAFE = re.compile(r"safe\.directory \S.*")  # in every language that git speaks


def committed(run: Runner, root: Path, name: str) -> str | None:
    """Return a file's text in the last commit; ``None``: no git, no repository, no commit, or not in it."""
    try:
        done = run(["git", "show", f"HEAD:./{name}"], cwd=root)
    except ToolMissingError:
        return None
    return done.stdout if done.code == 0 else None


def dirty(run: Runner, root: Path) -> bool | None:
    """Whether a tracked file of the repository differs from its last commit; ``None``: git does not say.

    As ``git describe --dirty`` has it: a file that git does not know does not count.
    """
    # Another git may be at work here: its index is not ours to refresh.
    argv = ["git", "--no-optional-locks", "status", "--porcelain", "--untracked-files=no"]
    try:
        done = run(argv, cwd=root, timeout=_PATIENCE)
    except ToolMissingError:
        return None
    return bool(done.stdout.strip()) if done.code == 0 else None


def place(run: Runner, root: Path) -> tuple[Path, str] | None:
    """Return the top of the repository that a folder lies in, and the folder as seen from there; ``None``: in none.

    The folder ends without a slash, and is empty for the top itself. Raises ``ToolFailedError`` where git refuses the
    repository: its top is not known then.
    """
    argv = ["git", "rev-parse", "--show-toplevel", "--show-prefix"]
    try:
        done = run(argv, cwd=root, timeout=_PATIENCE)
    except ToolMissingError:
        return None
    _trusted(done, root)
    if done.code != 0:
        return None
    top, _, prefix = done.stdout.partition("\n")
    return Path(top), prefix.removesuffix("\n").removesuffix("/")


def default_branch(run: Runner, root: Path) -> str:
    """Return the branch that a clone starts with, as the remote has it; else a usual name that there is; ``main``."""
    argv = ["git", "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]
    try:
        told = run(argv, cwd=root, timeout=_PATIENCE)
        if told.code == 0:
            return told.stdout.strip().removeprefix("origin/")
        listed = ["git", "for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes/origin"]
        found = {name.rpartition("/")[2] for name in run(listed, cwd=root).stdout.split()}
    except ToolMissingError:
        return "main"
    return next((name for name in ("main", "master", "trunk") if name in found), "main")


def revision(run: Runner, root: Path, word: str) -> str | None:
    """Return the commit that a word means (``HEAD~1``, a branch, ``a...b``: where two parted); ``None``: none.

    Raises ``ToolFailedError`` where git refuses the repository: that is not for want of a commit.
    """
    if "..." in word:
        argv = ["git", "merge-base", *(side or "HEAD" for side in word.split("...", 1))]
    else:
        argv = ["git", "rev-parse", "--verify", "--quiet", f"{word}^{{commit}}"]
    if word.startswith("-") or not word:
        return None
    try:
        done = run(argv, cwd=root, timeout=_PATIENCE)
    except ToolMissingError:
        return None
    _trusted(done, root)
    return done.stdout.strip() if done.code == 0 else None


def _trusted(done: Completed, root: Path) -> None:
    if refused := _SAFE.search(done.stderr):
        raise ToolFailedError(
            "git does not read this repository, because its folder belongs to another user",
            where=str(root),
            hint=f"`git config --global --add {refused[0]}`, if you trust its owner",
            details=done.stderr,
        )


def listing_at(run: Runner, root: Path, commit: str) -> tuple[str, ...]:
    """Return the names of what a commit has in this folder of its repository."""
    done = run(["git", "ls-tree", "-z", "--name-only", commit], cwd=root, timeout=_PATIENCE)
    return tuple(filter(None, done.stdout.split("\0"))) if done.code == 0 else ()


def text_at(run: Runner, root: Path, commit: str, path: str) -> str | None:
    """Return a file's text in a commit (empty: as it is staged); ``None``: it has none.

    The path is seen from this folder or else, as git sees it, from the top of the repository. No filter of the
    user's changes the text.
    """
    for place in (f"./{path}", path):
        argv = ["git", "cat-file", "blob", f"{commit}:{place}"]
        done = run(argv, cwd=root, timeout=_PATIENCE)
        if done.code == 0:
            return done.stdout
    return None
