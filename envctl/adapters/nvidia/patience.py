"""Ask a driver, and never hang: a program of its own, standard library only (see ``envctl.adapters.nvidia.asking``).

    python -P patience.py LIMIT question FILE     parts() of that Python file, each part as soon as it is known
    python -P patience.py LIMIT program ARGV...   a program's output and exit code

A broken driver can block a process inside the kernel, where not even SIGKILL ends it and whoever waits for it
waits forever. So the driver is asked in a fork with no pipe of ours, which is left behind when the time is over.
Prints one JSON object: ``ended``, how it came to an end, and ``parts`` or ``code`` and ``text``.
"""

import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from typing import IO

_MOST = 4 * 1024**2  # bytes that a driver may say; no machine has so many devices
_PAUSE_S = 0.01
_NOT_STARTED = 127  # as a shell has it


def main(argv: list[str]) -> int:
    """Print what the driver said within ``argv[1]`` seconds."""
    limit, kind, *rest = float(argv[1]), *argv[2:]
    if kind == "question":
        ended, code, said = within(limit, lambda writing: _question(rest[0], writing))
        answer: dict[str, object] = {"ended": _how(ended, code), "parts": list(_parts(said))}
    else:
        ended, code, said = within(limit, lambda writing: _program(rest, writing))
        answer = {"ended": ended, "code": code, "text": said.decode(errors="replace")}
    sys.stdout.write(json.dumps(answer))
    return 0


def within(limit: float, work: Callable[[int], None]) -> tuple[str, int, bytes]:
    """Let ``work`` write to a descriptor, in a fork; return how it ended, its exit code, and what it wrote.

    ``done``; ``silent``: not within ``limit`` seconds; ``endless``: more than anyone can want. The code of one that
    did not end, or by a signal, is the signal's number, negative.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _become(work, writing)
    os.close(writing)
    try:
        return _heard(reading, child, time.monotonic() + limit)
    finally:
        with suppress(OSError):
            os.killpg(child, signal.SIGKILL)  # what it started as well; and no wait: see above


def _heard(reading: int, child: int, deadline: float) -> tuple[str, int, bytes]:
    said, open_end, code = b"", True, None
    while time.monotonic() < deadline:
        ready = select.select([reading] if open_end else [], [], [], _PAUSE_S)[0]
        if ready and (part := os.read(reading, 65536)):
            said += part
            if len(said) > _MOST:
                return "endless", -signal.SIGKILL, said
        elif ready:
            open_end = False
        elif code is not None:
            return "done", code, said  # nothing more from it, whoever else holds the pipe
        else:
            code = _ended(child)
    return "silent", -signal.SIGKILL, said


def _ended(child: int) -> int | None:
    found, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(work: Callable[[int], None], writing: int) -> None:
    code = 1
    try:
        os.setsid()  # what it starts is killed with it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no file behind
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        work(writing)
        code = 0
    finally:
        os._exit(code)


def _question(file: str, writing: int) -> None:
    spec = spec_from_file_location("question", file)
    if spec is None or spec.loader is None:
        raise ImportError(file)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    with os.fdopen(writing, "w") as stream:
        for part in module.parts():
            _send(part, stream)


def _send(part: object, stream: IO[str]) -> None:
    stream.write(json.dumps(part) + "\n")
    stream.flush()


def _program(argv: list[str], writing: int) -> None:
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    try:
        os.execv(argv[0], argv)  # noqa: S606  # a shell is not wanted
    except OSError as error:
        os.write(2, (error.strerror or "cannot be started").encode())
        os._exit(_NOT_STARTED)


def _parts(said: bytes) -> Iterator[object]:
    for line in said.splitlines():
        with suppress(ValueError):  # the last one may be cut off
            yield json.loads(line)


def _how(ended: str, code: int) -> str:
    return "crashed" if ended == "done" and code != 0 else ended


if __name__ == "__main__":
    sys.exit(main(sys.argv))
