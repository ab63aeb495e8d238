"""git as a source of earlier files."""

from pathlib import Path

from envctl.errors import ToolMissingError
from envctl.ports import Runner


def committed(run: Runner, root: Path, name: str) -> str | None:
    """Return a file's text in the last commit; ``None``: no git, no repository, no commit, or not in it."""
    try:
        done = run(["git", "show", f"HEAD:./{name}"], cwd=root)
    except ToolMissingError:
        return None
    return done.stdout if done.code == 0 else None
