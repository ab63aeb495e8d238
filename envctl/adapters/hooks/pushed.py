"""What is pushed, as an index of its own: the door that judges what is staged then judges a commit that is pushed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from envctl.adapters.hooks.repository import Repository
from envctl.errors import ToolFailedError

_PLAIN = ("-c", "core.splitIndex=false", "-c", "core.fsmonitor=false")


@contextmanager
def at(repository: Repository, commit: str) -> Iterator[Repository | None]:
    """Give the repository with the files of a commit staged, in an index that is thrown away.

    ``None``: the repository has no such commit. The real index is not touched; what it knows of unchanged files is
    taken along (``--reset`` keeps it), so that these need not be read again. Raises ``ToolFailedError``.
    """
    tree = repository.tree(commit)
    if tree is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="envctl-push-") as folder:
        index = Path(folder, "index")
        with suppress(OSError):  # there may be none yet
            # With its time: git takes files changed since then for changed (racy-git in git's own documentation).
            shutil.copy2(repository.index, index)
        there = replace(repository, env={**repository.env, "GIT_INDEX_FILE": os.fspath(index)})
        if there.git(*_PLAIN, "read-tree", "--reset", tree) is None:
            raise ToolFailedError(
                f"git does not read what is pushed: {commit}",
                where=str(repository.top),
                hint="see `git fsck`",
            )
        there.git(*_PLAIN, "update-index", "-q", "--refresh")  # what differs is no failure here
        yield there
