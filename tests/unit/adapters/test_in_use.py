"""Which environments a process names, however it names the project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envctl.adapters.in_use import mentioned

WAITS = [sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a project whose path has whatever might end a path, but for a colon."""
    folder = tmp_path / "a =b\nc" / "pro ject"
    for name in ("one", "two"):
        (folder / ".envctl" / "envs" / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    return folder


def seen(root: Path, *, argument: str = "", cwd: Path | None = None, **env: str) -> set[str]:
    process = subprocess.Popen(
        [*WAITS, argument],
        cwd=cwd,
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        return mentioned(root)
    finally:
        process.communicate(b"")


def test_nobody(root: Path) -> None:
    assert mentioned(root) == set()


def test_another_project_with_the_same_names(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / ".envctl" / "envs" / "one").mkdir(parents=True)
    assert seen(root, argument=f"{other}/.envctl/envs/one/bin/python") == set()


def test_by_a_link(root: Path, tmp_path: Path) -> None:
    assert seen(root, argument=f"{tmp_path}/link/.envctl/envs/two/bin/python") == {"two"}


def test_by_a_relative_path(root: Path) -> None:
    assert seen(root, argument=".envctl/envs/one/bin/x", cwd=root) == {"one"}
    assert seen(root, argument="../.envctl/envs/one", cwd=root / ".envctl") == {"one"}


def test_in_a_search_path(tmp_path: Path) -> None:
    folder = tmp_path / "pro = ject"
    (folder / ".envctl" / "envs" / "one").mkdir(parents=True)
    path = f"/bin:{folder}/.envctl/envs/one/bin:/usr/bin"
    assert seen(folder, PATH=path) == {"one"}
    assert seen(folder, VIRTUAL_ENV=f"{folder}/.envctl/envs/one") == {"one"}
