"""The scripts that git starts: run by a real ``sh``, with a program of ours in the place of envctl."""

import os
import subprocess
from pathlib import Path

import pytest

from envctl.domain.hooks import GIT_HOOKS, HOOKS, NAMES, in_order
from envctl.emitters import git_hook

ODD = 'it\'s "a" $HOME `id`; # ü\nb'
ECHO = '#!/bin/sh\nprintf "<%s>" "$@" >> "$SAID"\nexit "${CODE:-0}"\n'


def start(tmp_path: Path, text: str, *words: str, **environ: str) -> tuple[int, str]:
    """Return a script's answer, and what envctl was called with."""
    folder = tmp_path / ODD
    folder.mkdir(exist_ok=True)
    hook = folder / "hook"
    hook.write_text(text)
    said = tmp_path / "said"
    said.unlink(missing_ok=True)
    env = {"PATH": os.defpath, "SAID": str(said), **environ}
    done = subprocess.run(
        ["/bin/sh", str(hook), *words], env=env, capture_output=True, text=True, check=False
    )
    return done.returncode, (said.read_text() if said.exists() else "") + done.stderr


@pytest.fixture
def python(tmp_path: Path) -> str:
    path = tmp_path / f"python {ODD}"
    path.write_text(ECHO)
    path.chmod(0o755)
    return str(path)


def test_each_hook_is_started_with_its_own_words(tmp_path: Path, python: str) -> None:
    every = in_order(NAMES)
    for name in GIT_HOOKS:
        text = git_hook.script(name, every, python=python, flags="-E -P")
        code, said = start(tmp_path, text, "1 a", "2 b", "1")
        assert code == 0
        calls = said.split("<-E><-P><-m><envctl>")[1:]
        assert [each.split("><")[2].rstrip(">") for each in calls] == [
            hook.name for hook in HOOKS if name in hook.stages
        ]
        told = "<--from><1 a><--to><2 b>" in said
        assert told == (name == "post-checkout")
        assert git_hook.named(text) == tuple(hook.name for hook in HOOKS)


def test_a_commit_is_refused_and_a_checkout_goes_on(tmp_path: Path, python: str) -> None:
    for name in GIT_HOOKS:
        text = git_hook.script(name, in_order(NAMES), python=python)
        code, said = start(tmp_path, text, "a", "b", "1", CODE="3")
        assert code == (3 if name.startswith("pre-") else 0)
        assert said.count("<hooks><run>") == 1  # the first to refuse ends it


@pytest.mark.parametrize("python", [None, "/nowhere/python"])
def test_envctl_on_the_path_or_none(tmp_path: Path, python: str | None) -> None:
    text = git_hook.script("pre-commit", in_order(["verify"]), python=python)
    code, said = start(tmp_path, text)
    assert code == 1
    assert "envctl was not found" in said
    assert "next: " in said
    other = git_hook.script("post-merge", in_order(["environment"]), python=python)
    assert start(tmp_path, other)[0] == 0
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "envctl").write_text(ECHO)
    (tmp_path / "bin" / "envctl").chmod(0o755)
    path = f"{tmp_path}/bin:{os.defpath}"
    assert start(tmp_path, text, PATH=path) == (0, "<hooks><run><verify><--stage><pre-commit>")


def test_the_hook_before_goes_first_and_its_answer_counts(tmp_path: Path, python: str) -> None:
    for name, hooks in (("pre-commit", ["verify"]), ("post-checkout", ["environment"])):
        text = git_hook.script(name, in_order(hooks), python=python)
        assert start(tmp_path, text, "x", "y", "z")[0] == 0
        before = tmp_path / ODD / f"{name}.before-envctl"
        before.write_text('#!/bin/sh\nprintf "first:%s " "$*" >> "$SAID"\nexit "$BEFORE"\n')
        assert "first" not in start(tmp_path, text, "x", "y", "z")[1]  # it may not be executed
        before.chmod(0o755)
        code, said = start(tmp_path, text, "x", "y", "z", BEFORE="0")
        assert code == 0
        assert said.startswith("first:x y z <")
        code, said = start(tmp_path, text, "x", "y", "z", BEFORE="7")
        assert code == 7
        assert ("<hooks>" in said) == (name == "post-checkout")


@pytest.mark.parametrize("text", ["", "#!/bin/sh\n", "#!/bin/sh\n# envctl hooks: verify\n"])
def test_a_script_of_somebody_else_s(text: str) -> None:
    assert git_hook.named(text) is None
