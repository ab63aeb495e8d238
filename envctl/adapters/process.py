"""The one door to other programs."""

import errno
import os
import shlex
import shutil
import subprocess
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from envctl import launch
from envctl.adapters.unfound import unfound
from envctl.adapters.unwinding import passed_on
from envctl.errors import ToolMissingError

if TYPE_CHECKING:
    from envctl.ports import Completed

_PATIENCE = 5.0  # seconds for who outlives a program and still holds its stderr
_KEPT = 1 << 13  # bytes of what a program said last
_KILLED_AFTER_LIMIT = 124  # what coreutils' timeout(1) answers


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    heard: Callable[[str], None] | None = None,
) -> "Completed":
    """Start a program, wait for it, and return what it wrote (see ``envctl.ports.Runner``)."""
    from envctl.ports import Completed  # noqa: PLC0415  # it brings every noun, and `raw` needs none

    lines: list[str] = []
    try:
        with _listened(heard, lines) as stderr:
            ended = subprocess.run(
                list(argv),
                cwd=cwd,
                env=dict(env) if env is not None else None,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                stdout=subprocess.PIPE,
                stderr=stderr,
                encoding="utf-8",
                errors="replace",
                timeout=timeout,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        return Completed(
            argv=tuple(argv),
            code=_KILLED_AFTER_LIMIT,
            stdout=_text(error.stdout),
            stderr="".join(lines) + _text(error.stderr) + f"\nkilled after {timeout} s",
        )
    except (FileNotFoundError, PermissionError, NotADirectoryError) as error:
        raise _missing(argv[0], error) from error
    return Completed(
        argv=tuple(argv),
        code=ended.returncode,
        stdout=ended.stdout,
        stderr="".join(lines) if heard else ended.stderr,
    )


@contextmanager
def _listened(heard: Callable[[str], None] | None, lines: list[str]) -> Iterator[int]:
    """Lend what a program's stderr is to be: where somebody listens, a pipe whose lines are kept as well."""
    if heard is None:
        yield subprocess.PIPE
        return
    read, write = os.pipe()

    def listen(listener: Callable[[str], None] | None = heard) -> None:
        with os.fdopen(read, encoding="utf-8", errors="replace") as stream:
            for line in stream:  # to the end, come what may: a full pipe would stop the program
                lines.append(line)
                try:
                    if listener:
                        listener(line.rstrip("\n"))
                except Exception:  # noqa: BLE001  # it only shows something
                    listener = None

    thread = threading.Thread(target=listen, name="stderr", daemon=True)
    thread.start()
    try:
        yield write
    finally:
        os.close(write)
        thread.join(_PATIENCE)


def attend(argv: Sequence[str], env: Mapping[str, str]) -> "Completed":
    """Start a program on our own stdin, stdout and terminal, pass signals on to it, and wait.

    Its stderr is passed through as it comes; the last of it is returned, for who can explain it. Raises
    ``ToolMissingError``.
    """
    from envctl.ports import Completed  # noqa: PLC0415  # as above

    said = bytearray()
    # Before it starts: a signal may come at once.
    with _overheard(said) as stderr, passed_on() as given_to:
        try:
            child = subprocess.Popen(argv, env=dict(env), stderr=stderr, close_fds=False)
        except OSError as error:
            raise _missing(argv[0], error) from error
        given_to(child.send_signal)
        code = child.wait()
    text = bytes(said).decode(errors="replace")
    return Completed(argv=tuple(argv), code=code, stdout="", stderr=text)


def follow(
    argv: Sequence[str], env: Mapping[str, str], heard: Callable[[str], None]
) -> "Completed":
    """Start a program as ``run`` does; what ends us is passed on to it, and it has the time to clean up.

    Raises ``ToolMissingError``.
    """
    from envctl.ports import Completed  # noqa: PLC0415  # as above

    lines: list[str] = []
    with _listened(heard, lines) as stderr, passed_on() as given_to:
        try:
            child = subprocess.Popen(
                argv,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        except OSError as error:
            raise _missing(argv[0], error) from error
        given_to(child.send_signal)
        stdout, _ = child.communicate()
    said = "".join(lines)
    return Completed(argv=tuple(argv), code=child.returncode, stdout=_text(stdout), stderr=said)


@contextmanager
def _overheard(said: bytearray) -> Iterator[int]:
    """Lend a stderr that is passed on to ours and whose end is kept; who outlives the program is not waited for."""
    read, write = os.pipe()

    def listen() -> None:
        with os.fdopen(read, "rb", buffering=0) as stream:
            while chunk := stream.read(1 << 16):
                said[:] = (said + chunk)[-_KEPT:]
                while chunk:
                    chunk = chunk[os.write(2, chunk) :]

    thread = threading.Thread(target=listen, name="stderr", daemon=True)
    thread.start()
    try:
        yield write
    finally:
        os.close(write)
        thread.join(_PATIENCE)


def program(name: str, env: Mapping[str, str]) -> str | None:
    """Return the path of the program that ``name`` means where ``env`` holds."""
    return shutil.which(name, path=env.get("PATH", os.defpath))


def keep(environment: str) -> None:
    """Keep an environment from being cleaned away while this process lives, and the program that takes its place."""
    with suppress(OSError):  # a file system without locks: its variables tell of it as well
        launch.lease(environment)


def replace(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    lease: str | None = None,
    about: str = "",
    hidden: Collection[str] = (),
) -> NoReturn:
    """Become that program: no extra process, so signals and the exit code pass through.

    ``lease`` is an environment that must not be cleaned away while the program lives; ``about``: the run is described
    for it (``envctl.runs``), without the values of the variables ``hidden``.
    """
    found = program(argv[0], env)
    try:
        if found is None and "/" in argv[0] and Path(argv[0]).exists():
            raise PermissionError(argv[0])
        if found is None and "/" not in argv[0]:
            raise unfound(argv[0], env)
        if found is None:
            raise FileNotFoundError(argv[0])  # one message for both ways
        if lease:
            keep(lease)
        if about:
            launch.begin(found, list(argv), dict(env), about, set(hidden))
        launch.become(found, list(argv), dict(env))
    except OSError as error:
        raise _missing(argv[0], error) from error
    raise AssertionError(found)  # never: exec returns by an exception only


def _missing(program: str, error: OSError) -> ToolMissingError:
    where = program if "/" in program else "PATH"
    message, hint = f"`{program}` was not found", "install it, or correct the name"
    if isinstance(error, PermissionError) and Path(program).is_dir():
        message, hint = f"`{program}` is a folder", "name a program in it"
    elif isinstance(error, PermissionError):
        message = f"`{program}` may not be executed"
        hint = f"`chmod +x {shlex.quote(program)}`, or name what runs it, such as `sh` or `python`"
    elif error.filename not in (None, program) and not Path(error.filename).exists():
        message = f"`{program}` cannot be started in a folder that is not there any more"
        where, hint = str(error.filename), "run it again; see what removes that folder"
    elif isinstance(error, FileNotFoundError) and "/" in program and Path(program).exists():
        message = f"`{program}` is to be run by a program that was not found: see its first line"
        hint = "correct that line, or name what runs it, such as `sh` or `python`"
    elif error.errno == errno.ENOEXEC:
        message = f"`{program}` is not a program that the system can start"
        hint = f"begin it with a line such as `#!/bin/sh`, or name what runs it: `sh {program}`"
    elif error.errno == errno.E2BIG:
        message = f"`{program}` was given more arguments and variables than the system takes"
        hint = "pass fewer arguments, or put them into a file"
    return ToolMissingError(message, where=where, hint=hint)


def _text(captured: bytes | str | None) -> str:
    if captured is None:
        return ""
    return captured if isinstance(captured, str) else captured.decode(errors="replace")


def raw(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> tuple[int, bytes, str]:
    """Start a program and return its exit code, its stdout byte for byte, and its stderr.

    For names of files and contents, which need not be UTF-8. Raises ``ToolMissingError``.
    """
    try:
        ended = subprocess.run(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise _missing(argv[0], error) from error
    return ended.returncode, ended.stdout, ended.stderr.decode(errors="replace")
