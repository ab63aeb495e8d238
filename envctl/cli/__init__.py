"""The front desk: Click lives here and nowhere else, and here alone errors become exit codes."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from envctl import __version__
from envctl.bootstrap import services
from envctl.cli.render import envelope, failure, say
from envctl.errors import EnvctlError

COMMANDS = {
    "init": "Make or extend pyproject.toml and record this machine.",
    "lock": "Resolve the manifest and write pylock.toml.",
    "sync": "Make .venv hold exactly what the lock says.",
    "activate": "Print the shell code that activates the environment.",
    "shell": "Start a shell in the environment.",
    "run": "Run a command in the environment.",
    "record": "Show what this machine has; save it for the team.",
    "verify": "Check that lock, environment, machine and image agree.",
    "dockerize": "Write the Dockerfile that matches the lock.",
}
"""Every command with its one-line help: the group's help must not import them all."""

_BUG = 70
_INTERRUPTED = 130


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
        if args[0] not in COMMANDS and close:
            ctx.fail(f"There is no command `{args[0]}`. Did you mean `{close[0]}`?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; the one place where an error becomes an exit code."""
        try:
            return super().invoke(ctx)
        except EnvctlError as error:
            _fail(ctx, error)
        except KeyboardInterrupt:
            say("interrupted")
            ctx.exit(_INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            # Whoever read our stdout has seen enough (`envctl tree | head`).
            sys.stderr.close()
            ctx.exit(0)
        except Exception:  # noqa: BLE001  # a bug: say so, with what a report needs
            import traceback  # noqa: PLC0415

            say(traceback.format_exc())
            say(f"this is a bug in envctl {__version__}: please report it with the text above")
            ctx.exit(_BUG)


def _fail(ctx: click.Context, error: EnvctlError) -> NoReturn:
    if "--json" in sys.argv[1:] and "--" not in sys.argv[1:]:
        described = {
            "code": error.code,
            "message": error.message,
            "where": error.where,
            "hint": error.hint,
        }
        click.echo(envelope(ctx.invoked_subcommand or "", None, ok=False, error=described))
    say(failure(error, verbose=bool(ctx.params.get("verbose"))))
    ctx.exit(error.exit_code)


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
    ctx.obj = ctx.obj or services(directory.absolute())
