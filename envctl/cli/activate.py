"""``envctl activate``."""

import click

from envctl.bootstrap import Services
from envctl.cli import completers, options
from envctl.cli.render import show
from envctl.usecases.activate import chosen, require_script, script
from envctl.usecases.enter import activation


@click.command(epilog='Example: eval "$(envctl activate)"')
@click.option(
    "--shell",
    shell_complete=completers.shells,
    help="The shell to write for; without it, the one that runs envctl.",
)
@options.pass_services
def command(services: Services, shell: str | None) -> None:
    """Print the shell code that activates the environment.

    The declared variables are set with it; `deactivate` puts back what was
    there before. What evaluates it, for each shell:

    \b
    bash, zsh, sh  eval "$(envctl activate)"
    fish           envctl activate | source
    tcsh           eval "`envctl activate`"

    docs/how-to/activate.md has the others.
    """  # noqa: D301  # the escape is Click's mark for lines that stay as they are
    found = activation(services.project, services.environments, services.environ, sourced=True)
    shell = chosen(shell, services.environ, services.parent_shell)
    code = script(found, shell)
    require_script(found, shell, services.is_file)
    show(code)
