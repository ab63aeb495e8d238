r"""nushell: an overlay, whose hiding puts back whatever was there; what another overlay set is undone here.

``overlay hide activate`` restores the environment from before the first ``overlay use``. A second ``overlay use``
before that, of this or another project's ``activate.nu``, goes on in the same overlay: so it first undoes what the
one before had set, by the two records ``_ENVCTL_OUTER`` (what virtualenv's own part has changed) and ``_ENVCTL_OLD``
(the declared variables). nushell hands neither records nor ``null`` to child processes; what was unset becomes
``null`` here, because ``hide-env`` takes away one layer of the overlay only and shows what lay beneath.

nushell parses before it runs, so no text can be evaluated: ``envctl activate`` prints JSON, and the overlay has a
command that takes it.
"""

import json
import re
from collections.abc import Iterable, Mapping

from envctl.domain.environment.activation import Activation, Assignment, Session
from envctl.domain.variables import SCHEDULER_JOBS, SCHEDULER_VARIABLES, scheduler
from envctl.errors import EnvironmentFailure

SCRIPTS: tuple[str, ...] = ("activate.nu",)

LOAD = "envctl-load"
"""The command with which the overlay takes what ``envctl activate --shell nu`` prints."""

_SECRETS = "_ENVCTL_SECRETS"
_BEGIN = "# >>> envctl >>>\n"
_END = "# <<< envctl <<<\n"
_BLOCK = re.compile(f"^ *{_BEGIN}.*?^ *{_END}", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"^export-env \{\n", re.MULTILINE)
_BAKED = "    let virtual_env = {}\n"
_LAST = "    load-env $new_env\n"

_COMMANDS = """\
# The project's variables, written by `envctl sync`; `deactivate` puts back what was there.
def envctl-pick [from: record, names: list<string>] {{
    $names | reduce --fold {{}} {{|name, all| $all | insert $name ($from | get --optional $name) }}
}}
def --env envctl-undo [note: string] {{
    load-env ($env | get --optional $note | default {{}})
    load-env {{$note: null}}
}}
def --env envctl-note [note: string, names: list<string>] {{
    load-env {{$note: (envctl-pick $env $names)}}
}}
def --env envctl-set [variables: record] {{
    let job = ({jobs} | any {{|name| $name in ($env | columns) }})
    let names = ($variables | columns | where {{|name| not $job or $name not-in {scheduled} }})
    envctl-note _ENVCTL_OLD $names
    load-env (envctl-pick $variables $names)
}}
# Takes what `envctl activate --shell nu` prints, in place of the variables that are set now.
export def --env {load} []: string -> nothing {{
    let variables = ($in | from json)
    envctl-undo _ENVCTL_OLD
    envctl-set $variables
}}
"""
_UNDO = """\
    envctl-undo _ENVCTL_OLD
    envctl-undo _ENVCTL_OUTER
"""
_SET = """\
    envctl-note _ENVCTL_OUTER [...($new_env | columns) PYTHONHOME]
    load-env {PYTHONHOME: null}
"""


def quote(text: str) -> str:
    r"""Return ``text`` in double quotes, on one line: what is not printable is written ``\u{…}``."""
    return '"' + "".join(map(_character, text)) + '"'


def patch(
    scripts: Mapping[str, str], activation: Activation, *, built_at: str
) -> Mapping[str, str]:
    """Put the commands before ``export-env``, their use around virtualenv's own part of it."""
    text = _BLOCK.sub("", scripts["activate.nu"])
    baked = _BAKED.format(_raw(activation.environment))
    if baked not in text:
        text = text.replace(_BAKED.format(_raw(built_at)), baked)
    if baked not in text or _LAST not in text or not _MODULE.search(text):
        raise EnvironmentFailure(
            "the script `activate.nu` is not one that virtualenv wrote for this environment",
            where=activation.environment,
            hint="run `envctl sync --recreate`",
        )
    commands = _block(
        _COMMANDS.format(
            jobs=_list(SCHEDULER_JOBS), scheduled=_list(SCHEDULER_VARIABLES), load=LOAD
        )
    )
    use = f"    envctl-set {_record(activation.public())}\n"
    text = _MODULE.sub(lambda found: commands + found[0], text, count=1)
    text = text.replace(baked, _block(_UNDO, "    ") + baked, 1)
    text = text.replace(_LAST, _block(_SET, "    ") + _LAST, 1)
    at = text.index("\n}\n", text.index(_LAST)) + 1
    return {"activate.nu": text[:at] + _block(use, "    ") + text[at:]}


def script(activation: Activation) -> str:
    """Return the variables as JSON: ``envctl activate --shell nu | envctl-load``, in the overlay."""
    return _json(activation.variables) + "\n"


def session(
    program: str, activation: Activation, environ: Mapping[str, str], *, folder: str
) -> Session:
    """Start nushell with its own configuration, then the overlay; the secrets come by a variable of the process."""
    variables = f"{folder}/variables.json"
    job = scheduler(environ) is not None
    declared = [each for each in activation.public() if not (job and each.scheduled)]
    # An environment of another tool has no such command.
    take = f"if (which {LOAD} | is-empty) {{ from json | load-env }} else {{ {LOAD} }}"
    entry = "; ".join(
        [
            # Before there is an overlay, and not by `hide-env`: what one hides shows again when it is left.
            f"mut envctl_secrets = ($env.{_SECRETS} | from json)",
            f"$env.{_SECRETS} = null",
            f"overlay use {quote(activation.programs + '/activate.nu')}",
            f"open --raw {quote(variables)} | from json | merge $envctl_secrets | to json | {take}",
            "$envctl_secrets = null",
            f"rm --force --permanent {quote(variables)}",
            f"rm --force --permanent {quote(folder)}",
        ]
    )
    return Session(
        files={variables: _json(declared)},
        argv=(program, "--execute", entry),
        env={**environ, _SECRETS: _json(activation.secrets())},
    )


def _character(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    return one if one.isprintable() else f"\\u{{{ord(one):x}}}"


def _raw(text: str) -> str:
    """Return the raw string that virtualenv writes for ``text``."""
    sharps = "#" * (max((len(run) for run in re.findall("#+", text)), default=0) + 1)
    return f"r{sharps}'{text}'{sharps}"


def _record(variables: Iterable[Assignment]) -> str:
    pairs = (
        f"{quote(each.name)}: {quote(each.value)}" for each in variables if each.value is not None
    )
    return "{" + ", ".join(pairs) + "}"


def _list(names: Iterable[str]) -> str:
    return f"[{' '.join(names)}]"


def _json(variables: Iterable[Assignment]) -> str:
    return json.dumps({each.name: each.value for each in variables if each.value is not None})


def _block(code: str, indent: str = "") -> str:
    return f"{indent}{_BEGIN}{code}{indent}{_END}"
