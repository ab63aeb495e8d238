"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from envctl.bootstrap import Services
from envctl.cli import completers
from envctl.cli.render import VERBOSE
from envctl.cli.terminal import COLOR
from envctl.domain.nearest import listed, meant
from envctl.errors import UsageError

if TYPE_CHECKING:
    from envctl.domain.lock import Lock
    from envctl.domain.manifest import Manifest

F = TypeVar("F", bound=Callable[..., Any])

pass_services = click.make_pass_decorator(Services)
profile = click.option(
    "--profile",
    metavar="NAME",
    shell_complete=completers.profiles,
    help="Use this profile of the project.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON report.")


def _verbose(ctx: click.Context, _param: click.Parameter, given: bool) -> None:
    if given:
        ctx.meta[VERBOSE] = True


def _color(ctx: click.Context, _param: click.Parameter, given: str | None) -> None:
    if given:
        ctx.meta[COLOR] = given


def verbose(*names: str) -> Callable[[F], F]:
    """Return the option that shows what was said underneath."""
    return click.option(
        *names,
        is_flag=True,
        expose_value=False,
        callback=_verbose,
        help="Show what the tools underneath said.",
    )


color = click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    expose_value=False,
    callback=_color,
    help="Colours: as the terminal has them, or always or never.",
)


def everywhere(command: click.Command) -> None:
    """Let a command, and those below it, take the options that stand before it as well.

    Where another program's words follow, `-v` is left to who means that program's, or a volume.
    """
    there = {name for each in command.params for name in each.opts}
    if "--verbose" not in there:
        foreign = not command.context_settings.get("allow_interspersed_args", True)
        verbose(*(() if foreign else ("-v",)), "--verbose")(command)
    if "--color" not in there:
        color(command)
    for each in command.params:
        if isinstance(each, click.Option) and "--color" in each.opts:
            each.hidden = True
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        everywhere(below)


def selection(function: F) -> F:
    """Add the options that choose a slice of the lock."""
    for option in (
        click.option("--no-default-groups", is_flag=True, help="Leave the default groups out."),
        click.option(
            *("--extra", "extras"),
            multiple=True,
            metavar="NAME",
            shell_complete=completers.extras,
            help="Add an extra (may be repeated).",
        ),
        click.option(
            *("--group", "groups"),
            multiple=True,
            metavar="NAME",
            shell_complete=completers.groups,
            help="Add a dependency group.",
        ),
    ):
        function = option(function)
    return function


def chosen(
    manifest: "Manifest",
    lock: "Lock | None",
    groups: tuple[str, ...],
    extras: tuple[str, ...],
    *,
    no_default: bool,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the groups and extras that a command line asks for; raises ``UsageError`` for what nobody knows.

    ``lock`` may have more of them than the manifest: another tool wrote it.
    """
    from packaging.utils import canonicalize_name  # noqa: PLC0415  # lazy: `--help` needs none of it

    named = tuple(canonicalize_name(name) for name in groups)
    added = tuple(canonicalize_name(name) for name in extras)
    there = (lock.pylock.dependency_groups, lock.pylock.extras) if lock else ((), ())
    _known(named, {*manifest.groups, *(there[0] or ())}, "--group")
    _known(added, {*manifest.extras, *(there[1] or ())}, "--extra")
    default = ((), ()) if no_default else (manifest.default_groups, manifest.default_extras)
    return tuple(dict.fromkeys((*default[0], *named))), tuple(dict.fromkeys((*default[1], *added)))


def inside(services: Services, output: str, *, example: str) -> str:
    """Return a file's name as the project sees it; it is given as seen from the folder of the call.

    Raises ``UsageError`` for a file outside, or one that is not the user's to replace (``usecases.output``).
    """
    from envctl.usecases.output import check  # noqa: PLC0415  # with `--output` only

    path = Path(os.path.relpath(services.folder / output, services.project.root))
    if path.parts[:1] == (os.pardir,):
        raise UsageError(
            "envctl writes only inside the project",
            where=f"--output {output}",
            hint="leave `--output` out, and send stdout there",
        )
    check(path.as_posix(), example=example)
    real = os.path.relpath(
        *map(os.path.realpath, (services.folder / output, services.project.root))
    )
    try:
        check(real, example=example)
    except UsageError as error:  # a link leads there
        raise UsageError(error.message, where=f"--output {output}", hint=error.hint) from error
    return path.as_posix()


def _known(names: tuple[str, ...], known: set[str], option: str) -> None:
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no {option.removeprefix('--')} `{name}`",
                where=option,
                hint=meant(name, known, otherwise=f"there are: {listed(sorted(known))}"),
            )
