"""What ends us from outside, as Ctrl-C does: programs that we started are ended, and what was lent is given back."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGTERM, signal.SIGHUP)  # a CI that cancels, a terminal that is closed
_SIGNALLED = 128  # plus the signal's number: what a shell answers


@contextmanager
def unwound() -> Iterator[None]:
    """Leave by ``SystemExit`` when one of these signals comes; one that is ignored (nohup) stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(_SIGNALLED + number)

    mine = [number for number in _ENDS if signal.getsignal(number) is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)
