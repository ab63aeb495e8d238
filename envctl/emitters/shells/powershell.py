"""PowerShell: what was there before is kept in one global table, name to value, ``$null`` where nothing was.

Everything is printable ASCII on lines of its own: Windows PowerShell reads files without a mark, and what programs
print, in the code page of the machine. Before 7.5 no PowerShell can hold an empty variable (``$env:X = ''`` removes
it; about_Environment_Variables, .NET 9 breaking changes): there a declared empty one is refused, and one of the
caller's is gone after ``deactivate``.
"""

import base64
import re
from collections.abc import Iterable, Mapping

from envctl.domain.environment.activation import Activation, Assignment, Session
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.errors import EnvironmentFailure

SCRIPTS: tuple[str, ...] = ("activate.ps1",)

_SECRETS = "_ENVCTL_SECRETS"
_BEGIN = "# >>> envctl >>>\n"
_END = "# <<< envctl <<<\n"
_BLOCK = re.compile(f"^ *{_BEGIN}.*?^ *{_END}", re.MULTILINE | re.DOTALL)
_DEACTIVATE = re.compile(r"^function global:deactivate\b.*\{\n", re.MULTILINE)
_PLACE = re.compile(r"^\$pyvenvCfg = ", re.MULTILINE)
_JOB = "(" + " -or ".join(f"(Test-Path env:{name})" for name in SCHEDULER_JOBS) + ")"

_UNDO = """\
if (Test-Path variable:_ENVCTL_OLD) {
    foreach ($each in $global:_ENVCTL_OLD.GetEnumerator()) {
        if ($null -eq $each.Value) {
            Remove-Item -LiteralPath "env:$($each.Key)" -ErrorAction SilentlyContinue
        } else {
            Set-Item -LiteralPath "env:$($each.Key)" -Value $each.Value
        }
    }
    Remove-Variable -Name _ENVCTL_OLD -Scope global
}
"""
# A hash table of its own class, because PowerShell's `@{}` takes two names that differ in case for one.
_SET = """\
& {{
    if (-not (Test-Path variable:_ENVCTL_OLD)) {{
        $global:_ENVCTL_OLD = New-Object System.Collections.Hashtable
    }}
    $set = {{
        param($name, $value)
        $old = Get-Item -LiteralPath "env:$name" -ErrorAction Ignore
        $global:_ENVCTL_OLD[$name] = if ($null -eq $old) {{ $null }} else {{ $old.Value }}
        Set-Item -LiteralPath "env:$name" -Value $value
    }}
{lines}}}
"""
_REFUSE = """\
if (($PSVersionTable.PSVersion.Major * 100 + $PSVersionTable.PSVersion.Minor) -lt 705{unless}) {{
    throw 'envctl: {name} is declared as empty, and PowerShell before 7.5 cannot hold an empty variable'
}}
"""


def quote(text: str) -> str:
    """Return ``text`` in single quotes, in which only their like is special, or else what decodes to it."""
    if text.isascii() and (text.isprintable() or not text):
        return "'" + text.replace("'", "''") + "'"
    encoded = base64.b64encode(text.encode()).decode()
    return f"([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{encoded}')))"


def patch(
    scripts: Mapping[str, str], activation: Activation, *, built_at: str
) -> Mapping[str, str]:
    """Put the variables at the end of the script, and their undoing at the top of ``deactivate``.

    ``built_at`` stands nowhere in it: it takes the folder that it was called by, the link ``.venv``. The real path
    is baked instead.
    """
    del built_at
    text = _BLOCK.sub("", scripts["activate.ps1"])
    if not (_DEACTIVATE.search(text) and _PLACE.search(text)):
        raise EnvironmentFailure(
            "the script `activate.ps1` is not one that virtualenv wrote",
            where=activation.environment,
            hint="run `envctl sync --recreate`",
        )
    public = activation.public()
    place = (
        "if (-not $PSBoundParameters.ContainsKey('VenvDir')) {\n"
        f"    $VenvDir = {quote(activation.environment)}\n}}\n"
    )
    about = "# The project's variables, written by `envctl sync`; `deactivate` puts back what was there.\n"
    undo = _block(_indented(_UNDO), "    ")
    text = _DEACTIVATE.sub(lambda found: found[0] + undo, text, count=1)
    text = _PLACE.sub(lambda found: _block(refusals(public) + place) + found[0], text, count=1)
    return {"activate.ps1": text + _block(about + assignments(public))}


def script(activation: Activation) -> str:
    """Source the real environment's script, then exchange what it set for the variables of now."""
    source = f". {quote(activation.programs + '/activate.ps1')}\n"
    undo = f"& {{\n{_indented(_UNDO)}}}\n"
    return refusals(activation.variables) + source + undo + assignments(activation.variables)


def session(
    program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
) -> Session:
    """Start PowerShell with the user's own profile, then the environment; secrets come by a variable of the process."""
    rc = f"{folder}/rc.ps1"
    public = Activation(environment=activation.environment, variables=activation.public())
    lines = (
        f"{script(public)}"
        f"Invoke-Expression $env:{_SECRETS}\nRemove-Item env:{_SECRETS}\n"
        f"Remove-Item -LiteralPath {quote(rc)}\nRemove-Item -LiteralPath {quote(folder)}\n"
    )
    secrets = activation.secrets()
    return Session(
        files={rc: lines},
        argv=(program, "-NoExit", "-File", rc),
        env={**environ, _SECRETS: refusals(secrets) + assignments(secrets) or "$null"},
    )


def assignments(variables: Iterable[Assignment]) -> str:
    """Return the code that sets the variables; in a scheduler's job all but its own."""
    always: list[str] = []
    outside: list[str] = []
    for each in variables:
        if each.value is not None:
            line = f"    & $set {quote(each.name)} {quote(each.value)}\n"
            (outside if each.scheduled else always).append(line)
    if outside:
        outside = [f"    if (-not {_JOB}) {{\n", *map(_indented, outside), "    }\n"]
    lines = "".join([*always, *outside])
    return _SET.format(lines=lines) if lines else ""


def refusals(variables: Iterable[Assignment]) -> str:
    """Return the code that stops, before anything is changed, where a declared value cannot be had."""
    return "".join(
        _REFUSE.format(name=each.name, unless=f" -and -not {_JOB}" if each.scheduled else "")
        for each in variables
        if each.value == ""
    )


def _indented(code: str) -> str:
    return "".join(f"    {line}" for line in code.splitlines(keepends=True))


def _block(code: str, indent: str = "") -> str:
    return f"{indent}{_BEGIN}{code}{indent}{_END}"
