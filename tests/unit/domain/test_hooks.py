"""Which project a file of a repository belongs to, and which hooks there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.hooks import (
    COMMIT_HOOKS,
    GIT_HOOKS,
    HOOKS,
    NAMES,
    folder_of,
    git_hooks,
    in_order,
)
from envctl.errors import UsageError

NAME = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=8)
FOLDER = st.lists(NAME.filter(lambda name: name != ".envctl"), max_size=3).map("/".join)
OWN = st.sampled_from(
    [
        *("pyproject.toml", "pylock.toml", "pylock.cu126.toml", "Dockerfile", "Dockerfile.cu126"),
        *(".dockerignore", "Dockerfile.cpu.dockerignore", ".envctl/machines/a.toml"),
        *(".envctl/image/pylock.toml", ".envctl/image/cpu/Dockerfile", ".envctl/image/a\nb"),
    ]
)
OTHER = st.sampled_from(
    ["train.py", "pylock.md", ".envctl/local.toml", "pylock.a.b.toml", "uv.lock"]
)


@given(FOLDER, OWN)
def test_a_file_belongs_to_the_folder_in_which_it_lies(folder: str, name: str) -> None:
    assert folder_of(f"{folder}/{name}" if folder else name) == folder


@given(FOLDER, OTHER)
def test_other_files_belong_to_none(folder: str, name: str) -> None:
    assert folder_of(f"{folder}/{name}" if folder else name) is None


def test_hooks_by_their_names() -> None:
    assert in_order(reversed(NAMES)) == HOOKS
    assert in_order(["envctl-verify", "verify"]) == in_order(["verify"])
    assert git_hooks(HOOKS) == GIT_HOOKS
    assert git_hooks(in_order(["lock"])) == COMMIT_HOOKS
    with pytest.raises(UsageError, match="there is no hook `nope`"):
        in_order(["nope"])
