"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from envctl.bootstrap import Services

F = TypeVar("F", bound=Callable[..., Any])

pass_services = click.make_pass_decorator(Services)
profile = click.option("--profile", metavar="NAME", help="Use this profile of the project.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON report.")


def selection(function: F) -> F:
    """Add the options that choose a slice of the lock."""
    for option in (
        click.option("--no-default-groups", is_flag=True, help="Leave the default groups out."),
        click.option("--extra", "extras", multiple=True, help="Add an extra (may be repeated)."),
        click.option("--group", "groups", multiple=True, help="Add a dependency group."),
    ):
        function = option(function)
    return function


def chosen(
    default: tuple[str, ...], groups: tuple[str, ...], *, no_default: bool
) -> tuple[str, ...]:
    """Return the groups that a command line asks for, by their normalised names."""
    from packaging.utils import canonicalize_name  # noqa: PLC0415  # lazy: `--help` needs none of it

    named = tuple(canonicalize_name(name) for name in groups)
    return tuple(dict.fromkeys((*(() if no_default else default), *named)))
