"""`envctl run` becomes the command: what a process has from its parent is as if envctl had not been there."""

import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import virtualenv

from tests.integration.trouble import environment, project, put_back
from tests.integration.world import World

WAYS = {
    "fast": (sys.executable, "-m", "envctl"),
    "whole": (sys.executable, "-c", "from envctl.cli import cli; cli(prog_name='envctl')"),
}
"""The fast path, where the note of an earlier command still holds; and the program without it."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with project(tmp_path_factory.mktemp("run")) as world:
        yield world


@pytest.fixture
def world(made: World) -> World:
    """Give the project with the note of one `run`."""
    put_back(made)
    subprocess.run([*WAYS["fast"], "run", "true"], cwd=made.root, env=environment(made), check=True)
    return made


@pytest.fixture(params=WAYS)
def run(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return (*WAYS[request.param], "run")


def start(
    world: World,
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: bytes | int | None = None,
    **more: object,
) -> "subprocess.CompletedProcess[bytes]":
    given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    done = subprocess.run(  # type: ignore[call-overload]
        list(argv),
        cwd=world.root,
        env={**environment(world), **(env or {})},
        capture_output=True,
        timeout=60,
        check=False,
        **given,
        **more,
    )
    assert b"Traceback" not in done.stderr, done.stderr
    found: subprocess.CompletedProcess[bytes] = done
    return found


def python(code: str) -> list[str]:
    return ["--", "python", "-c", code]


def test_it_is_the_process_that_was_started(world: World, run: tuple[str, ...]) -> None:
    code = "import os; print(os.getpid(), os.getppid(), os.getpgid(0))"
    process = subprocess.Popen(
        [*run, *python(code)], cwd=world.root, env=environment(world), stdout=subprocess.PIPE
    )
    out, _ = process.communicate(timeout=60)
    assert out.split() == [b"%d" % n for n in (process.pid, os.getpid(), os.getpgid(0))]


def test_every_byte_goes_through(world: World, run: tuple[str, ...]) -> None:
    data = bytes(range(256)) * 2000
    assert start(world, [*run, "--", "cat"], stdin=data).stdout == data


def test_what_the_command_does_not_read_is_left_to_the_next(
    world: World, run: tuple[str, ...]
) -> None:
    """No buffer of envctl's swallows the start of a pipe."""
    words = shlex.join(run)
    done = start(world, ["sh", "-c", f"{words} -- head -c 3; cat"], stdin=b"onetwo")
    assert done.stdout == b"onetwo"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_the_commands_own(world: World, run: tuple[str, ...], number: int) -> None:
    code = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda n, _: sys.exit(40))\n"
        "print('up', flush=True)\n"
        "while True: signal.pause()\n"
    )
    process = subprocess.Popen(
        [*run, *python(code)], cwd=world.root, env=environment(world), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(number)
    assert process.wait(60) == 40
    process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_handles_no_signal_dies_of_it(
    world: World, run: tuple[str, ...], number: int
) -> None:
    process = subprocess.Popen(
        [*run, "--", "sh", "-c", "echo up; exec sleep 60"],
        cwd=world.root,
        env=environment(world),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(number)
    assert process.wait(60) == -number
    process.stdout.close()


def test_a_signal_that_the_caller_ignores_stays_ignored(world: World, run: tuple[str, ...]) -> None:
    """As `nohup` and a shell's `&` have it."""
    words = shlex.join(run)
    script = "trap '' INT HUP; " + words + " -- sh -c 'kill -INT $$; kill -HUP $$; echo alive'"
    assert start(world, ["sh", "-c", script]).stdout == b"alive\n"


def test_a_closed_pipe_ends_it_quietly(world: World, run: tuple[str, ...]) -> None:
    words = shlex.join(run)
    script = f'{{ {words} -- sh -c "while echo y; do :; done"; echo "$?" >&2; }} | head -n 1'
    done = start(world, ["sh", "-c", script])
    assert done.stdout == b"y\n"
    assert done.stderr.strip() == b"%d" % (128 + signal.SIGPIPE)


def test_open_files_are_passed_on(world: World, run: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.write(write, b"through")
    os.close(write)
    code = f"import os; print(os.read({read}, 99))"
    assert start(world, [*run, *python(code)], pass_fds=[read]).stdout == b"b'through'\n"
    os.close(read)


def test_two_more_are_open_out_of_the_way(world: World, run: tuple[str, ...]) -> None:
    """They hold the environment and the run's description; 3 to 9 are what scripts take for their own."""
    code = "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"
    found = json.loads(start(world, [*run, *python(code)]).stdout)
    bare = json.loads(
        start(world, [str(world.root / ".venv" / "bin" / "python"), "-c", code]).stdout
    )
    more = set(found) - set(bare)
    assert len(more) == 2
    assert min(more) >= 64


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-", ">&-"])
def test_what_the_caller_closed_stays_closed(
    world: World, run: tuple[str, ...], closed: str, tmp_path: Path
) -> None:
    """A file that envctl opened must not become the command's input or output."""
    look = 'for n in 0 1 2; do [ -e /proc/$$/fd/$n ] && echo $n; done > "$1"; exit 0'
    found = []
    for name, words in (("with", [*run, "--"]), ("without", [])):
        out = tmp_path / name
        command = shlex.join([*words, "sh", "-c", look, "sh", str(out)])
        start(world, ["sh", "-c", f"{command} {closed}"])
        found.append(out.read_text(encoding="utf-8"))
    assert found[0] == found[1]


def test_a_very_large_environment(world: World, run: tuple[str, ...]) -> None:
    limit = resource.getrlimit(resource.RLIMIT_STACK)[0]
    if 0 <= limit < 8 << 20:
        pytest.skip("this machine passes on less")
    large = {f"ZZ_{n}": chr(97 + n % 26) * 100_000 for n in range(14)} | {
        "ZZ_LINES": "a\nb\n\\\0"[:-1]
    }
    code = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k[:3] == 'ZZ_'}))"
    assert json.loads(start(world, [*run, *python(code)], env=large).stdout) == large


def test_more_than_the_system_takes_is_said(world: World, run: tuple[str, ...]) -> None:
    done = start(world, [*run, "--env", f"A={'x' * 100_000}", "--", "true", *["y" * 100_000] * 18])
    if done.returncode:
        assert done.returncode == 4
        assert b"more arguments and variables than the system takes" in done.stderr


WORDS = ["--help", "-c", "--", "--env", "A=1", "--json", "--explain", "--isolated", "-", "", "-C"]


@pytest.mark.parametrize("dashes", [["--"], []], ids=["after --", "without --"])
def test_the_commands_options_are_its_own(
    world: World, run: tuple[str, ...], dashes: list[str]
) -> None:
    show = ["python", "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", *WORDS]
    assert json.loads(start(world, [*run, *dashes, *show]).stdout) == WORDS


def test_a_program_whose_name_looks_like_an_option(world: World, run: tuple[str, ...]) -> None:
    for name in ("--env", "-x"):
        tool = world.write(name, "#!/bin/sh\necho mine\n")
        tool.chmod(0o755)
    env = {"PATH": f"{world.root}:{os.environ['PATH']}"}
    for name in ("--env", "-x"):
        assert start(world, [*run, "--", name], env=env).stdout == b"mine\n"


def test_variables_of_the_command_line(world: World, run: tuple[str, ...]) -> None:
    given = ["--env", "A=1", "--env", "B=", "--env", "A=x=y z", "--env", "PYTHONHASHSEED=3"]
    code = "import json, os; print(json.dumps([os.environ.get(n) for n in ('A', 'B', 'PYTHONHASHSEED')]))"
    assert json.loads(start(world, [*run, *given, *python(code)]).stdout) == ["x=y z", "", "3"]
    done = start(world, [*run, "--env", "PATH=/nowhere", "--", "true"])
    assert done.returncode == 4
    assert start(world, [*run, "--env", "PATH=", "--", "true"]).returncode == 4
    for wrong in ("A", "=1", "1A=2", "A-B=1", "É=1"):
        refused = start(world, [*run, "--env", wrong, "--", "true"])
        assert (refused.returncode, refused.stdout) == (2, b"")
        assert b"write it as NAME=VALUE" in refused.stderr
    assert start(world, [*run, "--env", "--", "true"]).returncode == 2


def test_a_sync_under_it_does_no_harm(world: World, run: tuple[str, ...]) -> None:
    """What is imported after the sync comes from the old files, in its own child processes too."""
    code = (
        "import subprocess, sys; print('up', flush=True); sys.stdin.read();"
        "import zz_made_test; print(zz_made_test.__version__, flush=True);"
        "subprocess.run(['python', '-c', 'import zz_made_test, sys; print(sys.prefix)'], check=True)"
    )
    real = os.path.realpath(world.root / ".venv")
    process = subprocess.Popen(
        [*run, *python(code)],
        cwd=world.root,
        env=environment(world),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    for options in (["--no-default-groups"], ["--no-default-groups", "--extra", "plot"]):
        start(world, [*WAYS["whole"], "sync", *options])
        assert os.path.realpath(world.root / ".venv") != real
    out, _ = process.communicate(b"", timeout=60)
    assert out.decode().split("\n") == ["3.0", real, ""]
    assert process.returncode == 0


@pytest.mark.parametrize("inner", ["virtualenv", "ours"])
def test_ours_comes_first_whatever_is_active(
    world: World, run: tuple[str, ...], inner: str, tmp_path: Path
) -> None:
    """Another environment activated inside ours, or ours itself."""
    other = tmp_path / "other"
    virtualenv.cli_run([str(other), "--no-seed"], setup_logging=False)
    (other / "bin" / "zz-only-there").symlink_to("/bin/true")
    real = os.path.realpath(world.root / ".venv")
    second = f". {shlex.quote(str(other))}/bin/activate && " if inner == "virtualenv" else ""
    code = "import os, sys; print(os.environ['PATH'], os.environ['VIRTUAL_ENV'], sys.prefix, sep='\\n')"
    words = shlex.join([*run, *python(code)])
    there = shlex.join([*run, "--", "zz-only-there"])
    script = f". .venv/bin/activate && {second} {words} && {there}"
    done = start(world, ["bash", "-c", script])
    path, active, prefix = done.stdout.decode().splitlines()
    folders = path.split(":")
    assert folders[0] == f"{real}/bin"
    assert (active, prefix) == (real, real)
    assert folders.count(f"{real}/bin") == 1
    # The rest of the caller's PATH stays: envctl itself may live in the environment that was active.
    assert done.returncode == (0 if inner == "virtualenv" else 4)
    assert [f"{other}/bin"] * (inner == "virtualenv") == folders[1 : 1 + (inner == "virtualenv")]


def test_a_folder_that_is_gone(world: World, run: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    words = shlex.join([*run, "--", "true"])
    done = start(world, ["sh", "-c", f"cd {shlex.quote(str(folder))} && rmdir ../gone && {words}"])
    assert done.returncode == 3
    assert b"next:" in done.stderr


def test_many_at_once(world: World) -> None:
    """Each leaves the same note; none reads half of one."""
    (world.root / ".envctl" / "cache" / "run").unlink()
    started = [
        subprocess.Popen(
            [*WAYS["fast"], "run", "--", "sh", "-c", 'echo "$PYTHONHASHSEED"'],
            cwd=world.root,
            env=environment(world),
            stdout=subprocess.PIPE,
        )
        for _ in range(8)
    ]
    limit = time.monotonic() + 60
    outs = [each.communicate(timeout=limit - time.monotonic())[0] for each in started]
    assert outs == [b"0\n"] * 8


def dead(path: Path) -> None:
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("make", "said", "next_step"),
    [
        (lambda path: path.write_text("#!/bin/sh\n"), "may not be executed", "chmod +x"),
        (Path.mkdir, "is a folder", "name a program in it"),
        (dead, "is to be run by a program that was not found", "correct that line"),
    ],
)
def test_what_is_there_and_cannot_be_started_is_not_called_missing(
    world: World,
    run: tuple[str, ...],
    tmp_path: Path,
    make: Callable[[Path], object],
    said: str,
    next_step: str,
) -> None:
    path = tmp_path / "train it.sh"
    make(path)
    done = start(world, [*run, "--", str(path)])
    assert done.returncode == 4
    assert said in done.stderr.decode()
    assert next_step in done.stderr.decode()
