r"""cmd.exe: state lies in variables of the process, for it has no others: ``_ENVCTL_CMD_NAMES``, ``_ENVCTL_CMD_OLD_X``.

Within ``set "X=…"`` all is plain but ``%``, which is doubled, and a quote: a value with one stands without quotes
around it, and each special character has a caret. A value that is read back from a variable comes through
``for /f``, whose ``%%v`` is put in after the line was parsed: expanded as ``%X%``, its quotes and operators would be
taken for the line's own.

cmd cannot hold an empty variable, and a line cannot hold a line break, Ctrl-Z, or more than 8191 characters: such a
value is refused. What cmd itself was started with is put back exactly as long as it has no line break.
"""

import re
from collections.abc import Iterable, Mapping

from envctl.domain.environment.activation import Activation, Assignment, Session
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.errors import EnvironmentFailure, ManifestError

SCRIPTS: tuple[str, ...] = ("activate.bat", "deactivate.bat")

_LINE = 8191
_SPECIAL = re.compile(r'[&|<>^"()]')
# virtualenv writes no scripts there (`activation/batch/__init__.py`).
_NOT_IN_PATHS = frozenset('&|<>^!"\x1a\r\n')
_HANDED = "_ENVCTL_CMD_SECRET_"
_BEGIN = "@REM >>> envctl >>>\n"
_END = "@REM <<< envctl <<<\n"
_BLOCK = re.compile(f"^{_BEGIN.strip()}\r?\n.*?^{_END.strip()}\r?\n", re.MULTILINE | re.DOTALL)
_PLACE = '@set "VIRTUAL_ENV={}"'
_CALL = '@call "{}\\'
_LAST = re.compile(r"^@if defined _OLD_CODEPAGE \(\r?\n(?:(?!^@if).*\r?\n)*\Z", re.MULTILINE)
_LEFT = re.compile(r"^@set VIRTUAL_ENV=\r?\n", re.MULTILINE)

_ABOUT = "@REM The project's variables, written by `envctl sync`; deactivate.bat puts back what was there.\n"
_UNDO = """\
@if not defined _ENVCTL_CMD_NAMES @goto ENVCTL_UNDONE
@for %%n in (%_ENVCTL_CMD_NAMES%) do @(
    if defined _ENVCTL_CMD_OLD_%%n (
        setlocal EnableDelayedExpansion
        for /f "delims=" %%v in (""!_ENVCTL_CMD_OLD_%%n!"") do @endlocal & set "%%n=%%~v"
        set "_ENVCTL_CMD_OLD_%%n="
    ) else set "%%n="
)
@set _ENVCTL_CMD_NAMES=
:ENVCTL_UNDONE
"""
_MOVE = """\
@if defined {source} @setlocal EnableDelayedExpansion
@if defined {source} @for /f "delims=" %%v in (""!{source}!"") do @endlocal & set "{target}=%%~v"
"""
_KEEP = '@set "_ENVCTL_CMD_NAMES={name} %_ENVCTL_CMD_NAMES%"\n'
# With delayed expansion on, `!!` is a variable without a name and so nothing.
_NO_DELAY = """\
@if "!!"=="" @echo envctl: {name} holds an exclamation mark, which delayed expansion takes away: turn that off 1>&2
@if "!!"=="" @exit /b 1
"""
_UTF8 = """\
@for /f "tokens=2 delims=:." %%a in ('"%SystemRoot%\\System32\\chcp.com"') do @set _ENVCTL_CMD_PAGE=%%a
@if defined _ENVCTL_CMD_PAGE @"%SystemRoot%\\System32\\chcp.com" 65001 > nul
"""
_PAGE_BEFORE = """\
@if defined _ENVCTL_CMD_PAGE @"%SystemRoot%\\System32\\chcp.com" %_ENVCTL_CMD_PAGE% > nul
@set _ENVCTL_CMD_PAGE=
"""


def refused(text: str) -> str:
    """Return why cmd cannot hold ``text``; nothing where it can."""
    if not text:
        return "is empty, and cmd has no empty variables"
    for character, said in (
        ("\n", "a line break"),
        ("\r", "a line break"),
        ("\0", "U+0000"),
        ("\x1a", "U+001A"),
    ):
        if character in text:
            return f"holds {said}, at which a line of cmd ends"
    if '"' in text and "/?" in text:
        return "holds a quote and a slash with a question mark, at which set shows its help"
    return ""


def quote(text: str) -> str:
    """Return a value as it stands in ``setting``; raises ``ManifestError`` for what cmd cannot hold."""
    if reason := refused(text):
        raise ManifestError(
            f"the value {reason}", where="cmd", hint="use PowerShell for this project"
        )
    text = text.replace("%", "%%")
    return _SPECIAL.sub(r"^\g<0>", text) if '"' in text else text


def patch(
    scripts: Mapping[str, str], activation: Activation, *, built_at: str
) -> Mapping[str, str]:
    """Put the variables before the end of ``activate.bat``, their undoing before virtualenv's in ``deactivate.bat``.

    Where cmd cannot hold a value, ``activate.bat`` says so and does nothing: the project's other shells can.
    """
    enter = _BLOCK.sub("", scripts["activate.bat"])
    leave = _BLOCK.sub("", scripts["deactivate.bat"])
    enter = _moved(enter, built_at, activation.environment)
    if not (_LAST.search(enter) and _LEFT.search(leave)):
        raise _foreign(activation)
    public = activation.public()
    reasons = [(each.name, _reason(each)) for each in public]
    no = "".join(f"@echo envctl: {name} {why} 1>&2\n" for name, why in reasons if why)
    if no:
        enter = _block(f"{no}@exit /b 1\n") + enter
    else:
        head = _block(delays) if (delays := _delays(public)) else ""
        enter = head + _LAST.sub(
            lambda found: _block(_ABOUT + _assignments(public)) + found[0], enter
        )
    return {"activate.bat": enter, "deactivate.bat": _block(_UNDO) + leave}


def script(activation: Activation) -> str:
    r"""Return a batch file: the real environment's, then an exchange of what it set for the variables of now.

    Line ends are ``\n``, for a stream that makes them the system's. A file, because cmd can evaluate no text: what
    is secret lies in it as long as it is there.
    """
    _check(activation)
    variables = activation.variables
    return _delays(variables) + _entry(activation) + _assignments(variables) + _PAGE_BEFORE


def session(
    program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
) -> Session:
    """Start cmd with a batch file that activates and removes itself; secrets come by variables of the process."""
    _check(activation)
    rc, secrets = f"{folder}\\activate.cmd", activation.secrets()
    lines = _delays(activation.public()) + _entry(activation) + _assignments(activation.public())
    for each in secrets:
        lines += _kept(each.name) + _MOVE.format(source=_HANDED + each.name, target=each.name)
        lines += f'@set "{_HANDED}{each.name}="\n'
    # `(goto)` ends the batch file, which then can be removed: the rest of the line is read already.
    lines += f'{_PAGE_BEFORE}@(goto) 2>nul & del "{rc}" & rd "{folder}"\n'
    given = {_HANDED + each.name: each.value for each in secrets if each.value is not None}
    return Session(files={rc: lines}, argv=(program, "/K", rc), env={**environ, **given})


def _entry(activation: Activation) -> str:
    place = f"{activation.environment}\\Scripts\\activate.bat".replace("%", "%%%%")
    return f'{_UTF8}@call "{place}"\n{_UNDO}'


def _assignments(variables: Iterable[Assignment]) -> str:
    always: list[str] = []
    outside: list[str] = []
    for each in variables:
        if each.value is not None:
            line = _kept(each.name) + setting(each.name, each.value)
            (outside if each.scheduled else always).append(line)
    if outside:
        jobs = [f"@if defined {name} @goto ENVCTL_JOB\n" for name in SCHEDULER_JOBS]
        outside = [*jobs, *outside, ":ENVCTL_JOB\n"]
    return "".join([*always, *outside])


def setting(name: str, value: str) -> str:
    """Return the command that sets the variable in a batch file."""
    text = quote(value)
    return f"@set {name}={text}\n" if '"' in value else f'@set "{name}={text}"\n'


def _kept(name: str) -> str:
    return _KEEP.format(name=name) + _MOVE.format(source=name, target=f"_ENVCTL_CMD_OLD_{name}")


def _delays(variables: Iterable[Assignment]) -> str:
    return "".join(
        _NO_DELAY.format(name=each.name) for each in variables if "!" in (each.value or "")
    )


def _reason(each: Assignment) -> str:
    if each.value is None:
        return ""
    if reason := refused(each.value):
        return reason
    if len(setting(each.name, each.value).encode("utf-16-le")) // 2 > _LINE:
        return "is longer than a line of cmd can be, 8191 characters"
    return ""


def _check(activation: Activation) -> None:
    for each in activation.variables:
        if reason := _reason(each):
            raise ManifestError(
                f"cmd cannot hold `{each.name}`: its value {reason}",
                where=each.name,
                hint="use PowerShell for this project, or `envctl run -- COMMAND`, which needs no shell",
            )
    if _NOT_IN_PATHS & set(activation.environment):
        raise _foreign(activation)


def _moved(text: str, built_at: str, final: str) -> str:
    """Return virtualenv's part with its final path; ``call`` expands ``%`` a second time."""
    new, old = (path.replace("%", "%%") for path in (final, built_at))
    if _PLACE.format(new) not in text:
        text = text.replace(_PLACE.format(old), _PLACE.format(new))
        text = text.replace(
            _CALL.format(old.replace("%", "%%")), _CALL.format(new.replace("%", "%%"))
        )
    if _PLACE.format(new) not in text or _NOT_IN_PATHS & set(final):
        return ""
    return text


def _foreign(activation: Activation) -> EnvironmentFailure:
    return EnvironmentFailure(
        "the scripts `activate.bat` and `deactivate.bat` are not those that virtualenv wrote for this environment",
        where=activation.environment,
        hint="run `envctl sync --recreate`",
    )


def _block(code: str) -> str:
    return f"{_BEGIN}{code}{_END}".replace("\n", "\r\n")
