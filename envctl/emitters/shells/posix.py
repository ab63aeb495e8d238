"""bash, zsh, dash and every other ``sh``: one text for all, in POSIX.1-2017's language.

What it notes, and how that is put back: ``posix_state``.
"""

import re
import shlex
from collections.abc import Iterable, Mapping

from envctl.domain.environment.activation import Activation, Assignment, Session
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.emitters.shells import sessions
from envctl.emitters.shells.posix_state import KEEP, LEAVE, RESTORE, SET, UNDO
from envctl.errors import EnvironmentFailure

SCRIPTS: tuple[str, ...] = ("activate",)

_BEGIN = "# >>> envctl >>>\n"
_END = "# <<< envctl <<<\n"
_BLOCK = re.compile(f"^{_BEGIN}.*?^{_END}", re.MULTILINE | re.DOTALL)
_DEACTIVATE = re.compile(r"^deactivate *\(\) *\{\n", re.MULTILINE)
_LEFT = re.compile(r"^deactivate nondestructive\n", re.MULTILINE)


def quote(text: str) -> str:
    r"""Return ``text`` in single quotes, in which POSIX 2.2.2 knows no escape at all.

    A ``#`` that begins a line is quoted apart (``'\#'``), so that no value can look like a marker line.
    """
    return "'" + text.replace("'", "'\\''").replace("\n#", "\n'\\#'") + "'"


def patch(
    scripts: Mapping[str, str], activation: Activation, *, built_at: str
) -> Mapping[str, str]:
    """Put the variables at the end of ``activate``, and their undoing at the top of its ``deactivate``.

    What virtualenv itself changes is noted once more, before it does.

    virtualenv bakes the path at which it built; where that is not the final one it is replaced.
    """
    text = _BLOCK.sub("", scripts["activate"])
    final = shlex.quote(activation.environment)
    baked = f"VIRTUAL_ENV={final}\n"
    if baked not in text:  # asked first: one path may be a part of the other
        text = text.replace(shlex.quote(built_at), final)
    if baked not in text or not (_DEACTIVATE.search(text) and _LEFT.search(text)):
        raise EnvironmentFailure(
            "the script `activate` is not one that virtualenv wrote for this environment",
            where=activation.environment,
            hint="run `envctl sync --recreate`",
        )
    undo, keep = f"{_BEGIN}{UNDO}{_END}", f"{_BEGIN}{KEEP}{_END}"
    text = _DEACTIVATE.sub(lambda found: found[0] + undo, text, count=1)
    text = _LEFT.sub(lambda found: found[0] + keep, text, count=1)
    return {"activate": f"{text}{_BEGIN}{_entry(activation)}{_END}"}


def script(activation: Activation) -> str:
    """Source the real environment's script, then exchange what it set for the variables of now.

    They differ when ``.envctl/local.toml`` or the manifest was edited after ``sync``, and by the secrets, which are
    in no file. There is no comment in it: not every interactive zsh takes them.
    """
    source = f". {quote(activation.programs + '/activate')}\n"
    if activation.foreign:
        source += LEAVE
    return source + RESTORE + assignments(activation.variables)


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
    return f"{SET}{lines}unset -f _envctl_set\n" if lines else ""


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
