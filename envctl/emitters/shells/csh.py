"""tcsh, which is ``csh`` on Linux, macOS and FreeBSD.

csh has no functions, so what undoes an activation is text: ``_ENVCTL_UNDO`` for the declared variables and
``_ENVCTL_KEPT`` for those that virtualenv changes. It is to be evaluated, and holds names alone: ``unsetenv X``, or
``setenv X "$_ENVCTL_OLD_X:q"``, where the value from before is in an unexported variable.

Every statement is one line, and none is a block: csh looks for the ``endif`` of a block that it skips at the beginning
of lines, in quoted values too. In a one-line ``if`` variables are replaced even where it does not hold, so what may be
unset stands in ``eval '…'``. No line has a ``!`` of its own.
"""

import re
import shlex
from collections.abc import Iterable, Mapping

from envctl.domain.environment.activation import Activation, Assignment, Session
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.emitters.shells import csh_session
from envctl.errors import EnvironmentFailure

SCRIPTS: tuple[str, ...] = ("activate.csh", "deactivate.csh")

_BEGIN = "# >>> envctl >>>\n"
_END = "# <<< envctl <<<\n"
_BLOCK = re.compile(f"^{_BEGIN}.*?^{_END}", re.MULTILINE | re.DOTALL)
_LEFT = re.compile(r"^if \(\$\?_OLD_VIRTUAL_PATH\) source .*\n", re.MULTILINE)

# What may mean something to csh, quoted or not, or to one who has set `histchars` or `backslash_quote`.
_SPECIAL = re.escape("!\"#$%&'()*;<>?@[\\]^`{|}~")
_PIECE = re.compile(rf"(?P<end>[\n\r])|(?P<special>[{_SPECIAL}])|(?P<plain>[^\n\r{_SPECIAL}]+)")
_WRITTEN = {"\n": "'\\\n'", "\r": "'\r'"}
_INLINE = {"\n": '"$_ENVCTL_ENDS[1]:q"', "\r": '"$_ENVCTL_ENDS[2]:q"'}
_ENDS = f"set _ENVCTL_ENDS = ({_WRITTEN[chr(10)]} {_WRITTEN[chr(13)]})\n"

# `$?X` and `$X` mean the shell's own variable where there is one: only a child that unsets it can tell of the
# environment's. It is put aside while the other is read.
_SAVE = (
    "eval 'set _ENVCTL_HAD = $?'$_ENVCTL_NAME",
    "set _ENVCTL_HID = 0",
    "if ($_ENVCTL_HAD) set _ENVCTL_HAD = `unset $_ENVCTL_NAME; eval 'echo $?'$_ENVCTL_NAME`",
    "if ($_ENVCTL_HAD) set _ENVCTL_HID = `unsetenv $_ENVCTL_NAME; eval 'echo $?'$_ENVCTL_NAME`",
    "if ($_ENVCTL_HID) eval 'set _ENVCTL_OWN = ($'$_ENVCTL_NAME':q); unset '$_ENVCTL_NAME",
    "if ($_ENVCTL_HAD) eval 'set '$_ENVCTL_AS$_ENVCTL_NAME' = \"$'$_ENVCTL_NAME':q\"'",
    "if ($_ENVCTL_HID) eval 'set '$_ENVCTL_NAME' = ($_ENVCTL_OWN:q)'",
    "set _ENVCTL_BACK = 'unsetenv '$_ENVCTL_NAME",
    "if ($_ENVCTL_HAD) set _ENVCTL_BACK = 'setenv '$_ENVCTL_NAME' \"$'$_ENVCTL_AS$_ENVCTL_NAME':q\"'",
    'set _ENVCTL_UNDO = "$_ENVCTL_BACK:q; $_ENVCTL_UNDO:q"',
)
_ONCE = "if ($?_ENVCTL_UNDO == 0) set _ENVCTL_UNDO"
_LEAVE = f"""{_ONCE}
if ($?_ENVCTL_KEPT == 0) set _ENVCTL_KEPT
eval "$_ENVCTL_UNDO:q"
eval "$_ENVCTL_KEPT:q"
unset _ENVCTL_*
"""
# `deactivate` is an alias that sources a file of the environment, which may be gone by then: this does the same.
_GONE = (
    'setenv PATH "$_OLD_VIRTUAL_PATH:q"',
    "if ($?_OLD_VIRTUAL_PROMPT) eval 'set prompt = \"$_OLD_VIRTUAL_PROMPT:q\"'",
    "unset _OLD_VIRTUAL_* _OLD_PKG_CONFIG_PATH deactivate_script",
    "unsetenv VIRTUAL_ENV VIRTUAL_ENV_PROMPT",
    "unalias deactivate pydoc",
    *_LEAVE.splitlines(),
    "rehash",
)
_ALIAS = (
    'if (-r "$deactivate_script:q") source "$deactivate_script:q"',
    "if ($?deactivate_script) eval 'eval \"$_ENVCTL_GONE:q\"'",
)


def quote(text: str) -> str:
    """Return ``text`` as one word: what csh could read has a backslash, outside quotes; all else is quoted."""
    return _word(text, _WRITTEN)


def patch(
    scripts: Mapping[str, str], activation: Activation, *, built_at: str
) -> Mapping[str, str]:
    """Put the variables at the end of ``activate.csh``, and their undoing at the end of ``deactivate.csh``."""
    enter, leave = (_BLOCK.sub("", scripts[name]) for name in SCRIPTS)
    final = _literal(activation.environment)
    baked = f"setenv VIRTUAL_ENV {final}\n"
    if baked not in enter:  # asked first: one path may be a part of the other
        enter = enter.replace(_literal(built_at), final)
    if baked not in enter or not _LEFT.search(enter) or "unset deactivate_script\n" not in leave:
        raise EnvironmentFailure(
            "the script `activate.csh` is not one that virtualenv wrote for this environment",
            where=activation.environment,
            hint="run `envctl sync --recreate`",
        )
    early = f"{_BEGIN}{_LEAVE}{_keeping()}{_END}"
    enter = _LEFT.sub(lambda found: found[0] + early, enter, count=1)
    return {
        "activate.csh": f"{enter}{_BEGIN}{_entry(activation)}{_END}",
        "deactivate.csh": f"{leave}{_BEGIN}{_LEAVE}{_END}",
    }


def script(activation: Activation) -> str:
    """Source the real environment's script, then exchange what it set for the variables of now.

    One line without a line end in it, for ``eval "`…`"`` splits at them: those of values are taken from a variable.
    """
    statements = _entering(activation)
    return "; ".join([*statements, *assignments(activation.variables, inline=True)]) + "\n"


def assignments(variables: Iterable[Assignment], *, inline: bool) -> list[str]:
    """Return the statements that set the variables; in a scheduler's job all but its own.

    ``inline``: without line ends, for a place where ``_ENVCTL_ENDS`` is set.
    """
    always: list[str] = []
    outside: list[str] = []
    for each in variables:
        if each.value is not None:
            word = _word(each.value, _INLINE) if inline else quote(each.value)
            guard = "if ($_ENVCTL_FREE) " if each.scheduled else ""
            (outside if each.scheduled else always).extend(
                (
                    f"set _ENVCTL_NAME = {each.name}",
                    f'{guard}eval "$_ENVCTL_SAVE:q"',
                    f"{guard}setenv {each.name} {word}",
                )
            )
    if outside:
        job = " || ".join(f"$?{name}" for name in SCHEDULER_JOBS)
        outside = ["set _ENVCTL_FREE = 1", f"if ({job}) set _ENVCTL_FREE = 0", *outside]
    return [*_saving("_ENVCTL_OLD_"), *always, *outside] if always or outside else []


def session(
    program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
) -> Session:
    """Start ``program`` as a subshell in which the environment is active after the user's own rc files."""
    public = Activation(environment=activation.environment, variables=activation.public())
    lines = [*_entering(public), *assignments(public.variables, inline=False)]
    return csh_session.session(
        csh_session.Entry(
            program=program,
            folder=folder,
            activate=_lines(lines),
            secrets="; ".join(assignments(activation.secrets(), inline=True)),
            quote=quote,
        ),
        environ,
    )


def _entering(activation: Activation) -> list[str]:
    source = f"source {quote(activation.programs + '/activate.csh')}"
    # Asked once more: the script may be one that envctl has not patched (`managed = false`).
    undo = [_ONCE, 'eval "$_ENVCTL_UNDO:q"', "unset _ENVCTL_OLD_*", "set _ENVCTL_UNDO"]
    return [source, *undo]


def _entry(activation: Activation) -> str:
    about = "# The project's variables, written by `envctl sync`; `deactivate` puts back what was there.\n"
    leaving = [
        f"set _ENVCTL_GONE = {_literal('; '.join(_GONE))}",
        f"alias deactivate {_literal('; '.join(_ALIAS))}",
    ]
    return f"{about}{_ENDS}{_lines([*leaving, *assignments(activation.public(), inline=False)])}"


def _keeping() -> str:
    """Return the code that saves what virtualenv changes: it takes empty for unset."""
    statements = ["set _ENVCTL_UNDO", *_saving("_ENVCTL_KEPT_")]
    for name in ("PKG_CONFIG_PATH", "PYTHONHOME", "TCL_LIBRARY", "TK_LIBRARY"):
        statements += [f"set _ENVCTL_NAME = {name}", 'eval "$_ENVCTL_SAVE:q"']
    return _lines([*statements, 'set _ENVCTL_KEPT = "$_ENVCTL_UNDO:q"', "set _ENVCTL_UNDO"])


def _saving(prefix: str) -> list[str]:
    """Return what must be set before a name is saved; the values from before get names with ``prefix``."""
    return [f"set _ENVCTL_SAVE = {_literal('; '.join(_SAVE))}", f"set _ENVCTL_AS = {prefix}"]


def _lines(statements: Iterable[str]) -> str:
    return "".join(f"{statement}\n" for statement in statements)


def _word(text: str, ends: Mapping[str, str]) -> str:
    def quoted(piece: re.Match[str]) -> str:
        if piece["end"]:
            return ends[piece["end"]]
        return f"\\{piece['special']}" if piece["special"] else f"'{piece['plain']}'"

    return _PIECE.sub(quoted, text) or "''"


def _literal(text: str) -> str:
    """Return ``text`` quoted as virtualenv's scripts quote it."""
    quoted = shlex.quote(text)
    quoted = f"'{quoted}'" if quoted == text else quoted
    return quoted.replace("\\", "'\\\\'").replace("!", "'\\!'")
