"""The front desk: Click lives here and nowhere else, and here alone errors become exit codes."""

import codecs
import errno
import io
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from envctl import __version__
from envctl.bootstrap import services
from envctl.cli.render import JSON, envelope, failure, say, show
from envctl.errors import EnvctlError, ProjectError

COMMANDS = {
    "init": "Make or extend pyproject.toml and record this machine.",
    "add": "Add requirements to pyproject.toml, lock and sync.",
    "remove": "Take packages out of pyproject.toml, lock and sync.",
    "lock": "Resolve the manifest and write pylock.toml.",
    "sync": "Make .venv hold exactly what the lock says.",
    "activate": "Print the shell code that activates the environment.",
    "shell": "Start a shell in the environment.",
    "run": "Run a command in the environment.",
    "record": "Show what this machine has; save it for the team.",
    "gpus": "Show the GPUs, who uses them, and which are visible.",
    "verify": "Check lock, environment, variables, machines and image.",
    "describe": "Say what a run here rests on, to keep beside its results.",
    "diff": "Rank what differs between locks, environments, runs.",
    "doctor": "Say what is wrong here, and what mends it.",
    "dockerize": "Write the Dockerfile that matches the lock.",
    "image": "Build the image, run it, prove what it holds.",
    "export": "Write what the lock says in another tool's format.",
    "tree": "Show who needs whom, and why.",
    "completion": "Print the script that completes envctl's words in a shell.",
}
"""Every command with its one-line help: the group's help must not import them all."""

_BUG = 70
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


class Commands(click.Group):
    """Loads a command's module when it is called, and turns errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"envctl.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command for one that does not exist."""
        from difflib import get_close_matches  # noqa: PLC0415

        close = get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and close and not ctx.resilient_parsing:
            ctx.fail(f"There is no command `{args[0]}`. Did you mean `{close[0]}`?")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program, or answer a shell that completes a word."""
        if "_ENVCTL_COMPLETE" in os.environ:
            from envctl.cli.completion import register  # noqa: PLC0415  # a key press only

            register()
        return super().main(*args, **extra)

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> "list[click.shell_completion.CompletionItem[str]]":
        """Complete a command's name without importing the commands."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        names = [
            CompletionItem(name, help=said)
            for name, said in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read envctl's own options; a wrong one is reported as JSON as well, where JSON is asked for."""
        words = list(args)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.ClickException as error:
            if "--json" in words:
                _envelope("", "usage", error.format_message())
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; the one place where an error becomes an exit code."""
        words = list(ctx.args)
        try:
            return super().invoke(ctx)
        except EnvctlError as error:
            self._fail(ctx, words, error)
        except KeyboardInterrupt:
            self._report(ctx, words, "interrupted", "interrupted")
            say("interrupted")
            ctx.exit(_INTERRUPTED)
        except click.ClickException as error:
            self._report(ctx, words, "usage", error.format_message())
            raise
        except (click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            # Whoever read our stdout has seen enough (`envctl tree | head`).
            _unheard()
            ctx.exit(0)
        except Exception as error:  # noqa: BLE001  # the system's refusal, or a bug
            if isinstance(error, OSError) and error.errno in _SURROUNDINGS:
                self._fail(ctx, words, _refused(error))
            self._bug(ctx, words)

    def _fail(self, ctx: click.Context, words: list[str], error: EnvctlError) -> NoReturn:
        self._report(ctx, words, error.code, error.message, where=error.where, hint=error.hint)
        say(failure(error, verbose=bool(ctx.params.get("verbose"))))
        ctx.exit(error.exit_code)

    def _bug(self, ctx: click.Context, words: list[str]) -> NoReturn:
        """Say so, with what a report needs."""
        import traceback  # noqa: PLC0415

        self._report(ctx, words, "bug", f"a bug in envctl {__version__}")
        say(traceback.format_exc())
        say(f"this is a bug in envctl {__version__}: please report it with the text above")
        ctx.exit(_BUG)

    def _report(
        self, ctx: click.Context, words: list[str], code: str, message: str, **more: str | None
    ) -> None:
        """Print the envelope of a failure, if the command knows ``--json`` and was given it."""
        name = ctx.invoked_subcommand
        command = self.get_command(ctx, name) if name else None
        words = words[: words.index("--")] if "--" in words else words
        group = command.commands if isinstance(command, click.Group) else {}
        below = [each for word, each in group.items() if word in words]
        known = [each.name for one in (command, *below) if one for each in one.params]
        asked = "--json" in words and not (command and "as_json" not in known)
        if not (asked or ctx.meta.get(JSON)):
            return
        _envelope(name or "", code, message, **more)


def _envelope(command: str, code: str, message: str, **more: str | None) -> None:
    described = {"code": code, "message": message, "where": None, "hint": None, **more}
    try:
        show(envelope(command, None, ok=False, error=described))
    except OSError:  # stdout is what failed
        _unheard()


def _refused(error: OSError) -> ProjectError:
    """Turn a refusal of the system's that no command expected into one clear error."""
    where = "a temporary file (TMPDIR)"
    try:
        sys.stdout.flush()
    except OSError:
        where = "stdout"
        _unheard()
    reason = os.strerror(error.errno or 0).lower()
    what = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "cannot go on"
    return ProjectError(
        f"{what}: {reason}",
        where=str(error.filename or where),
        hint=_SURROUNDINGS[error.errno or 0],
    )


def _unheard() -> None:
    """Send what is still to come on stdout nowhere: Python would fail once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _any_text() -> None:
    """Let every text through: names of files that are no UTF-8, messages where the locale knows only ASCII."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            coding = codecs.lookup(stream.encoding).name
            if coding in ("ascii", "utf-8"):
                stream.reconfigure(encoding="utf-8", errors="surrogateescape")
            else:
                stream.reconfigure(errors="backslashreplace")


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Start with `envctl init`, then `envctl lock` and `envctl sync`.",
)
@click.option(
    "-C",
    "--directory",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=".",
    help="Work in this folder.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show what the tools underneath said.")
@click.version_option(__version__, prog_name="envctl")
@click.pass_context
def cli(ctx: click.Context, directory: Path, verbose: bool) -> None:  # noqa: ARG001  # read by _fail
    """Reproducible Python environments for teams that work with GPUs.

    Locks what a project needs, packages and machine alike, builds the
    environment from that lock, and says where anything has drifted.
    """
    _any_text()
    try:
        folder = directory.resolve()
    except FileNotFoundError as error:  # `.` was removed, by a `git checkout` say
        raise ProjectError(
            "the folder that you are in is not there any more",
            where=str(directory),
            hint="go to one that is there, or name the project with `-C DIR`",
        ) from error
    ctx.obj = ctx.obj or services(folder)
