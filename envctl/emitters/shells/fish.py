"""fish, from 3.0 on.

State lives in global, unexported variables: ``_ENVCTL_NAMES`` (newest first), and for each name ``_ENVCTL_X_OLD`` (its
words from before) and ``_ENVCTL_X_HOW`` (exported or not, a path or not; unset when there was none). Only the global
scope is written: a universal variable of the same name lies under it, untouched, and is seen again afterwards.

Putting back hangs on ``VIRTUAL_ENV``, which whatever leaves an environment erases: our ``deactivate``, the next
activation, and that of another tool's environment, whose ``deactivate`` replaces ours.
"""

import re
from collections.abc import Iterable, Mapping

from envctl.domain.environment.activation import Activation, Assignment, Session
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.errors import EnvironmentFailure

SCRIPTS: tuple[str, ...] = ("activate.fish",)

_BEGIN = "# >>> envctl >>>\n"
_END = "# <<< envctl <<<\n"
_BLOCK = re.compile(f"^{_BEGIN}.*?^{_END}", re.MULTILINE | re.DOTALL)
_LEFT = re.compile(r"^deactivate nondestructive\n", re.MULTILINE)
_SECRETS = "_ENVCTL_SECRETS"

_KEEP = """function _envctl_keep
    contains -- $argv[1] $_ENVCTL_NAMES; and return
    set -g _ENVCTL_NAMES $argv[1] $_ENVCTL_NAMES
    set -qg $argv[1]; or return 0
    set -g _ENVCTL_$argv[1]_OLD $$argv[1]
    set -g _ENVCTL_$argv[1]_HOW -u --unpath
    set -qgx $argv[1]; and set _ENVCTL_$argv[1]_HOW[1] -x
    set -q --path $argv[1]; and set _ENVCTL_$argv[1]_HOW[2] --path
    return 0
end
"""
_SET = f"""{_KEEP}function _envctl_set
    _envctl_keep $argv[1]
    set -gx $argv[1] $argv[2]
end
"""
_UNSET = "functions -e _envctl_keep _envctl_set\n"

# virtualenv saves these four itself, but takes empty for unset, and what was not exported for exported.
_VIRTUALENV_SAVES = {
    "PKG_CONFIG_PATH": "_OLD_PKG_CONFIG_PATH",
    "PYTHONHOME": "_OLD_VIRTUAL_PYTHONHOME",
    "TCL_LIBRARY": "_OLD_VIRTUAL_TCL_LIBRARY",
    "TK_LIBRARY": "_OLD_VIRTUAL_TK_LIBRARY",
}
_LEAVE = f"""function _envctl_leave --on-variable VIRTUAL_ENV
    set -qg VIRTUAL_ENV; and return
    set -e {" ".join(_VIRTUALENV_SAVES.values())}
    for _ENVCTL_NAME in $_ENVCTL_NAMES
        set -l _ENVCTL_OLD _ENVCTL_"$_ENVCTL_NAME"_OLD
        set -l _ENVCTL_HOW _ENVCTL_"$_ENVCTL_NAME"_HOW
        if set -q $_ENVCTL_HOW
            set -g $$_ENVCTL_HOW $_ENVCTL_NAME $$_ENVCTL_OLD
        else
            set -eg $_ENVCTL_NAME
        end
        set -eg $_ENVCTL_OLD
        set -eg $_ENVCTL_HOW
    end
    set -eg _ENVCTL_NAMES
    functions -e _envctl_leave
end
"""
# virtualenv exports what it saved: a shell started inside would undo an activation that is not its own.
_HIDE = f"""function _envctl_hide
    for _ENVCTL_NAME in $argv
        set -qg $_ENVCTL_NAME; and set -gu $_ENVCTL_NAME $$_ENVCTL_NAME
    end
end
_envctl_hide _OLD_VIRTUAL_PATH _OLD_FISH_PROMPT_OVERRIDE {" ".join(_VIRTUALENV_SAVES.values())}
functions -e _envctl_hide
"""


def quote(text: str) -> str:
    r"""Return ``text`` in single quotes, with ``'`` and ``\`` escaped outside them.

    A ``#`` that begins a line is escaped as well, so that no value can look like a marker line.
    """
    return _literal(text).replace("\n#", "\n'\\#'")


def patch(
    scripts: Mapping[str, str], activation: Activation, *, built_at: str
) -> Mapping[str, str]:
    """Put what leaves after virtualenv's own leaving of an activation before, and the variables at the end."""
    text = _BLOCK.sub("", scripts["activate.fish"])
    final = _literal(activation.environment)
    baked = f"set -gx VIRTUAL_ENV {final}\n"
    if baked not in text:  # asked first: one path may be a part of the other
        text = text.replace(_literal(built_at), final)
    if baked not in text or not _LEFT.search(text):
        raise EnvironmentFailure(
            "the script `activate.fish` is not one that virtualenv wrote for this environment",
            where=activation.environment,
            hint="run `envctl sync --recreate`",
        )
    keep = "".join(f"_envctl_keep {name}\n" for name in _VIRTUALENV_SAVES)
    early = f"{_BEGIN}{_LEAVE}{_KEEP}{keep}functions -e _envctl_keep\n{_END}"
    text = _LEFT.sub(lambda found: found[0] + early, text, count=1)
    return {"activate.fish": f"{text}{_BEGIN}{_entry(activation)}{_END}"}


def script(activation: Activation) -> str:
    """Source the real environment's script without its own variables, then set those of now.

    What leaves is said once more: the script may be one that envctl has not patched (``managed = false``).
    """
    source = quote(activation.programs + "/activate.fish")
    return (
        f"set -g _ENVCTL_BARE\nsource {source}\nset -e _ENVCTL_BARE\n"
        f"{_LEAVE}{assignments(activation.variables)}"
    )


def assignments(variables: Iterable[Assignment]) -> str:
    """Return the code that sets the variables; in a scheduler's job all but its own."""
    always: list[str] = []
    outside: list[str] = []
    for each in variables:
        if each.value is not None:
            line = f"_envctl_set {each.name} {quote(each.value)}\n"
            (outside if each.scheduled else always).append(line)
    if outside:
        free = "; and ".join(f"not set -q {name}" for name in SCHEDULER_JOBS)
        outside = [f"if {free}\n", *outside, "end\n"]
    lines = "".join([*always, *outside])
    return f"{_SET}{lines}{_UNSET}" if lines else ""


def session(
    program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
) -> Session:
    """Start fish with the user's own configuration first: ``--init-command`` runs after it.

    Secrets come through one variable of the process, which the file erases: they stand in no file.
    """
    rc = f"{folder}/init.fish"
    public = Activation(environment=activation.environment, variables=activation.public())
    text = (
        f'{script(public)}eval "${_SECRETS}"\nset -e {_SECRETS}\n'
        f"command rm -f -- {quote(rc)}\ncommand rmdir -- {quote(folder)}\n"
    )
    return Session(
        files={rc: text},
        argv=(program, "-i", "-C", f"source {quote(rc)}"),
        env={**environ, _SECRETS: assignments(activation.secrets())},
    )


def _entry(activation: Activation) -> str:
    about = "# The project's variables, written by `envctl sync`; `deactivate` puts back what was there.\n"
    code = assignments(activation.public())
    return f"{about}{_HIDE}" + (f"if not set -q _ENVCTL_BARE\n{code}end\n" if code else "")


def _literal(text: str) -> str:
    """Return ``text`` quoted as virtualenv's scripts quote it."""
    return "'" + re.sub(r"[\\']", r"'\\\g<0>'", text) + "'"
