"""How Sphinx builds the documentation: ``python3 noxfile.py docs``."""

import click

from envctl import __version__
from envctl.cli import cli

project = "envctl"
author = "envctl contributors"
copyright = "2026, envctl contributors"  # noqa: A001  # Sphinx's name
version = release = __version__

extensions = ["myst_parser", "sphinx_click"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True
smartquotes = False  # an option's two dashes are two dashes

html_theme = "furo"
html_title = f"envctl {__version__}"


def _named(group: click.Group) -> None:
    """Give each command the name by which it is called: the functions behind them are all `command`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            command.name = name
        if isinstance(command, click.Group):
            _named(command)


_named(cli)
