"""System calls that fail or kill, by the kernel's own hand: `strace -e inject` (strace(1), "Tampering")."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

import pytest

_STRACE = ("strace", "-o", os.devnull)


@cache
def _problem() -> str:
    if not shutil.which("strace"):
        return "there is no strace(1)"
    done = subprocess.run([*_STRACE, "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip()


def tampered(*injections: str, children: bool = False) -> list[str]:
    """Return what to put before a command, such that these system calls of it are tampered with.

    For example ``symlink,symlinkat:error=EPERM``, or ``rename:signal=KILL:when=3``. ``children``: in what
    it starts too.
    """
    if problem := _problem():
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must be able to trace: {problem}")
        pytest.skip(f"system calls cannot be tampered with: {problem}")
    calls = ",".join(each.partition(":")[0] for each in injections)
    options = [word for each in injections for word in ("-e", f"inject={each}")]
    return [*_STRACE, *(["-f"] if children else []), "-e", f"trace={calls}", *options]


NO_LINKS = "symlink,symlinkat:error=EPERM"
NO_HARD_LINKS = "link,linkat:error=EPERM"
NO_EXCHANGE = "renameat2:error=EINVAL"


def killed_at(number: int, calls: Sequence[str]) -> str:
    """Return the injection that kills a process at its ``number``-th call of these, which then does nothing."""
    return f"{','.join(calls)}:signal=KILL:when={number}"
