"""The interactive subshell of tcsh: the user's own rc files first, then the environment.

tcsh takes no rc file by option or variable: it looks in ``HOME``, which is our folder until the first line of our rc
file. The system's ``/etc/csh.cshrc`` alone runs before that line. So what it derived from that home is taken back, and
it is read once more.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from envctl.domain.environment.activation import Session

_SECRETS = "_ENVCTL_SECRETS"
_FOLDER = "_ENVCTL_FOLDER"
_KNOWN = "_ENVCTL_KNOWN"

# Names alone: a line of a value can look like `*=`, and `unsetenv` takes patterns.
_DERIVED = (
    f'$1 ~ /^[A-Za-z_][A-Za-z0-9_]*$/ && index($0, ENVIRON["{_FOLDER}"])'
    f' && index(ENVIRON["{_KNOWN}"], " " $1 " ") == 0 {{ print $1 }}'
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What is to be started: the shell, its folder of rc files, and the code that activates."""

    program: str
    folder: str
    activate: str
    secrets: str = field(repr=False)
    quote: Callable[[str], str]


def session(entry: Entry, environ: Mapping[str, str]) -> Session:
    """Return how the shell is started in ``environ``.

    An error in the user's files ends the reading of ours as well: what activates is then read before the prompt.
    """
    rc, last = f"{entry.folder}/.cshrc", f"{entry.folder}/activate"
    names = " ".join([*environ, "HOME", _SECRETS, _FOLDER, _KNOWN])
    return Session(
        files={rc: _rc(entry, environ), last: _last(entry, rc, last)},
        argv=(entry.program, "-i"),
        env={
            **environ,
            "HOME": entry.folder,
            _SECRETS: entry.secrets,
            _FOLDER: entry.folder,
            _KNOWN: f" {names} ",
        },
    )


def _rc(entry: Entry, environ: Mapping[str, str]) -> str:
    activate = f'source "${_FOLDER}:q/activate"'
    path = f"setenv PATH {entry.quote(environ['PATH'])}\n" if "PATH" in environ else ""
    return (
        f'setenv HOME {entry.quote(environ.get("HOME", "/"))}\nset home = "$HOME:q"\n{path}'
        f"foreach _ENVCTL_NAME (`env | awk -F= '{_DERIVED}'`)\n    unsetenv $_ENVCTL_NAME\nend\n"
        f"unset _ENVCTL_NAME\nunsetenv {_KNOWN}\n"
        f"alias precmd '{activate}'\n"
        "if (-r /etc/csh.cshrc) source /etc/csh.cshrc\n"
        "if (-r ~/.tcshrc) then\n    source ~/.tcshrc\n"
        "else if (-r ~/.cshrc) then\n    source ~/.cshrc\nendif\n"
        f"{activate}\n"
    )


def _last(entry: Entry, rc: str, last: str) -> str:
    """Activate, take the secrets from the process, and leave no file behind."""
    files = f"{entry.quote(rc)} {entry.quote(last)}"
    return (
        f'if ("`alias precmd`" =~ *{_FOLDER}*) unalias precmd\nunsetenv {_FOLDER}\n'
        f'{entry.activate}eval "${_SECRETS}:q"\nunsetenv {_SECRETS}\n'
        f"\\rm -f {files}\n\\rmdir {entry.quote(entry.folder)}\n"
    )
