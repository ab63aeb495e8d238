"""A command line that Click does not understand, in the form that every message of envctl's has.

Click says what it found; said here is at which command, and the next step: the nearest word, the place where the
option belongs, or the command's own example.
"""

import re
from collections.abc import Sequence

import click

from envctl.cli import elsewhere
from envctl.domain.nearest import listed, meant, nearest
from envctl.errors import UsageError

_WITH_A_VALUE = ("-C", "--directory", "--color")


def explained(error: click.ClickException, root: click.Command, words: Sequence[str]) -> UsageError:
    """Return what is wrong with a command line, in envctl's own form."""
    context = getattr(error, "ctx", None)
    path, command = (context.command_path, context.command) if context else place(root, words)
    message, hint = _said(error, path, command)
    return UsageError(message, where=path, hint=hint or f"see `{path} --help`")


def _said(error: click.ClickException, path: str, command: click.Command) -> tuple[str, str | None]:
    """Return what is wrong, and the next step if it is a particular one."""
    name = path.removeprefix("envctl ")
    match error:
        case click.NoSuchOption():
            return f"`{name}` has no option `{error.option_name}`", _option(error, path, command)
        case click.MissingParameter():
            return f"`{name}` needs {_named(error.param)}", _example(command)
        case click.BadOptionUsage():
            return _usage(error, command)
        case click.BadParameter():
            return _bad(error)
        case _:
            return _sentence(error, path, command)


def _sentence(
    error: click.ClickException, path: str, command: click.Command
) -> tuple[str, str | None]:
    """Return the same for what Click has no class of its own, or not in all versions."""
    text = error.format_message()
    if unknown := re.match(r"No such command '(.*)'\.", text, re.DOTALL):
        name = str(getattr(error, "command_name", unknown[1]))
        return f"there is no command `{_asked(path, name)}`", _command(name, path, command)
    if extra := re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", text, re.DOTALL):
        return f"`{path.removeprefix('envctl ')}` takes no `{extra[1]}`", None
    if text == "Missing command.":
        return f"`{path}` needs a command", None
    return _spelled(text), None


def place(root: click.Command, words: Sequence[str]) -> tuple[str, click.Command]:
    """Return the command that the words call, with its whole name."""
    path, command, before = "envctl", root, ""
    for word in words[: words.index("--")] if "--" in words else words:
        if not isinstance(command, click.Group):
            break
        if before in _WITH_A_VALUE:
            before = ""
            continue
        before = word
        below = command.get_command(click.Context(command), word)
        if below is not None:
            path, command = f"{path} {word}", below
    return path, command


def _option(error: click.NoSuchOption, path: str, command: click.Command) -> str | None:
    word = error.option_name
    if other := elsewhere.OPTIONS.get(f"{path} {word}"):
        return other
    if word in ("-C", "--directory"):
        return f"write it before the command: `envctl -C DIR{path.removeprefix('envctl')} …`"
    if word == "--json" and isinstance(command, click.Group):
        return f"write it after the command: `{path} COMMAND --json`"
    if word == "-v" and path == "envctl image run":
        return "did you mean `--mount`, as in `envctl image run --mount data:/data`?"
    names = (name for each in command.params for name in each.opts if name.startswith("--"))
    close = nearest(word.strip("-"), [name.strip("-") for name in names])
    return f"did you mean `--{close}`?" if close else f"see `{path} --help` for its options"


def _asked(path: str, name: str) -> str:
    return f"{path} {name}".removeprefix("envctl ")


def _command(name: str, path: str, command: click.Command) -> str:
    known = (
        command.list_commands(click.Context(command)) if isinstance(command, click.Group) else ()
    )
    if other := elsewhere.COMMANDS.get(f"{path} {name}"):
        return f"did you mean `{other}`?"
    close = nearest(name, known)
    if close:
        return f"did you mean `{path} {close}`?"
    return (
        f"there are: {listed(known)}"
        if path != "envctl"
        else "see `envctl --help` for what there is"
    )


def _usage(error: click.BadOptionUsage, command: click.Command) -> tuple[str, str | None]:
    option = next((each for each in command.params if error.option_name in each.opts), None)
    said = error.format_message()
    if "requires" not in said:
        return _spelled(said), None
    shown = f"{error.option_name} {option.make_metavar(click.Context(command))}" if option else ""
    return (
        f"`{error.option_name}` needs a value",
        f"write it after that: `{shown}`" if option else None,
    )


def _bad(error: click.BadParameter) -> tuple[str, str | None]:
    kind = error.param.type if error.param else None
    named = _named(error.param)
    value = re.search(r"'([^']*)'", error.message)
    if isinstance(kind, click.Choice) and value:
        choices = [str(each) for each in kind.choices]
        return (
            f"{named} cannot be `{value[1]}`",
            meant(value[1], choices, otherwise=f"there are: {', '.join(choices)}"),
        )
    if isinstance(kind, click.types.IntParamType):
        given = error.message.split(" is not ")[0].strip("'")
        return f"{named} cannot be `{given}`", f"write a whole number: {named[:-1]} 2`"
    if isinstance(kind, click.Path) and value:
        return f"there is no folder `{value[1]}`", f"correct what {named} names"
    return f"{named}: {_spelled(error.message)}", None


def _named(param: click.Parameter | None) -> str:
    """Return an option or an argument as a person writes it."""
    if param is None:
        return "a value"
    if isinstance(param, click.Option):
        return f"`{max(param.opts, key=len)}`"
    return (
        f"`{param.name or ''}`".upper() if isinstance(param.type, click.Choice) else _metavar(param)
    )


def _metavar(param: click.Parameter) -> str:
    return f"`{param.make_metavar(click.Context(click.Command('')))}`"


def _spelled(text: str) -> str:
    """Return Click's sentence as envctl writes one: names in backticks, no capital, no full stop."""
    plain = re.sub(r"'([^'\s]+)'", r"`\1`", text).rstrip(".")
    return plain[:1].lower() + plain[1:]


def _example(command: click.Command) -> str | None:
    """Return a command's own example as a next step."""
    text = command.epilog or ""
    return (
        f"for example `{text.removeprefix('Example: ')}`" if text.startswith("Example: ") else None
    )


def layer(word: str, option: str) -> str:
    """Return what was meant by a layer that there is not: a code of a finding belongs to one."""
    from envctl.domain.finding import LAYERS  # noqa: PLC0415  # only for the message
    from envctl.domain.finding.catalogue import CATALOGUE  # noqa: PLC0415

    layers = next((entry.layers for code, entry in CATALOGUE.items() if code == word), None)
    if layers and option == "--skip":
        return f'that is a code: `{word} = "off"` in [tool.envctl.verify.severity] leaves it out'
    if layers:
        return f"that is a code, and found by `envctl verify --only {','.join(layers)}`"
    return meant(word, LAYERS, otherwise=f"the layers are: {', '.join(LAYERS)}")
