"""``.envrc`` for direnv: whoever is in the project's folder has the environment and its variables (direnv-stdlib(1)).

direnv evaluates it in bash and takes over what is exported then; leaving the folder puts back what was there.
"""

from envctl.domain import seal
from envctl.domain.environment.entrance import Entrance
from envctl.domain.export import Exported

NAME = "direnv"
SUMMARY = "An .envrc for direnv."
HELP = """\
Write an .envrc: who enters the folder has the environment.

It evaluates `envctl activate` whenever a file that counts has changed.
"""
FILE = ".envrc"
FILES = r"[^/]+"
EXAMPLE = "envctl export direnv --output .envrc"
HOLDS_VALUES = False

# direnv does not take over PS1, shell functions, and what is not exported. A failure is said by envctl itself; the
# file then ends well, so that what direnv watches brings the environment as soon as there is one.
_TEXT = f"""\
# shellcheck shell=bash
# Written by `envctl export direnv`, which leaves it alone once you have changed it. {seal.BLANK}
watch_file pyproject.toml pylock*.toml .envctl/local.toml .venv/envctl.json
if [[ -r .envctl/local.toml ]]; then
  envctl_files=$(<.envctl/local.toml)
  if [[ $envctl_files =~ (^|$'\\n')env-file[[:blank:]]*=[[:blank:]]*(\\[[^]]*|[^$'\\n']*) ]]; then
    envctl_files=${{BASH_REMATCH[2]}}
    while [[ $envctl_files =~ [\\"\\']([^\\"\\']+)[\\"\\'](.*) ]]; do
      envctl_files=${{BASH_REMATCH[2]}}
      watch_file "${{BASH_REMATCH[1]/#\\~\\//$HOME/}}"
    done
  fi
fi
if ! has envctl; then
  log_error "envctl is not on PATH: the project's environment is not active"
elif envctl_script=$(envctl activate --shell bash); then
  VIRTUAL_ENV_DISABLE_PROMPT=${{VIRTUAL_ENV_DISABLE_PROMPT:-1}}
  eval "$envctl_script"
fi
unset envctl_files envctl_script
"""


def emit(entrance: Entrance) -> Exported:  # noqa: ARG001  # the protocol's
    """Write the file: the same for every project, and no value stands in it."""
    return Exported(text=seal.sealed(_TEXT))
