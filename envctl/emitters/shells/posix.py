"""bash, zsh, dash and every other ``sh``: one text for all, in POSIX.1-2017's language.

State lives in unexported shell variables: ``_ENVCTL_NAMES`` (``X:Y:``), ``_ENVCTL_OLD_X`` (the value from before;
unset when there was none) and ``_ENVCTL_OWN_X`` (that value was not exported). Putting back follows this state, not
a baked list: so a script that was rendered anew, or another project's, undoes what the one before had set.

Written for all three at once: no word splitting (zsh does not split; a user may have set IFS), ``+x`` and ``-`` in
every expansion (``set -u``), nothing that may fail outside a condition (``set -e``).
"""

import re
import shlex
from collections.abc import Iterable, Mapping

from envctl.domain.activation import Activation, Assignment, Session
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.emitters.shells import sessions
from envctl.errors import EnvironmentFailure

SCRIPTS: tuple[str, ...] = ("activate",)

_BEGIN = "# >>> envctl >>>\n"
_END = "# <<< envctl <<<\n"
_BLOCK = re.compile(f"^{_BEGIN}.*?^{_END}", re.MULTILINE | re.DOTALL)
_DEACTIVATE = re.compile(r"^deactivate *\(\) *\{\n", re.MULTILINE)

# Called once for each name, when all that an activation before had set is put back already.
# A child is asked whether the variable is exported: no text of `export -p` can be trusted where values hold newlines.
_SET = r"""_envctl_set () {
    if eval "[ -n \"\${$1+x}\" ]"; then
        eval "_ENVCTL_OLD_$1=\$$1"
        sh -c "[ -n \"\${$1+x}\" ]" || [ $? -ne 1 ] || eval "_ENVCTL_OWN_$1=x"
    fi
    _ENVCTL_NAMES="$1:${_ENVCTL_NAMES-}"
    export "$1=$2"
}
"""
_RESTORE = r"""while [ -n "${_ENVCTL_NAMES-}" ]; do
    _ENVCTL_NAME=${_ENVCTL_NAMES%%:*}
    _ENVCTL_NAMES=${_ENVCTL_NAMES#*:}
    unset -v "$_ENVCTL_NAME"
    if eval "[ -n \"\${_ENVCTL_OLD_$_ENVCTL_NAME+x}\" ]"; then
        eval "$_ENVCTL_NAME=\$_ENVCTL_OLD_$_ENVCTL_NAME"
        if eval "[ -z \"\${_ENVCTL_OWN_$_ENVCTL_NAME+x}\" ]"; then
            export "$_ENVCTL_NAME"
        fi
    fi
    unset -v "_ENVCTL_OLD_$_ENVCTL_NAME" "_ENVCTL_OWN_$_ENVCTL_NAME"
done
unset -v _ENVCTL_NAME _ENVCTL_NAMES
"""
# What `deactivate` of venv, virtualenv and uv does, after the project's variables: their function cannot be kept
# under another name in POSIX' language.
_LEAVE = rf"""deactivate () {{
{_RESTORE}    for _ENVCTL_NAME in PATH PS1; do
        if eval "[ -n \"\${{_OLD_VIRTUAL_$_ENVCTL_NAME+x}}\" ]"; then
            eval "$_ENVCTL_NAME=\$_OLD_VIRTUAL_$_ENVCTL_NAME"
        fi
        unset -v "_OLD_VIRTUAL_$_ENVCTL_NAME"
    done
    if [ -n "${{_OLD_VIRTUAL_PYTHONHOME+x}}" ]; then
        export "PYTHONHOME=$_OLD_VIRTUAL_PYTHONHOME"
    fi
    if [ -n "${{_OLD_PKG_CONFIG_PATH-}}" ]; then
        export "PKG_CONFIG_PATH=$_OLD_PKG_CONFIG_PATH"
    elif [ -n "${{_OLD_PKG_CONFIG_PATH+x}}" ]; then
        unset -v PKG_CONFIG_PATH
    fi
    unset -v _OLD_VIRTUAL_PYTHONHOME _OLD_PKG_CONFIG_PATH _ENVCTL_NAME VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    hash -r 2>/dev/null || :
    if [ "${{1-}}" != nondestructive ]; then
        unset -f deactivate
        unset -f pydoc 2>/dev/null || :
    fi
}}
"""


def quote(text: str) -> str:
    r"""Return ``text`` in single quotes, in which POSIX 2.2.2 knows no escape at all.

    A ``#`` that begins a line is quoted apart (``'\#'``), so that no value can look like a marker line.
    """
    return "'" + text.replace("'", "'\\''").replace("\n#", "\n'\\#'") + "'"


def patch(
    scripts: Mapping[str, str], activation: Activation, *, built_at: str
) -> Mapping[str, str]:
    """Put the variables at the end of ``activate``, and their undoing at the top of its ``deactivate``.

    virtualenv bakes the path at which it built; where that is not the final one it is replaced.
    """
    text = _BLOCK.sub("", scripts["activate"])
    final = shlex.quote(activation.environment)
    baked = f"VIRTUAL_ENV={final}\n"
    if baked not in text:  # asked first: one path may be a part of the other
        text = text.replace(shlex.quote(built_at), final)
    if baked not in text or not _DEACTIVATE.search(text):
        raise EnvironmentFailure(
            "the script `activate` is not one that virtualenv wrote for this environment",
            where=activation.environment,
            hint="run `envctl sync --recreate`",
        )
    undo = f"{_BEGIN}{_RESTORE}{_END}"
    text = _DEACTIVATE.sub(lambda found: found[0] + undo, text, count=1)
    return {"activate": f"{text}{_BEGIN}{_entry(activation)}{_END}"}


def script(activation: Activation) -> str:
    """Source the real environment's script, then exchange what it set for the variables of now.

    They differ when ``.envctl/local.toml`` or the manifest was edited after ``sync``, and by the secrets, which are
    in no file. There is no comment in it: not every interactive zsh takes them.
    """
    source = f". {quote(activation.programs + '/activate')}\n"
    if activation.foreign:
        source += _LEAVE
    return source + _RESTORE + assignments(activation.variables)


def assignments(variables: Iterable[Assignment]) -> str:
    """Return the code that sets the variables; in a scheduler's job all but its own."""
    always: list[str] = []
    outside: list[str] = []
    for each in variables:
        if each.value is not None:
            line = f"_envctl_set {each.name} {quote(each.value)}\n"
            (outside if each.scheduled else always).append(line)
    if outside:
        marks = "".join(f"${{{name}+x}}" for name in SCHEDULER_JOBS)
        outside = [f'if [ -z "{marks}" ]; then\n', *outside, "fi\n"]
    lines = "".join([*always, *outside])
    return f"{_SET}{lines}unset -f _envctl_set\n" if lines else ""


def session(
    program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
) -> Session:
    """Start ``program`` as a subshell in which the environment is active after the user's own rc files."""
    public = Activation(environment=activation.environment, variables=activation.public())
    return sessions.session(
        sessions.Entry(
            program=program,
            folder=folder,
            activate=script(public),
            secrets=assignments(activation.secrets()),
            quote=quote,
        ),
        environ,
    )


def _entry(activation: Activation) -> str:
    """Return the end of ``activate``: nothing where virtualenv's part gave up, whose status is then kept."""
    about = "# The project's variables, written by `envctl sync`; `deactivate` puts back what was there.\n"
    code = assignments(activation.public())
    if not code:
        return about
    return f'{about}if [ -n "${{VIRTUAL_ENV-}}" ]; then\n{code}else\nfalse\nfi\n'
