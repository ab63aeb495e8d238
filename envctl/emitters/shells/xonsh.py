"""xonsh: the activator that virtualenv wrote keeps what it changes as its own attribute, and our part uses it too.

virtualenv backs values up in exported variables, which child processes see, and reads them back by name. Here both
its own part and the declared variables are kept in dictionaries of the activator: undone by the object that had
set them, whatever project it came from.

A value of ``…PATH`` and ``…DIRS`` is a list in xonsh, whose items it expands (``~``, ``$HOME``) for child
processes. A declared value is taken as it stands, so the list that holds it expands nothing.
"""

import json
import re
from collections.abc import Iterable, Mapping

from envctl.domain.environment.activation import Activation, Assignment, Session
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.errors import EnvironmentFailure

SCRIPTS: tuple[str, ...] = ("activate.xsh",)

_ACTIVATOR = "__xonsh__.xontrib.virtualenv"
_SECRETS = "_ENVCTL_SECRETS"
_CACHE = "XONSH_CACHE_SCRIPTS"
_BEGIN = "# >>> envctl >>>\n"
_END = "# <<< envctl <<<\n"
_BLOCK = re.compile(f"^ *{_BEGIN}.*?^ *{_END}", re.MULTILINE | re.DOTALL)
# What virtualenv itself asks (`activation/xonsh/__init__.py`).
_EXPANDED = re.compile(r"\$(?:\w+|{)|=~")
_BAKED = "            self.embedded_virtual_env = {}\n"
_METHODS = re.compile(r"^    def register_pydoc\(self\):\n", re.MULTILINE)
_ACTIVATED = re.compile(r"^        self\.register_pydoc\(\)\n", re.MULTILINE)
_DEACTIVATE = re.compile(r"^    def deactivate\(self.*\):\n", re.MULTILINE)

_CODE = """\
    # The project's variables, written by `envctl sync`; `deactivate` puts back what was there.
    def _save(self, name):
        self._envctl_note("_envctl_outer", name)

    def _envctl_note(self, note, name):
        old = self.env[name] if self.env.is_manually_set(name) else None
        self.__dict__.setdefault(note, {}).setdefault(name, old)

    def _envctl_undo(self, note):
        for name, old in self.__dict__.pop(note, {}).items():
            if old is None:
                self.env.pop(name, None)
            else:
                self.env[name] = old

    def _envctl_set(self, variables):
        self._envctl_undo("_envctl_old")
        for name, value in variables.items():
            self._envctl_note("_envctl_old", name)
            self.env[name] = value
            if isinstance(self.env[name], type(self.env["PATH"])):
                self.env[name] = self._envctl_verbatim(value)

    def _envctl_verbatim(self, value):
        items = type(self.env["PATH"])

        class Verbatim(items):
            def __getitem__(self, item):
                return self._l[item]

        return Verbatim(value)

"""
_USERS_OWN = """\
__import__('xonsh.environ').environ.xonshrc_context(
    rcfiles=__xonsh__.env.get('XONSHRC'), rcdirs=__xonsh__.env.get('XONSHRC_DIR'),
    execer=__xonsh__.execer, ctx=__xonsh__.ctx, env=__xonsh__.env,
)
"""
_UNDO = """\
        self._envctl_undo("_envctl_old")
        self._envctl_undo("_envctl_outer")
"""


def quote(text: str) -> str:
    """Return ``text`` as a literal of ASCII characters, on one line."""
    return ascii(text)


def patch(
    scripts: Mapping[str, str], activation: Activation, *, built_at: str
) -> Mapping[str, str]:
    """Put the methods into virtualenv's activator, and their use into its own."""
    text = _BLOCK.sub("", scripts["activate.xsh"])
    baked = _BAKED.format(quote(activation.environment))
    if baked not in text:
        text = text.replace(_BAKED.format(quote(built_at)), baked)
    anchors = (_METHODS, _ACTIVATED, _DEACTIVATE)
    if baked not in text or not all(anchor.search(text) for anchor in anchors):
        raise EnvironmentFailure(
            "the script `activate.xsh` is not one that virtualenv wrote for this environment",
            where=activation.environment,
            hint="run `envctl sync --recreate`",
        )
    methods = _block(_CODE, "    ")
    use = _block(f"        self._envctl_set({_record(activation.public())})\n", "        ")
    undo = _block(_UNDO, "        ")
    text = _METHODS.sub(lambda found: methods + found[0], text, count=1)
    text = _ACTIVATED.sub(lambda found: found[0] + use, text, count=1)
    text = _DEACTIVATE.sub(lambda found: found[0] + undo, text, count=1)
    return {"activate.xsh": text}


def script(activation: Activation) -> str:
    """Source the real environment's script, then exchange what it set for the variables of now."""
    return _entered(activation) + _exchange(_record(activation.variables))


def session(
    program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
) -> Session:
    """Start xonsh with one file of ours, which runs the user's own, then activates; secrets come by the process."""
    rc = f"{folder}/rc.xsh"
    secrets = {each.name: each.value for each in activation.secrets() if each.value is not None}
    cache = environ.get(_CACHE)
    lines = [
        # xonsh would keep a compiled copy of this file for ever
        f"__xonsh__.env.pop({_CACHE!r})\n",
        f"__xonsh__.env[{_CACHE!r}] = {quote(cache)}\n" if cache is not None else "",
        f"__import__('os').remove({quote(rc)})\n__import__('os').rmdir({quote(folder)})\n",
        _USERS_OWN,
        _entered(activation),
        _exchange(
            f"{{**{_record(activation.public())}, "
            f"**__import__('json').loads(__xonsh__.env.pop({_SECRETS!r}))}}"
        ),
    ]
    return Session(
        files={rc: "".join(lines)},
        argv=(program, "--rc", rc, "-i"),
        env={**environ, _CACHE: "0", _SECRETS: json.dumps(secrets)},
    )


def _entered(activation: Activation) -> str:
    if _EXPANDED.search(activation.environment):
        raise EnvironmentFailure(
            "xonsh expands something in this path, so virtualenv wrote no `activate.xsh`",
            where=activation.environment,
            hint="move the project, or use another shell",
        )
    return f"source @({quote(f'{activation.programs}/activate.xsh')})\n"


def _exchange(variables: str) -> str:
    """Return the code that sets them: by our part of the activator, or without it where another tool wrote that."""
    return f"getattr({_ACTIVATOR}, '_envctl_set', __xonsh__.env.update)({variables})\n"


def _record(variables: Iterable[Assignment]) -> str:
    """Return a dictionary as an expression, without the scheduler's own variables in a job."""
    declared = [each for each in variables if each.value is not None]
    always = ", ".join(_pair(each) for each in declared if not each.scheduled)
    outside = ", ".join(_pair(each) for each in declared if each.scheduled)
    if not outside:
        return f"{{{always}}}"
    job = f"any(name in __xonsh__.env for name in {tuple(SCHEDULER_JOBS)})"
    return f"{{**{{{always}}}, **({{}} if {job} else {{{outside}}})}}"


def _pair(each: Assignment) -> str:
    return f"{quote(each.name)}: {quote(each.value or '')}"


def _block(code: str, indent: str) -> str:
    return f"{indent}{_BEGIN}{code}{indent}{_END}"
