"""Write the description of what is about to start, and name it to the command."""

import os
import time

VARIABLE = "ENVCTL_RUN"
"""Names the file to the command. Set and empty, by whomever, it asks for none."""

FOLDER = ".envctl/runs"

_HELD_FROM = 64  # the lowest number of a file descriptor that a command is given beside its own, as in ``launch``
_SELDOM = 8  # of 256 runs, one looks for old files


def leave(about: str, env: dict[str, str], hidden: "set[str]") -> str:
    """Write the file and name it in ``env``; return its path, empty where there is none.

    ``about`` and ``hidden``: see ``facts.text``. The command is started all the same: where nothing can be written,
    the variable is unset.
    """
    if "" in (env.get(VARIABLE), os.environ.get(VARIABLE)):
        return ""
    from envctl.runs import facts  # noqa: PLC0415  # not for who asks for none

    try:
        chance = os.urandom(5)
        moment = time.gmtime()
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', moment)}-{chance[:4].hex()}"
        content = facts.text(about, env, hidden, name, time.strftime("%Y-%m-%dT%H:%M:%SZ", moment))
        folder = f"{facts.root(about)}/{FOLDER}"
        path = f"{folder}/{name}.json"
        _write(folder, path, content.encode())
        if chance[4] < _SELDOM:
            from envctl.runs import pruning  # noqa: PLC0415  # seldom

            pruning.prune(folder)
    except (OSError, ValueError):
        env.pop(VARIABLE, None)
        return ""
    env[VARIABLE] = path
    return path


def forget(path: str) -> None:
    """Remove the file of a command that could not be started."""
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return


def _write(folder: str, path: str, content: bytes) -> None:
    """Write a new file, whole or not at all, and hold it while the command lives, so that nobody prunes it."""
    try:
        opened = _new(path)
    except FileNotFoundError:
        for each in (folder.rpartition("/")[0], folder):
            try:
                os.mkdir(each)  # noqa: PTH102
            except FileExistsError:
                continue
        opened = _new(path)
    try:
        while content:
            content = content[os.write(opened, content) :]
    except OSError:
        forget(path)
        raise
    finally:
        os.close(
            opened
        )  # before it is held: over NFS others see what was written when it is closed
    _hold(path)


def _new(path: str) -> int:
    # It holds no secret: whom the folder lets in may compare runs.
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def _hold(path: str) -> None:
    import fcntl  # noqa: PLC0415

    opened = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_SH)
        fcntl.fcntl(opened, fcntl.F_DUPFD, _HELD_FROM)
    except OSError:
        return  # a file system without locks
    finally:
        os.close(opened)
