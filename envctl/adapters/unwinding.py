"""What ends us from outside, as Ctrl-C does: programs that we started are ended, and what was lent is given back."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGTERM, signal.SIGHUP)  # a CI that cancels, a terminal that is closed
_GIVEN = (
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT),
    *(signal.SIGUSR1, signal.SIGUSR2),
)
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


@contextmanager
def passed_on() -> Iterator[Callable[[Callable[[int], object]], None]]:
    """Give the signals that mean us to a program that we start; a terminal's Ctrl-C it has had already.

    What is lent wants to be told how to reach the program; signals that come before are kept until then.
    """
    kept: list[int] = []
    reached: list[Callable[[int], object]] = []

    def pass_on(number: int, _frame: object) -> None:
        at_terminal = os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
        if at_terminal and number in (signal.SIGINT, signal.SIGQUIT):
            return
        if reached:
            reached[0](number)
        else:
            kept.append(number)

    def reach(give: Callable[[int], object]) -> None:
        reached.append(give)
        while kept:
            give(kept.pop(0))

    ours = threading.current_thread() is threading.main_thread()
    # One that is ignored (nohup) stays so, here and in the program.
    mine = [each for each in _GIVEN if ours and signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, pass_on) for number in mine}
    try:
        yield reach
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
