"""The commands that a refused commit is mended with: they run as they are printed, from where a person stands."""

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.finding import Finding
from envctl.usecases.hooked import mending, touched

NAMES = st.lists(
    st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=8).filter(
        lambda name: name not in (".", "..")
    ),
    min_size=1,
    max_size=3,
)


def finding(fix: str | None, file: str | None, subject: str = "x") -> Finding:
    return Finding(
        code="lock-stale",
        layer="lock",
        severity="error",
        subject=subject,
        message="it is stale",
        file=file,
        fix=fix,
    )


@pytest.mark.parametrize(
    ("fix", "files", "said"),
    [
        ("envctl lock", ["pylock.toml"], "{} lock, then git add {}pylock.toml"),
        ("envctl lock", ["pyproject.toml"], "{} lock, then git add {}pylock.toml"),
        (
            "envctl lock",
            ["pylock.cu126.toml", "pylock.cpu.toml"],
            "{} lock, then git add {}pylock.cpu.toml {}pylock.cu126.toml",
        ),
        (
            "envctl dockerize --adopt",
            ["Dockerfile.cpu"],
            "{} dockerize --adopt, then git add {}Dockerfile.cpu {}.dockerignore {}.envctl/image",
        ),
        ("envctl sync", ["pylock.toml"], "{} sync"),
        ("uv sync", ["pylock.toml"], "uv sync"),
    ],
)
def test_what_is_run_and_what_is_staged(fix: str, files: list[str], said: str) -> None:
    found = [finding(fix, each) for each in files]
    for folder, start, place in (
        (".", "envctl", ""),
        ("..", "envctl -C ..", "../"),
        ("services/api", "envctl -C services/api", "services/api/"),
    ):
        told = mending.told(found, folder)
        assert {each.fix for each in told} == {said.format(start, *[place] * 3)}
    pushed = mending.told(found, ".", push=True)[0].fix or ""
    assert ("then commit " in pushed) == (", then" in said)
    assert "git add" not in pushed
    assert mending.told([finding(None, "pylock.toml")], "a")[0].fix is None


@given(NAMES)
def test_a_shell_takes_a_folder_as_it_is(parts: list[str]) -> None:
    folder = "/".join(parts)
    (found,) = mending.told([finding("envctl lock", None)], folder)
    words = shlex.split(found.fix or "")
    assert words[:2] + words[3:7] == ["envctl", "-C", "lock,", "then", "git", "add"]
    assert Path(words[2]) == Path(folder)
    assert Path(words[7]) == Path(folder, "pylock.toml")
    assert not words[2].startswith("-")
    assert len(words) == 8


def test_git_takes_a_name_as_it_is(tmp_path: Path) -> None:
    names = ("-f", ":(top)x", "a b[c]*", "$HOME")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "pylock.toml").write_text("")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for name in names:
        call = mending.add(["pylock.toml"], name)
        subprocess.run(["/bin/sh", "-c", call], cwd=tmp_path, check=True)
    argv = ["git", "ls-files", "-z"]
    said = subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert sorted(said.split("\0")[:-1]) == sorted(f"{name}/pylock.toml" for name in names)


def test_a_report_that_is_printed_already() -> None:
    text = (
        "environment  1 error\n  error   x: mend it with: envctl sync\n"
        "    mend it with: envctl sync --adopt\n"
    )
    assert mending.from_there(text, ".") == text
    assert mending.from_there(text, "a b") == text.replace(
        "    mend it with: envctl sync", "    mend it with: envctl -C 'a b' sync"
    )


def test_a_push_is_known_by_all_that_is_said_of_it() -> None:
    said = {"PRE_COMMIT": "1", "PRE_COMMIT_REMOTE_NAME": "origin", "PRE_COMMIT_TO_REF": "b"}
    assert touched.pushed(said) == (None, "b")
    assert touched.pushed({**said, "PRE_COMMIT_FROM_REF": "a"}) == ("a", "b")
    for name in said:
        assert touched.pushed({key: said[key] for key in said if key != name}) is None
    branch = {**said, "PRE_COMMIT_TO_REF": "", "PRE_COMMIT_LOCAL_BRANCH": "refs/heads/x"}
    assert touched.pushed(branch) == (None, "refs/heads/x")
