"""What ends envctl from outside while it works: nothing of it stays, neither a folder nor a program."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from envctl.adapters.unwinding import passed_on

# The signals come when envctl waits for the program: only then has that all its stdin.
WORK = """
import sys
from pathlib import Path
from envctl.bootstrap import services
opened = services(Path("."))
with opened.workspace() as folder:
    (folder / "netrc").write_text("machine x login y password z")
    print(folder, flush=True)
    opened.run(["sh", "-c", f"cat; echo $$ > pid; {sys.argv[1]}; exec sleep 60"], stdin="")
"""


def ended(folder: Path, signals: str, before: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'{before} exec "$@"', "sh", sys.executable, "-c", WORK, signals],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_stays(tmp_path: Path, number: signal.Signals) -> None:
    done = ended(tmp_path, f"kill -{number} $PPID")
    assert done.returncode == 128 + number, done.stderr
    assert done.stdout.startswith(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["pid"]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    done = ended(tmp_path, "kill -HUP $PPID; kill -INT $PPID", "trap '' HUP;")
    assert done.returncode == -signal.SIGINT
    assert [path.name for path in tmp_path.iterdir()] == ["pid"]


FOLLOW = """
import os, sys
from envctl.adapters.process import follow
done = follow(["sh", "-c", sys.argv[1]], os.environ, print)
print(done.code, done.stdout, end="")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_program_that_cleans_up_is_given_the_signal_and_the_time(
    tmp_path: Path, number: signal.Signals
) -> None:
    """As `verify --fix` calls envctl: it may have logins in a folder of its own."""
    script = "trap 'kill $!; echo cleaned; exit 5' INT TERM HUP; sleep 60 >/dev/null 2>&1 & "
    done = subprocess.run(
        [sys.executable, "-c", FOLLOW, f"{script} kill -{number} $PPID; wait"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "5 cleaned\n"), done.stderr


def test_what_comes_before_the_program_is_kept_for_it() -> None:
    got: list[int] = []
    with passed_on() as given_to:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert got == []
        given_to(got.append)
        assert got == [signal.SIGUSR1]
        os.kill(os.getpid(), signal.SIGUSR2)
    assert got == [signal.SIGUSR1, signal.SIGUSR2]


def test_what_is_ignored_is_not_passed_on() -> None:
    """`nohup` means the program as well: it inherits that."""
    got: list[int] = []
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with passed_on() as given_to:
            given_to(got.append)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert got == []
