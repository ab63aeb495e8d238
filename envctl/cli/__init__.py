"""The front desk: Click lives here and nowhere else; how a call ends stands in ``ending``."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from envctl import __version__
from envctl.bootstrap import services
from envctl.cli import ending, options
from envctl.errors import ProjectError

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
    "hooks": "Put hooks into the git repository that keep commits in order.",
    "export": "Write what the lock says in another tool's format.",
    "tree": "Show who needs whom, and why.",
    "completion": "Print the script that completes envctl's words in a shell.",
}
"""Every command with its one-line help: the group's help must not import them all."""


class Commands(click.Group):
    """Loads a command's module when it is called; every command knows the options that stand before it, too."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"envctl.cli.{cmd_name}").command
        options.everywhere(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> Any:
        """Run the program and leave, or answer a shell that completes a word."""
        words = sys.argv[1:] if args is None else args
        # A shell asks without words; with some, a variable left behind must not answer for a check.
        if "_ENVCTL_COMPLETE" in os.environ and not words:
            from envctl.cli.completion import register  # noqa: PLC0415  # a key press only

            register()
            return super().main(args, *more, **extra)
        sys.exit(ending.call(self, words))

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
@options.verbose("-v", "--verbose")
@options.color
@click.version_option(__version__, prog_name="envctl")
@click.pass_context
def cli(ctx: click.Context, directory: Path) -> None:
    """Reproducible Python environments for teams that work with GPUs.

    Locks what a project needs, packages and machine alike, builds the
    environment from that lock, and says where anything has drifted.
    """
    try:
        folder = directory.resolve()
    except FileNotFoundError as error:  # `.` was removed, by a `git checkout` say
        raise ProjectError(
            "the folder that you are in is not there any more",
            where=str(directory),
            hint="go to one that is there, or name the project with `-C DIR`",
        ) from error
    ctx.obj = ctx.obj or services(folder)
