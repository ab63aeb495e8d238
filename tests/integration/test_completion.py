"""Completion in the real shells: what a TAB makes of a line."""

import os
import pty
import select
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest

from envctl.cli import COMMANDS

MANIFEST = """\
[project]
name = "demo"
dependencies = ["numpy<3", "zz-made-app"]
[project.optional-dependencies]
plot = ["matplotlib"]
[dependency-groups]
dev = ["pytest"]
docs = ["sphinx"]
"$(touch pwned)" = []
"two words" = []
[tool.envctl.profiles.cpu]
[tool.envctl.profiles.cu126]
[tool.envctl.profiles.cu130]
"""
LOCK = """\
lock-version = "1.0"

[[packages]]
name = "numpy"

[[packages]]
name = "zz-made-app"
"""
# Completes, and otherwise writes its words down: what a shell has made of a line.
PROGRAM = """\
#!/bin/sh
if [ -n "$_ENVCTL_COMPLETE" ]; then exec {python} -m envctl; fi
if [ "$1" = completion ]; then exec {python} -m envctl "$@"; fi
for word; do printf '%s\\n' "$word"; done >"$WORDS.new"
mv "$WORDS.new" "$WORDS"
"""


@dataclass
class Desk:
    """A project, and an ``envctl`` on the ``PATH`` that completes."""

    root: Path
    environ: dict[str, str]

    def run(self, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=cwd or self.root,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def complete(self, *words: str, cwd: Path | None = None) -> list[str]:
        """Return bash's COMPREPLY for a line whose last word is being typed."""
        setup = 'eval "$(envctl completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))'
        show = '_envctl_completion envctl; for each in "${COMPREPLY[@]}"; do echo "<$each>"; done'
        done = self.run("bash", "-c", f"{setup}; {show}", "bash", "envctl", *words, cwd=cwd)
        assert done.stderr == ""
        return [line[1:-1] for line in done.stdout.splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    root = tmp_path / "pro ject"
    (root / ".envctl/machines").mkdir(parents=True)
    (root / ".envctl/machines/lab-h100.toml").touch()
    (root / "pyproject.toml").write_text(MANIFEST)
    (root / "pylock.cpu.toml").write_text(LOCK)
    program = tmp_path / "bin" / "envctl"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=shlex.quote(sys.executable)))
    program.chmod(0o755)
    environ = {
        **os.environ,
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "WORDS": str(tmp_path / "words"),
        "TERM": "xterm",
    }
    return Desk(root, environ)


def shell(name: str) -> str:
    found = which(name)
    if found is None:
        pytest.skip(f"no {name} (apt-get install {name})")
    return found


class TestBash:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("sync --profile ", ["cpu", "cu126", "cu130"]),
            ("sync --profile cu", ["cu126", "cu130"]),
            ("lock --profile cpu --profile ", ["cu126", "cu130"]),
            ("sync --group ", ["dev", "docs"]),
            ("sync --extra p", ["plot"]),
            ("tree --only-group d", ["dev", "docs"]),
            ("tree --why n", ["numpy"]),
            ("tree zz", ["zz-made-app"]),
            ("lock --upgrade nu", ["numpy"]),
            ("lock -P ", ["numpy", "zz-made-app"]),
            ("remove --group docs ", ["sphinx"]),
            ("remove ZZ_MADE", ["zz-made-app"]),
            ("add --extra ", ["plot"]),
            ("verify --only m", ["machine"]),
            ("verify --skip lock,im", ["lock,image"]),
            ("record --save ", ["lab-h100"]),
            ("activate --shell z", ["zsh"]),
            ("tree --format d", ["dot"]),
            ("export req", ["requirements"]),
            ("export requirements --profile c", ["cpu", "cu126", "cu130"]),
            ("completion ", ["bash", "zsh", "fish"]),
            ("ver", ["verify"]),
            ("verify --str", ["--strict"]),
            # What is not there, and what is wrong, completes to nothing.
            ("verfy --on", []),
            ("sync --profile x", []),
            ("-C /not/there sync --group ", []),
            ("sync 'open --group ", []),
            ("--nonsense sync --prof", []),
        ],
    )
    def test_a_line(self, desk: Desk, line: str, expected: list[str]) -> None:
        assert desk.complete(*line.split(" ")) == expected

    def test_a_value_that_is_joined_to_its_option(self, desk: Desk) -> None:
        """Readline takes the words apart at the ``=`` (COMP_WORDBREAKS)."""
        assert desk.complete("sync", "--profile", "=", "cu") == ["cu126", "cu130"]
        assert desk.complete("sync", "--profile", "=") == ["cpu", "cu126", "cu130"]
        assert desk.complete("sync", "--profile", "=", "cpu", "--group", "de") == ["dev"]

    def test_every_command(self, desk: Desk) -> None:
        assert desk.complete("") == list(COMMANDS)

    def test_from_another_folder(self, desk: Desk) -> None:
        elsewhere = desk.root.parent
        below = desk.root / "src" / "deep"
        below.mkdir(parents=True)
        assert desk.complete("sync", "--group", "", cwd=elsewhere) == []
        assert desk.complete("-C", "'pro ject'", "sync", "--group", "", cwd=elsewhere) == [
            "dev",
            "docs",
        ]
        desk.environ["HOME"] = str(elsewhere)
        assert desk.complete("-C", "~/pro\\ ject", "sync", "--group", "do", cwd=Path("/")) == [
            "docs"
        ]
        assert desk.complete("sync", "--group", "do", cwd=below) == ["docs"]

    def test_a_program_of_the_environment(self, desk: Desk) -> None:
        programs = desk.root / ".venv" / "bin"
        programs.mkdir(parents=True)
        for name in ("python", "pytest", "activate"):
            (programs / name).touch()
        assert desk.complete("run", "--", "py") == ["pytest", "python"]

    @pytest.mark.parametrize(
        "damage", ["[", "<<<<<<< HEAD\n=======\n>>>>>>> x\n", "project = 3\n", "\udcff", "\0"]
    )
    def test_a_broken_project(self, desk: Desk, damage: str) -> None:
        text = damage.encode(errors="surrogateescape")
        (desk.root / "pyproject.toml").write_bytes(text)
        (desk.root / "pylock.cpu.toml").write_bytes(text)
        for line in (("sync", "--profile", ""), ("remove", ""), ("tree", "--why", "")):
            assert desk.complete(*line) == []

    def test_nothing_is_changed_and_nobody_is_waited_for(self, desk: Desk) -> None:
        import fcntl

        before = sorted(desk.root.rglob("*"))
        with (desk.root / ".envctl/state.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert desk.complete("sync", "--group", "") == ["dev", "docs"]
        (desk.root / ".envctl/state.lock").unlink()
        assert sorted(desk.root.rglob("*")) == before


@dataclass
class Terminal:
    """A shell on a terminal of its own, as a person has it."""

    pid: int
    handle: int
    words: Path

    def until(self, mark: str) -> None:
        seen = ""
        deadline = time.monotonic() + 60
        while mark not in seen:
            ready, _, _ = select.select([self.handle], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {mark!r} in {seen!r}"
            seen += os.read(self.handle, 65536).decode(errors="replace")

    def typed(self, keys: str) -> list[str]:
        """Return the words that the program gets when these keys, and Enter, are pressed."""
        self.words.unlink(missing_ok=True)
        os.write(self.handle, f"{keys}\n".encode())
        deadline = time.monotonic() + 60
        while not self.words.exists():
            assert time.monotonic() < deadline, "the program was not started"
            ready, _, _ = select.select([self.handle], [], [], 0.05)
            if ready:
                os.read(self.handle, 65536)
        return self.words.read_text().splitlines()


SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], 'eval "$(envctl completion bash)"'),
    "zsh": (
        ["-f", "-i"],
        'autoload -U compinit; compinit -u -D; eval "$(envctl completion zsh)"',
    ),
}


@pytest.fixture(params=list(SHELLS))
def terminal(desk: Desk, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    options, setup = SHELLS[request.param]
    program = shell(request.param)
    pid, handle = pty.fork()
    if pid == 0:  # the shell: nothing of this process may go on in it
        os.chdir(desk.root)
        os.execve(program, [program, *options], desk.environ)
    made = Terminal(pid, handle, Path(desk.environ["WORDS"]))
    os.write(handle, f"{setup}; echo rea''dy\n".encode())
    made.until("ready")
    yield made
    os.close(handle)
    os.waitpid(pid, 0)


def test_a_tab_on_a_terminal(terminal: Terminal) -> None:
    assert terminal.typed("envctl sync --prof\tcu13\t") == ["sync", "--profile", "cu130"]
    assert terminal.typed("envctl syn\t--group=do\t") == ["sync", "--group=docs"]
    assert terminal.typed("envctl verify --only lock,im\t") == ["verify", "--only", "lock,image"]
    assert terminal.typed("envctl remove --group dev py\t") == [
        "remove",
        "--group",
        "dev",
        "pytest",
    ]
    assert terminal.typed("envctl lock -P zz\t") == ["lock", "-P", "zz-made-app"]


class TestFish:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("envctl sync --profile ", ["cpu", "cu126", "cu130"]),
            ("envctl sync --profile=cu", ["--profile=cu126", "--profile=cu130"]),
            ("envctl sync --group ", ["dev", "docs"]),
            ("envctl tree --why nu", ["numpy"]),
            ("envctl verify --only lock,im", ["lock,image"]),
            ("envctl verfy --on", []),
            ("envctl ver", ["verify"]),
        ],
    )
    def test_a_line(self, desk: Desk, line: str, expected: list[str]) -> None:
        code = f'envctl completion fish | source; complete -C "{line}"'
        done = desk.run(shell("fish"), "--no-config", "-c", code)
        assert done.stderr == ""
        assert sorted(each.partition("\t")[0] for each in done.stdout.splitlines()) == expected


class TestTheCommand:
    def test_the_shell_in_the_environment(self, desk: Desk) -> None:
        desk.environ["SHELL"] = "/usr/bin/zsh"
        assert desk.run("envctl", "completion").stdout.startswith("#compdef envctl")

    def test_another_shell(self, desk: Desk) -> None:
        desk.environ["SHELL"] = "/bin/tcsh"
        done = desk.run("envctl", "completion")
        assert done.returncode == 2
        assert "no completion for the shell `tcsh`" in done.stderr
        assert "bash, zsh, fish" in done.stderr
        assert desk.run("envctl", "completion", "tcsh").returncode == 2

    @pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
    def test_outside_a_project(self, desk: Desk, name: str) -> None:
        done = desk.run("envctl", "completion", name, cwd=Path("/"))
        assert done.returncode == 0
        assert done.stderr == ""
        checked = desk.run(shell(name), "-n", "-c", done.stdout)
        assert (checked.returncode, checked.stderr) == (0, "")
