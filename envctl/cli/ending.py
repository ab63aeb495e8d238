"""How a call of envctl ends: here alone errors become words and exit codes."""

import codecs
import errno
import io
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from envctl import __version__
from envctl.cli import terminal, usage
from envctl.cli.render import JSON, VERBOSE, envelope, fail, say, show
from envctl.errors import EnvctlError, ProjectError

BROKEN_PIPE = 141
_BUG = 70
_OWN = f"{Path(__file__).parents[2].as_posix()}/"
_INTERRUPTED = 130
_SURROUNDINGS = {
    errno.ENOSPC: "make room on that disk, then run it again",
    errno.EDQUOT: "your disk quota is used up: make room, then run it again",
    errno.EROFS: "the file system is mounted read-only: work where files can be written",
    errno.EACCES: "check who owns it and its permissions",
    errno.EPERM: "check who owns it and its permissions",
    errno.EIO: "the disk does not work as it should: look at the system's log",
    errno.EMFILE: "let the process open more files (`ulimit -n`), then run it again",
    errno.ENFILE: "close some programs: the system has no more files to open",
    errno.ENOMEM: "free some memory, then run it again",
}
"""What the system may refuse anywhere, with the next step: no bug of envctl's."""


def _begin() -> None:
    """Let every text through: names of files that are no UTF-8, messages where the locale knows only ASCII.

    A stream that the caller closed takes what is written to it nowhere; what is started here finds it closed.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  # for as long as we live
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  # as above
    try:
        sys.stderr.flush()
    except OSError:  # the fast path was not heard there
        terminal.give_up(2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            coding = codecs.lookup(stream.encoding).name
            if coding in ("ascii", "utf-8"):
                stream.reconfigure(encoding="utf-8", errors="surrogateescape")
            else:
                stream.reconfigure(errors="backslashreplace")


class BugError(EnvctlError):
    """Something that nobody expected, as a person is told of it."""

    code = "bug"
    exit_code = _BUG


def call(program: click.Group, words: Sequence[str]) -> int:
    """Run the program with these words and return its exit code; what is wrong is said."""
    with ExitStack() as stack:
        try:
            _begin()
            context = stack.enter_context(program.make_context("envctl", list(words)))
            program.invoke(context)
            code = 0
        except click.exceptions.Exit as ended:
            code = ended.exit_code
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the last door there is
            code = _failed(program, words, error)
        return _written(code)


def _failed(program: click.Group, words: Sequence[str], error: BaseException) -> int:
    if isinstance(error, BrokenPipeError) and not _hears(error):
        return BROKEN_PIPE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        _report(program, words, "interrupted", "interrupted")
        say("interrupted")
        return _INTERRUPTED
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return error.exit_code
    known = _known(program, words, error)
    told = {"where": known.where, "why": known.why, "hint": known.hint}
    _report(program, words, known.code, known.message, **told)
    fail(known, verbose=_verbose(words))
    return known.exit_code


def _known(program: click.Group, words: Sequence[str], error: BaseException) -> EnvctlError:
    """Return any error as one that says what, where and what to do next."""
    if isinstance(error, EnvctlError):
        return error
    if isinstance(error, click.ClickException):
        return usage.explained(error, program, words)
    if isinstance(error, OSError) and error.errno in _SURROUNDINGS:
        return _refused(error)
    return _bug(error)


def _refused(error: OSError) -> ProjectError:
    """Turn a refusal of the system's that no command expected into one clear error."""
    where = "a temporary file (TMPDIR)" if _hears(error) else "stdout"
    reason = os.strerror(error.errno or 0).lower()
    what = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "cannot go on"
    return ProjectError(
        f"{what}: {reason}",
        where=str(error.filename or where),
        hint=_SURROUNDINGS[error.errno or 0],
    )


def _bug(error: BaseException) -> BugError:
    """Say in one line what went wrong and where; the traceback is what a report needs."""
    import traceback  # noqa: PLC0415

    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if each.filename.startswith(_OWN)] or list(frames)
    place = f"{own[-1].filename.removeprefix(_OWN)}:{own[-1].lineno}"
    said = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    return BugError(
        f"a bug in envctl {__version__}: {said}",
        where=place,
        hint="report it with the command and what `--verbose` and `envctl doctor` print",
        details="".join(traceback.format_exception(error)).strip(),
    )


def _verbose(words: Sequence[str]) -> bool:
    context = click.get_current_context(silent=True)
    return bool(context.meta.get(VERBOSE)) if context else "--verbose" in words or "-v" in words


def _report(
    program: click.Group, words: Sequence[str], code: str, message: str, **more: object
) -> None:
    """Print the envelope of a failure, if the command knows ``--json`` and was given it."""
    own = list(words[: words.index("--")] if "--" in words else words)
    try:
        path, command = usage.place(program, own)
    except Exception:  # noqa: BLE001  # it is a command's module that is wrong
        path, command = "", program
    known = {each.name for each in command.params}
    context = click.get_current_context(silent=True)
    asked = "--json" in own and (command is program or "as_json" in known)
    if not (asked or (context and context.meta.get(JSON))):
        return
    name = path.removeprefix("envctl").strip().partition(" ")[0]
    described = {"code": code, "message": message, "where": None, "why": [], "hint": None, **more}
    try:
        show(envelope(name, None, ok=False, error=described))
    except OSError:  # stdout is what failed
        terminal.give_up(1)


def _hears(error: OSError) -> bool:
    """Whether it was not stdout that refused; if it was, nothing more goes there."""
    import traceback  # noqa: PLC0415

    frames = traceback.walk_tb(error.__traceback__)
    writing = (
        click.echo.__code__,
        _begin.__code__,
    )  # the fast path may have left something to flush
    if not any(frame.f_code in writing for frame, _ in frames):
        return True  # `say` minds its own
    terminal.give_up(1)
    return False


def _written(code: int) -> int:
    """Return the exit code, once all that was printed has arrived."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        terminal.give_up(1)
        return BROKEN_PIPE
    except OSError as error:
        terminal.give_up(1)
        fail(
            ProjectError(
                f"what was printed is lost: {os.strerror(error.errno or 0).lower()}",
                where="stdout",
                hint="send it to where it can be written, then run it again",
            ),
            verbose=False,
        )
        return ProjectError.exit_code
    return code
