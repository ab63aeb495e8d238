"""Several files of a finished environment replaced as one, though the system can only rename one at a time.

All of them are staged in a folder beside; giving that folder its name is the moment from which they count. Whoever
comes next moves what a killed envctl has not.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from envctl.adapters.staging import refused

_STAGED = ".envctl-staged"
_READY = ".envctl-ready"
_WRITE, _REMOVE = "+", "-"


def replace(environment: Path, contents: Mapping[str, bytes | None]) -> None:
    """Give these files (by their path in the environment) new contents, in this order; ``None``: it is removed.

    Raises ``ProjectError``; then nothing has changed, or the next envctl completes it.
    """
    complete(environment)
    staged, ready = environment / _STAGED, environment / _READY
    try:
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        for number, (name, content) in enumerate(contents.items()):
            kind = _REMOVE if content is None else _WRITE
            path = staged / f"{number:03}{kind}{name.replace('/', '|')}"
            _stage(path, content or b"", environment / name)
        staged.rename(ready)
        _apply(environment)
    except BaseException as error:
        with suppress(OSError):
            if len(list(ready.iterdir())) == len(contents):  # none of it has happened
                ready.rename(staged)
        shutil.rmtree(staged, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        failure = refused(error, environment, "written")
        if ready.is_dir():
            failure.hint = "see to that; the next envctl goes on where this one stopped"
        raise failure from error


def complete(environment: Path) -> bool:
    """Go on where a killed ``replace`` stopped, and say whether that was to be done.

    What cannot be written to is left as it is.
    """
    if not os.path.lexists(environment / _READY):
        return False
    with suppress(OSError):
        _apply(environment)
    return True


def staged(path: str) -> bool:
    """Whether a file (by its path in the environment) is one that a killed ``replace`` has left."""
    return path.partition("/")[0] in (_STAGED, _READY)


def clear(environment: Path) -> None:
    """Remove what a ``replace`` that was killed before its moment has left; for whoever holds the project's lock."""
    shutil.rmtree(environment / _STAGED, ignore_errors=True)


def _stage(path: Path, content: bytes, target: Path) -> None:
    path.write_bytes(content)
    with suppress(FileNotFoundError):
        path.chmod(target.stat().st_mode & 0o7777)


def _apply(environment: Path) -> None:
    ready = environment / _READY
    try:
        found = sorted(ready.iterdir())
    except FileNotFoundError:  # somebody else has completed it
        return
    for path in found:
        kind, name = path.name[3], path.name[4:].replace("|", "/")
        with suppress(FileNotFoundError):  # somebody else may complete the same
            if kind == _REMOVE:
                (environment / name).unlink(missing_ok=True)
                path.unlink()
            else:
                path.replace(environment / name)
    with suppress(FileNotFoundError):
        ready.rmdir()
