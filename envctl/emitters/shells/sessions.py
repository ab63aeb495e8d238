"""Interactive subshells of the ``sh`` family: the user's own rc files first, then the environment.

bash is given its rc file by option, zsh by ``ZDOTDIR``, every other ``sh`` by ``ENV`` (POSIX.1-2017, sh). The files
remove themselves when they are read, so that envctl can become the shell instead of waiting behind it. Secrets
come through one variable of the process: they stand in no file. Their first lines do both, before the user's own
files run: whatever fails later leaves no file, and no secret that child processes see.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from envctl.domain.environment.activation import Session

_SECRETS = "_ENVCTL_SECRETS"
_GIVEN = "_ENVCTL_GIVEN"  # not exported

# virtualenv gives a prompt to bash and zsh alone. Read when the prompt is drawn, so it goes with `deactivate`.
_SH_PROMPT = "PS1='${VIRTUAL_ENV_PROMPT:+($VIRTUAL_ENV_PROMPT) }'\"${PS1-}\"\n"

_TAKE = f"{_GIVEN}=${{{_SECRETS}-}}\nunset -v {_SECRETS}\n"

_ZDOTDIR_AS_BEFORE = """if [ -n "${_ENVCTL_ZDOTDIR+x}" ]; then
    ZDOTDIR=$_ENVCTL_ZDOTDIR
    unset -v _ENVCTL_ZDOTDIR
else
    unset -v ZDOTDIR
fi
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What is to be started: the shell, its folder of rc files, and the code that activates."""

    program: str
    folder: str
    activate: str
    secrets: str = field(repr=False)
    quote: Callable[[str], str]


def session(entry: Entry, environ: Mapping[str, str]) -> Session:
    """Return how the shell is started in ``environ``."""
    env = {**environ, _SECRETS: entry.secrets}
    name = entry.program.rpartition("/")[2]
    if name == "bash":
        return _bash(entry, env)
    return _zsh(entry, env) if name == "zsh" else _sh(entry, env)


def _bash(entry: Entry, env: Mapping[str, str]) -> Session:
    rc = f"{entry.folder}/bashrc"
    own = "if [ -f ~/.bashrc ]; then . ~/.bashrc; fi\n"
    return Session(
        files={rc: _first(entry, rc) + own + _last(entry)},
        argv=(entry.program, "--rcfile", rc, "-i"),
        env=env,
    )


def _zsh(entry: Entry, env: Mapping[str, str]) -> Session:
    """Step aside while the user's ``.zshenv`` and ``.zshrc`` run: they see, and may set, their own ZDOTDIR."""
    zshenv, zshrc = f"{entry.folder}/.zshenv", f"{entry.folder}/.zshrc"
    # /etc/zshrc (macOS) has put the history into our folder by then.
    history = (
        f'if [ "${{HISTFILE-}}" = {entry.quote(entry.folder + "/.zsh_history")} ]; then\n'
        '    HISTFILE="${ZDOTDIR-$HOME}/.zsh_history"\nfi\n'
    )
    early = (
        f"{_TAKE}{_gone(entry, zshenv)}{_ZDOTDIR_AS_BEFORE}{_source('.zshenv')}"
        'if [ -n "${ZDOTDIR+x}" ]; then _ENVCTL_ZDOTDIR=$ZDOTDIR; fi\n'
        f"ZDOTDIR={entry.quote(entry.folder)}\n"
    )
    late = (
        f"{_gone(entry, zshrc)}{_rmdir(entry)}"
        f"{_ZDOTDIR_AS_BEFORE}{history}{_source('.zshrc')}{_last(entry)}"
    )
    inherited = {"_ENVCTL_ZDOTDIR": env["ZDOTDIR"]} if "ZDOTDIR" in env else {}
    return Session(
        files={zshenv: early, zshrc: late},
        argv=(entry.program, "-i"),
        env={**env, **inherited, "ZDOTDIR": entry.folder},
    )


def _source(name: str) -> str:
    file = f'"${{ZDOTDIR-$HOME}}/{name}"'
    return f"if [ -f {file} ]; then . {file}; fi\n"


def _sh(entry: Entry, env: Mapping[str, str]) -> Session:
    rc = f"{entry.folder}/shrc"
    if "ENV" in env:  # the shell expands it once: `ENV=$HOME/.shrc` (POSIX.1-2017, sh)
        own = (
            f"ENV={entry.quote(env['ENV'])}\n"
            'eval "_ENVCTL_RC=\\"$ENV\\""\n'
            'if [ -f "$_ENVCTL_RC" ]; then . "$_ENVCTL_RC"; fi\n'
            "unset -v _ENVCTL_RC\n"
        )
    else:
        own = "unset -v ENV\n"
    return Session(
        files={rc: _first(entry, rc) + own + _last(entry, prompt=_SH_PROMPT)},
        argv=(entry.program, "-i"),
        env={**env, "ENV": rc},
    )


def _first(entry: Entry, rc: str) -> str:
    return f"{_TAKE}{_gone(entry, rc)}{_rmdir(entry)}"


def _gone(entry: Entry, file: str) -> str:
    """Remove a file that the shell has opened, and reads to its end all the same."""
    return f"command rm -f -- {entry.quote(file)}\n"


def _rmdir(entry: Entry) -> str:
    return f"command rmdir -- {entry.quote(entry.folder)}\n"


def _last(entry: Entry, *, prompt: str = "") -> str:
    return f'{entry.activate}{prompt}eval "${{{_GIVEN}-}}"\nunset -v {_GIVEN}\n'
