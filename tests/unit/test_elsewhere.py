"""What other tools call a command or an option leads to one that is there."""

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from envctl.cli import cli, elsewhere


def command(words: list[str]) -> click.Command:
    found: click.Command = cli
    for word in words:
        assert isinstance(found, click.Group)
        below = found.get_command(click.Context(found), word)
        assert below is not None, words
        found = below
    return found


def exists(line: str) -> None:
    """The command that a line calls is there, and so is each of its options."""
    words = shlex.split(line)[1:]
    options = [word for word in words if word.startswith("-")]
    names = [word for word in words if word not in options and word.islower()]
    if options in (["--help"], ["--version"]):
        return
    deepest = cli if not names else command(names[:1])
    if isinstance(deepest, click.Group) and names[1:]:
        deepest = command(names[:2])
    known = {name for each in deepest.params for name in each.opts}
    assert set(options) <= known, line


@pytest.mark.parametrize("asked", elsewhere.COMMANDS)
def test_a_command_of_another_tool(asked: str) -> None:
    exists(elsewhere.COMMANDS[asked])
    done = CliRunner().invoke(cli, shlex.split(asked)[1:], prog_name="envctl")
    assert done.exit_code == 2
    assert f"did you mean `{elsewhere.COMMANDS[asked]}`?" in done.stderr


@pytest.mark.parametrize("asked", elsewhere.OPTIONS)
def test_an_option_of_another_tool(asked: str) -> None:
    words = shlex.split(asked)[1:]
    hint = elsewhere.OPTIONS[asked]
    for line in re.findall(r"`(envctl [^`]+)`", hint):
        exists(line)
    known = {name for each in command(words[:-1]).params for name in each.opts}
    assert words[-1] not in known
    assert all(word.split()[0] in known for word in re.findall(r"`(--[^`]+)`", hint))
    done = CliRunner().invoke(cli, words, prog_name="envctl")
    assert done.exit_code == 2
    assert hint.split("`")[1] in done.stderr
