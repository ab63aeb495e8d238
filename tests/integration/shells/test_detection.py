"""Which shell it is: `envctl` started from each real one, directly and through what may stand between."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import shellingham

from envctl.adapters.parent_shell import parent_shell
from envctl.errors import UsageError
from envctl.usecases.activate import chosen
from tests.integration.shells.dialects import DIALECTS
from tests.integration.shells.stage import build, missing
from tests.integration.shells.steps import Dialect

ROOT = Path(__file__).parents[3]
MANIFEST = """\
[project]
name = "demo"
version = "1"

[tool.envctl]
managed = false

[tool.envctl.env]
A = "1"
"""
PROGRAM = f"""\
#!/bin/sh
"exec" "{sys.executable}" "$0" "$@"  # for Python a text: the interpreter's path may hold a space, which `#!` takes not
import sys
sys.path.insert(0, {str(ROOT)!r})
from envctl.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with an environment, and `envctl` as a program beside it."""
    root = tmp_path_factory.mktemp("project").resolve()
    (root / "pyproject.toml").write_text(MANIFEST)
    build(root / ".venv")
    program = root / "programs/envctl"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return root


def run(
    argv: Sequence[str], project: Path, env: Mapping[str, str] | None = None, lines: str = ""
) -> subprocess.CompletedProcess[str]:
    path = f"{project / 'programs'}:{os.environ['PATH']}"
    return subprocess.run(
        argv,
        cwd=project,
        env={"PATH": path, "HOME": str(project), "LC_ALL": "C.UTF-8", **(env or {})},
        input=lines,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def printed(project: Path, shell: str) -> str:
    done = run(["envctl", "activate", "--shell", shell], project)
    assert done.returncode == 0, done.stderr
    return done.stdout


def which(name: str) -> str:
    return shutil.which(name) or missing(DIALECTS[name])


def test_each_shell_is_told_from_the_process(shell: Dialect, project: Path, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_text("envctl activate\n")
    done = run(shell.argv(body), project, {"SHELL": "/bin/other"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == printed(project, shell.NAME)


def test_a_login_shell_is_the_one_that_runs(project: Path) -> None:
    """`exec -l fish` in a zsh: $SHELL is still the zsh."""
    fish = f"exec -a -fish {which('fish')} --no-config -c 'envctl activate; true'"
    done = run([which("bash"), "-c", fish], project, {"SHELL": which("zsh")})
    assert done.stdout == printed(project, "fish")


@pytest.mark.parametrize(
    "between",
    [
        '{python} -c \'import subprocess as s; s.run(["envctl", "activate"])\'',
        "env envctl activate",
        "nice {python} -m envctl activate",
        "setsid -w envctl activate",
    ],
)
def test_what_stands_between_is_passed_over(between: str, project: Path) -> None:
    line = between.format(python=shlex.quote(sys.executable))
    argv = [which("tcsh"), "-f", "-c", f"{line}; true"]
    done = run(argv, project, {"SHELL": "/bin/bash", "PYTHONPATH": str(ROOT)})
    assert done.stdout == printed(project, "tcsh")


def test_a_script_in_another_shell_is_that_shells(project: Path, tmp_path: Path) -> None:
    """Whatever it prints, that script reads: a Makefile's line, a wrapper, `bash -c`."""
    wrapper = tmp_path / "wrapper"
    wrapper.write_text("#!/bin/sh\nenvctl activate\ntrue\n")
    wrapper.chmod(0o755)
    done = run([which("fish"), "--no-config", "-c", f"{wrapper}; true"], project)
    assert done.stdout == printed(project, "sh")


def test_a_wrapper_that_becomes_envctl_is_none(project: Path, tmp_path: Path) -> None:
    """As pyenv's shims do."""
    shim = tmp_path / "shim"
    shim.write_text('#!/usr/bin/env bash\nexec envctl "$@"\n')
    shim.chmod(0o755)
    done = run([which("fish"), "--no-config", "-c", f"{shim} activate; true"], project)
    assert done.stdout == printed(project, "fish")


@pytest.mark.parametrize("command", ["activate", "shell"])
def test_an_unknown_shell_is_said_with_the_next_step(
    command: str, project: Path, tmp_path: Path
) -> None:
    elvish = tmp_path / "elvish"
    shutil.copy(which("dash"), elvish)
    done = run([str(elvish), "-c", f"envctl {command}; exit $?"], project, {"SHELL": "/bin/sh"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "envctl does not know the shell `elvish`" in done.stderr
    assert "where: the shell that started envctl" in done.stderr
    assert all(name in done.stderr for name in ("--shell", *DIALECTS, "envctl run -- COMMAND"))
    named = run([str(elvish), "-c", "envctl activate --shell sh; exit $?"], project)
    assert named.stdout == printed(project, "sh")


def test_an_unknown_shell_that_is_named_is_a_usage_error(project: Path) -> None:
    done = run(["envctl", "activate", "--shell", "elvish"], project)
    assert (done.returncode, done.stdout) == (2, "")
    assert "where: --shell" in done.stderr
    assert all(name in done.stderr for name in DIALECTS)


@pytest.mark.parametrize("name", ["bash", "fish", "tcsh"])
def test_a_subshell_is_of_the_same_kind(name: str, project: Path, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_text("envctl shell\n")
    own = "$fish_pid" if name == "fish" else "$$"
    lines = f"env | grep ^A=\nreadlink /proc/{own}/exe\nexit 7\n"
    done = run(DIALECTS[name].argv(body), project, {"SHELL": "/bin/sh"}, lines)
    shown = done.stdout.splitlines()
    assert any(line.endswith("A=1") for line in shown), done.stdout + done.stderr
    assert any(line.endswith(name) for line in shown), done.stdout + done.stderr
    assert done.returncode == 7


@pytest.mark.parametrize(
    "error", [shellingham.ShellDetectionFailure(), PermissionError(), TypeError(), IndexError()]
)
def test_where_nothing_can_be_seen_there_is_none(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def detect_shell() -> tuple[str, str]:
        raise error

    monkeypatch.setattr(shellingham, "detect_shell", detect_shell)
    monkeypatch.setenv("SHELL", "/bin/zsh")
    assert parent_shell() is None
    assert os.environ["SHELL"] == "/bin/zsh"


def test_then_it_is_the_users_own_or_sh() -> None:
    def unseen() -> None:
        return None

    assert chosen(None, {"SHELL": "/usr/bin/fish"}, unseen) == "/usr/bin/fish"
    assert chosen(None, {}, unseen) == "sh"
    assert chosen("tcsh", {"SHELL": "/usr/bin/fish"}, lambda: "/bin/zsh") == "tcsh"
    assert chosen(None, {"SHELL": "/usr/bin/fish"}, lambda: "-zsh") == "-zsh"
    with pytest.raises(UsageError) as failed:
        chosen(None, {"SHELL": "/bin/false"}, unseen)
    assert failed.value.where == "$SHELL"
