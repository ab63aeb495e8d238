"""The one door to other programs: what is heard while they run."""

import sys
from pathlib import Path

from envctl.adapters.process import run


def test_lines_are_heard_while_the_program_runs(tmp_path: Path) -> None:
    """The program goes on only when its first line was heard."""
    code = (
        "import os, sys, time\nprint('go on', file=sys.stderr, flush=True)\n"
        f"while not os.path.exists({str(tmp_path / 'heard')!r}): time.sleep(0.01)\n"
        "print('out'); print('last', file=sys.stderr)"
    )
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        (tmp_path / "heard").touch()

    done = run([sys.executable, "-c", code], heard=hear, timeout=60)
    assert (done.code, done.stdout, done.stderr) == (0, "out\n", "go on\nlast\n")
    assert heard == ["go on", "last"]


def test_a_listener_that_fails_stops_nothing() -> None:
    code = "import sys; sys.stderr.write('x\\n' * 100_000); sys.stderr.buffer.write(b'\\xff'); print('end')"

    def fails(_line: str) -> None:
        raise ValueError

    done = run([sys.executable, "-c", code], heard=fails)
    assert (done.code, done.stdout) == (0, "end\n")
    assert done.stderr == "x\n" * 100_000 + "\ufffd"


def test_a_limit_holds_with_a_listener_as_well() -> None:
    heard: list[str] = []
    code = "import sys, time; print('up', file=sys.stderr, flush=True); time.sleep(60)"
    done = run([sys.executable, "-c", code], timeout=1.0, heard=heard.append)
    assert done.code == 124
    assert heard == ["up"]
    assert done.stderr.startswith("up\n")
