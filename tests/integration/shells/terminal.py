"""A terminal to type into, for what a shell does only when somebody sits before it."""

import os
import pty
import select
from collections.abc import Mapping, Sequence

_WHERE_IS_THE_CURSOR = b"\x1b[6n"
_PATIENCE = 60


def converse(argv: Sequence[str], env: Mapping[str, str], lines: Sequence[str]) -> tuple[int, str]:
    """Type each line when the shell asks where the cursor is, as line editors do before they read.

    Returns the exit code and everything that was shown.
    """
    child, terminal = pty.fork()
    if child == 0:
        os.execve(argv[0], list(argv), dict(env))
    shown, left = b"", list(lines)
    while select.select([terminal], [], [], _PATIENCE)[0]:
        try:
            new = os.read(terminal, 65536)
        except OSError:  # the other side is closed: the shell has ended
            break
        shown += new
        for _ in range(new.count(_WHERE_IS_THE_CURSOR)):
            os.write(terminal, b"\x1b[1;1R" + (left.pop(0).encode() + b"\r" if left else b""))
    else:
        os.kill(child, 9)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode(errors="replace")
