"""The driver is asked by a process that may be left behind: here, real programs and questions that misbehave."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from envctl.adapters.nvidia.asking import Deadline, ask, start
from envctl.adapters.process import run

LONG = 30.0  # seconds: nothing here waits for it


def question(folder: Path, body: str) -> Path:
    file = folder / "question.py"
    file.write_text(f"import os, sys, time\n\n\ndef parts():\n{body}")
    return file


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"


def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + LONG
    while not (found := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


class TestQuestion:
    def test_every_part(self, tmp_path: Path) -> None:
        file = question(tmp_path, "    yield {'a': 1}\n    yield {'b': ['x']}\n")
        heard = ask(run, file, env=os.environ, deadline=Deadline(LONG))
        assert (heard.ended, heard.parts) == ("done", ({"a": 1}, {"b": ["x"]}))

    @pytest.mark.parametrize(
        ("body", "ended"),
        [
            ("    raise SystemExit('no')", "crashed"),
            ("    raise ValueError", "crashed"),
            ("    os._exit(0)", "done"),
            ("    os.kill(os.getpid(), 11)", "crashed"),
            ("    yield {1, 2}", "crashed"),
        ],
    )
    def test_what_was_said_before_counts(self, tmp_path: Path, body: str, ended: str) -> None:
        file = question(tmp_path, f"    yield {{'a': 1}}\n{body}\n")
        heard = ask(run, file, env=os.environ, deadline=Deadline(LONG))
        assert (heard.ended, heard.parts) == (ended, ({"a": 1},))

    def test_it_cannot_speak_for_us(self, tmp_path: Path) -> None:
        """NVML's own warnings and a preloaded library's words go nowhere."""
        noise = "    print('x'); os.write(1, b'y'); os.write(2, b'z')\n"
        file = question(tmp_path, f"{noise}    yield {{'in': sys.stdin.read()}}\n")
        heard = ask(run, file, env=os.environ, deadline=Deadline(LONG))
        assert (heard.ended, heard.parts) == ("done", ({"in": ""},))

    def test_what_is_no_object_is_passed_over(self, tmp_path: Path) -> None:
        file = question(tmp_path, "    yield 1\n    yield None\n    yield {'a': 1}\n")
        assert ask(run, file, env=os.environ, deadline=Deadline(LONG)).parts == ({"a": 1},)

    def test_silence(self, tmp_path: Path) -> None:
        file = question(tmp_path, "    yield {'pid': os.getpid()}\n    time.sleep(600)\n")
        heard = ask(run, file, env=os.environ, deadline=Deadline(1.5))
        assert heard.ended == "silent"
        pid = heard.parts[0]["pid"]
        assert eventually(lambda: gone(pid))

    def test_silence_after_the_last_word(self, tmp_path: Path) -> None:
        """A library's destructor can block as well."""
        body = "    import atexit; sys.stdout = None\n    yield {'pid': os.getpid()}\n"
        closing = (
            "    for fd in range(3, 50):\n        try: os.close(fd)\n        except OSError: pass\n"
        )
        file = question(tmp_path, f"{body}{closing}    time.sleep(600)\n    yield {{}}\n")
        heard = ask(run, file, env=os.environ, deadline=Deadline(1.5))
        assert heard.ended == "silent"
        assert eventually(lambda: gone(heard.parts[0]["pid"]))

    def test_no_end_of_words(self, tmp_path: Path) -> None:
        file = question(tmp_path, "    while True:\n        yield {'a': 'x' * 100000}\n")
        heard = ask(run, file, env=os.environ, deadline=Deadline(LONG))
        assert heard.ended == "endless"
        assert len(heard.parts) < 100

    def test_no_such_question(self, tmp_path: Path) -> None:
        heard = ask(run, tmp_path / "none.py", env=os.environ, deadline=Deadline(LONG))
        assert (heard.ended, heard.parts) == ("crashed", ())

    def test_nobody_to_ask_with(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
        heard = ask(run, tmp_path / "none.py", env=os.environ, deadline=Deadline(LONG))
        assert heard.ended == "unasked"


class TestProgram:
    def start(self, *argv: str, limit: float = LONG) -> tuple[int, str]:
        ended = start(run, argv, env=os.environ, deadline=Deadline(limit))
        return ended.code, ended.stdout

    def test_both_streams_and_the_code(self) -> None:
        assert self.start("/bin/sh", "-c", "echo out; echo err >&2; exit 7") == (7, "out\nerr\n")

    def test_bytes_that_are_no_text(self) -> None:
        assert self.start("/bin/sh", "-c", "printf 'a\\377b'") == (0, "a\ufffdb")

    def test_a_signal(self) -> None:
        assert self.start("/bin/sh", "-c", "kill -9 $$") == (-9, "")

    def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        assert self.start(str(tmp_path / "none")) == (127, "No such file or directory")

    def test_one_that_never_ends_is_ended_with_what_it_started(self, tmp_path: Path) -> None:
        script = f"trap '' TERM; sleep 600 & echo $! > {tmp_path}/pid; echo said; wait"
        assert self.start("/bin/sh", "-c", script, limit=1.5) == (124, "said\n")
        pid = int((tmp_path / "pid").read_text())
        assert eventually(lambda: gone(pid))

    def test_its_child_that_keeps_the_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        script = f"sleep 600 & echo $! > {tmp_path}/pid; exit 0"
        assert self.start("/bin/sh", "-c", script) == (0, "")
        assert eventually(lambda: gone(int((tmp_path / "pid").read_text())))

    def test_no_end_of_words(self) -> None:
        code, text = self.start(
            "/bin/sh", "-c", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done"
        )
        assert code == 124
        assert len(text) < 8 * 1024**2
