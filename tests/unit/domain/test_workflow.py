"""Names and patterns that GitHub reads: whatever a folder, a branch or a profile is called."""

import fnmatch
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from envctl.domain.workflow import (
    Choice,
    Workflow,
    build_secrets,
    chosen,
    filter_pattern,
    hash_pattern,
    literal,
    plain,
    runner_of,
    secret_variable,
)
from envctl.errors import ExportError

ODD = st.text(st.sampled_from(list("ab*?+[]!\\#~'\" {},()$@:%é")), min_size=1, max_size=6)
TEXTS = st.text(min_size=1, max_size=12)
STEPS = ODD.filter(lambda step: step not in (".", "..") and "/" not in step)
FOLDERS = st.lists(STEPS, min_size=1, max_size=3).map("/".join)


def filtered(pattern: str) -> re.Pattern[str]:
    """Read a filter pattern as GitHub's cheat sheet has it."""
    special = {"**": ".*", "*": "[^/]*"}
    found, rest = "", pattern
    while rest:
        token = next(
            (m[0] for m in [re.match(r"\\.|\*\*|\[[^\]]*\]|.", rest, re.DOTALL)] if m), rest[0]
        )
        rest = rest[len(token) :]
        if token in "?+":
            found += token  # zero or one, one or more, of what stands before
        elif token.startswith("[") and len(token) > 1:
            found += token
        else:
            found += special.get(token, re.escape(token.removeprefix("\\")))
    return re.compile(found, re.DOTALL)


@given(text=ODD, other=ODD)
def test_a_filter_pattern_is_just_its_text(text: str, other: str) -> None:
    pattern = filter_pattern(text)
    assert not pattern.startswith("!")
    assert filtered(pattern).fullmatch(text)
    assert bool(filtered(pattern).fullmatch(other)) == (other == text)


@given(path=FOLDERS, other=FOLDERS)
def test_a_hash_pattern_is_just_its_file(path: str, other: str) -> None:
    """By the rules of `@actions/glob`; fnmatch knows its brackets, and no backslash."""
    pattern = hash_pattern(path)
    assert pattern[0] not in " #!~"
    shell = pattern.removeprefix("./").replace("\\\\", "[\\]")
    assert fnmatch.fnmatchcase(path, shell)
    assert fnmatch.fnmatchcase(other, shell) == (other == path)


@pytest.mark.parametrize(
    ("path", "pattern"),  # these were tried with @actions/glob itself
    [
        ("pylock.toml", "pylock.toml"),
        ("a b/pylock.toml", "a b/pylock.toml"),
        ("#x/pylock.toml", "./#x/pylock.toml"),
        (" lead/[ab]?", "./ lead/[[]ab][?]"),
        ("libs/**/back\\slash", "libs/[*][*]/back\\\\slash"),
    ],
)
def test_the_spelling(path: str, pattern: str) -> None:
    assert hash_pattern(path) == pattern


@given(text=TEXTS)
def test_a_literal_is_one(text: str) -> None:
    written = literal(text)
    assert re.fullmatch(r"'(?:[^']|'')*'", written, re.DOTALL)
    assert written[1:-1].replace("''", "'") == text


def flow(folder: str) -> Workflow:
    return Workflow(
        folder=folder, branch="main", python="3.12", variants=(), logins=(), choice=Choice()
    )


@given(one=FOLDERS | TEXTS, other=FOLDERS | TEXTS)
def test_projects_of_one_repository_have_files_of_their_own(one: str, other: str) -> None:
    """They are names for files and for git's branches (git-check-ref-format(1))."""
    assume("" not in one.split("/") and "" not in other.split("/"))
    assume(not any("\ud800" <= c <= "\udfff" for c in one + other))
    suffix = flow(one).suffix
    assert re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", suffix)
    assert not suffix.startswith("-")
    assert not suffix.lower().endswith(".lock")
    assert (suffix == flow(other).suffix) == (one == other)


def test_the_usual_folder_is_readable() -> None:
    assert flow("").suffix == ""
    assert flow("libs/vision").suffix == "libs.vision"
    assert flow("libs.vision").suffix.startswith("libs-vision-")


@given(
    source=st.none() | TEXTS,
    branch=st.none() | TEXTS,
    runner=st.lists(TEXTS),
    profiles=st.lists(TEXTS),
)
def test_a_file_remembers_what_was_chosen(
    source: str | None, branch: str | None, runner: list[str], profiles: list[str]
) -> None:
    choice = Choice(
        source=source, branch=branch, runner=tuple(runner), python="3.12", profiles=tuple(profiles)
    )
    line = choice.line()
    assert line.isascii()
    assert line.splitlines() == [line]
    assert chosen(f"# seal\n{line}\nname: x\n") == choice
    assert Choice(branch="next").over(choice).branch == "next"
    assert Choice(branch="next").over(choice).source == source


@pytest.mark.parametrize(
    "line", ["", "# chosen: {", "# chosen: []", '# chosen: {"runner": 3}', '# chosen: {"from": 3}']
)
def test_what_is_no_choice_is_none(line: str) -> None:
    assert chosen(line) == Choice()
    assert chosen(None) == Choice()


@pytest.mark.parametrize("text", ["", "a\nb", "a\x00", "${{ secrets.X }}", "\ud800", "a\u2028b"])
def test_what_no_workflow_can_name(text: str) -> None:
    with pytest.raises(ExportError) as caught:
        plain(text, "--branch")
    assert caught.value.where == "--branch"
    assert caught.value.hint


def test_the_runner_is_one_that_the_lock_is_for() -> None:
    assert runner_of([]) == ("ubuntu-latest",)
    assert runner_of([("macos", "arm64"), ("linux", "x86_64")]) == ("ubuntu-latest",)
    assert runner_of([("macos", "arm64"), ("linux", "aarch64")]) == ("ubuntu-24.04-arm",)
    assert runner_of([("macos", "arm64")]) == ("macos-latest",)
    assert runner_of([("windows", "x86_64")]) == ()


def test_the_secrets_of_a_build_are_those_of_its_steps() -> None:
    dockerfile = """
    RUN --mount=type=secret,id=netrc,target=/root/.netrc --mount=type=secret,id=ca true
    RUN --mount=type=secret,id=hf_token,required=true --mount=type=cache,id=other,target=/c true
    RUN --mount=id=my-key,type=secret --mount=type=secret,id=hf_token --mount=type=secret,id=$(id) x
    """
    assert build_secrets(dockerfile) == ("hf_token", "my-key")


@given(name=st.from_regex(r"[A-Za-z0-9_.-]+", fullmatch=True))
def test_a_secret_has_a_name_that_github_takes(name: str) -> None:
    assert re.fullmatch(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*", secret_variable(name))
    assert secret_variable("hf_token") == "HF_TOKEN"
    assert secret_variable("github_token") == "SECRET_GITHUB_TOKEN"


def test_an_old_python_needs_another_one_for_envctl() -> None:
    assert flow("").pythons == ("3.12",)
    assert flow("").path("pylock.toml") == "pylock.toml"
    old = Workflow(folder="a", branch="main", python="3.9", variants=(), logins=(), choice=Choice())
    assert old.pythons == ("3.9", "3.13")
    assert old.path("pylock.toml") == "a/pylock.toml"
