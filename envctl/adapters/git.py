"""git as a source of earlier files."""

from pathlib import Path

from envctl.errors import ToolMissingError
from envctl.ports import Runner

_PATIENCE = 30.0  # seconds; a large repository on a slow disk takes some


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
