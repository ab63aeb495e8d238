"""Python's garbage collector, told to wait.

A look at an environment makes a hundred thousand small objects and not one circle of them. The collector would walk
through all objects of the program again and again, a fifth of the time; and touch every page that a child process
shares with it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Collect nothing meanwhile."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
