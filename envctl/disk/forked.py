"""Work in a process of its own, whose answer is bytes. Standard library only."""

import os

TYPE_CHECKING = False  # typing would be the largest import here
if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 4
"""Processes: more of them wait for the disk."""
_BLOCK = 1 << 20
_WHOLE = b"whole"


def processors() -> int:
    """Return how many processes are worth starting."""
    if not hasattr(os, "fork"):
        return 1
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(there or 1, MOST)


def start(work: "Callable[..., bytes]", *arguments: object) -> tuple[int, int]:
    """Begin with some work; return its process, 0 where none is to be had, and where its answer is read."""
    reader, writer = os.pipe()
    try:
        process = os.fork()
    except OSError:  # the user may have no more of them
        os.close(writer)
        return 0, reader
    if process:
        os.close(writer)
        return process, reader
    try:
        answer = memoryview(work(*arguments) + _WHOLE)
        while answer:
            answer = answer[os.write(writer, answer) :]
    finally:
        os._exit(0)


def end(process: int, reader: int) -> bytes:
    """Return the answer; empty where the process came to grief."""
    parts = []
    while part := os.read(reader, _BLOCK):
        parts.append(part)
    os.close(reader)
    _wait(process)
    answer = b"".join(parts)
    return answer[: -len(_WHOLE)] if answer.endswith(_WHOLE) else b""


def stop(process: int, reader: int) -> None:
    """End a process whose answer nobody waits for any more."""
    os.close(reader)
    if process:
        os.kill(process, 9)
        _wait(process)


def _wait(process: int) -> None:
    try:
        if process:
            os.waitpid(process, 0)
    except ChildProcessError:  # whoever started us ignores the end of children, and so do we
        return
