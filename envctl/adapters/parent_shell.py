"""The shell that started envctl, found among the processes above it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


def parent_shell() -> str | None:
    """Return the program of the nearest shell above this process, as a path or as a name to be found on the PATH.

    ``None`` where there is none, or where the system does not let us look. Whatever stands between (make, sudo, uv,
    a wrapper in Python) is passed over; a script's own interpreter is a shell like any other.
    """
    import shellingham  # noqa: PLC0415  # only who names no shell needs it

    try:
        with _unset("SHELL"):
            found: tuple[str, str] = shellingham.detect_shell()
    except (OSError, RuntimeError, LookupError, TypeError):
        # OSError is the library's own as well. The others: a system that it does not know, a process without words.
        return None
    name, program = found
    if program.startswith("/"):
        return program
    login = os.environ.get("SHELL", "")
    return login if login.rpartition("/")[2] == name else name


@contextmanager
def _unset(name: str) -> Iterator[None]:
    """Hide a variable: the library takes $SHELL for every login shell, though `-bash` says which one runs."""
    value = os.environ.pop(name, None)
    try:
        yield
    finally:
        if value is not None:
            os.environ[name] = value
