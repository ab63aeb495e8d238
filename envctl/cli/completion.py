"""``envctl completion``, and what answers the scripts that it prints.

Click's own protocol and scripts serve the shells (https://click.palletsprojects.com/shell-completion/). Mended here
are values joined to their option by ``=``, which bash takes apart and the others keep, and folders that only the shell
would have expanded.
"""

import os
from pathlib import PurePath
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import show
from envctl.errors import UsageError

VARIABLE = "_ENVCTL_COMPLETE"


class _Mended(ShellComplete):
    """Click's protocol with the mended words; it fails without a word."""

    _joined = ""

    def complete(self) -> str:
        """Return what the shell's script reads; nothing where anything is wrong."""
        try:
            return super().complete()
        except Exception:  # noqa: BLE001  # a shell would show it in the middle of the line
            return ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the one under it."""
        args, incomplete = super().get_completion_args()
        option, equals, value = incomplete.partition("=")
        if equals and option.startswith("--") and "--" not in args:
            self._joined = f"{option}="
            return [*_expanded(args), option], value
        return _expanded(args), incomplete

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return an item with what its shell takes as part of the word."""
        item.value = f"{self._joined}{item.value}"
        return super().format_completion(item)


class _Bash(_Mended, BashComplete):
    """Bash hands over ``--opt``, ``=`` and the value as three words, and replaces the last one."""

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = BashComplete.get_completion_args(self)
        if incomplete == "=":
            incomplete = ""
        words = [
            word for word, before in zip(args, ["", *args], strict=False) if not _sign(word, before)
        ]
        return _expanded(words), incomplete


class _Zsh(_Mended, ZshComplete):
    """Zsh keeps the whole word."""


class _Fish(_Mended, FishComplete):
    # A value may have a comma in it (`--only lock,image`): split off the type, and no more.
    source_template: ClassVar[str] = FishComplete.source_template.replace(
        'string split ","', 'string split --max 1 ","'
    )


def _sign(word: str, before: str) -> bool:
    return word == "=" and before.startswith("--")


def _expanded(words: list[str]) -> list[str]:
    """Return the words as the shell will expand them: ``-C ~/project``."""
    return [
        os.path.expandvars(os.path.expanduser(word)) if word[:1] in ("~", "$") else word  # noqa: PTH111
        for word in words
    ]


CLASSES: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def register() -> None:
    """Let Click answer with the mended classes."""
    for name, each in CLASSES.items():
        add_completion_class(each, name)


@click.command(epilog='Example: eval "$(envctl completion bash)"')
@click.argument("shell", type=click.Choice(list(CLASSES)), required=False)
@options.pass_services
@click.pass_context
def command(ctx: click.Context, services: Services, shell: str | None) -> None:
    """Print the script that lets a shell complete envctl's words.

    For bash, zsh and fish; without a name, for the one in $SHELL. It completes
    commands, options, and the names that the project has: profiles, groups,
    extras, packages, machines.
    """
    name = shell or PurePath(services.environ.get("SHELL") or "").name
    if name not in CLASSES:
        raise UsageError(
            f"there is no completion for the shell `{name}`" if name else "no shell is named",
            where="SHELL",
            hint=f"name one of: {', '.join(CLASSES)}",
        )
    made = CLASSES[name](ctx.find_root().command, {}, "envctl", VARIABLE)
    show(made.source())
