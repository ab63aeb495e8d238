"""``kernel.json``: the project's environment in Jupyter's list of kernels (jupyter-client, "Kernel specs").

The kernel enters through the environment's own ``activate``, which ``sync`` keeps: so it has today's variables, those
for which a running Python is too late among them, and the environment's real path, which outlives a ``sync``. A file
with the values in its ``env`` would go stale, and Jupyter replaces ``$NAME`` and ``${NAME}`` in them.
"""

import json
import shlex
from collections.abc import Iterator

from envctl.domain import seal
from envctl.domain.environment.entrance import Entrance
from envctl.domain.export import Exported
from envctl.domain.variables import KNOWN

NAME = "kernel"
SUMMARY = "A kernel.json for Jupyter."
HELP = """\
Write the project's environment as a kernel for Jupyter.

It takes the environment as it is when a notebook starts, so it holds no
values and need not be written again. Its path is this machine's.
"""
FILE = "kernel.json"
FILES = r"(.*/)?kernel\.json"
EXAMPLE = "envctl export kernel --output kernel/kernel.json"
HOLDS_VALUES = False

# As for `envctl run`, a host variable that Jupyter was started with counts; activation would replace it.
_SCRIPT = """\
[ -e {activate} ] || {{ printf '%s\\n' {missing} >&2; exit 1; }}
VIRTUAL_ENV_DISABLE_PROMPT=${{VIRTUAL_ENV_DISABLE_PROMPT:-1}}
for _envctl in {hosts}; do
    eval "[ -z \\"\\${{$_envctl+x}}\\" ] || _envctl_$_envctl=\\$$_envctl"
done
. {activate} || exit
for _envctl in {hosts}; do
    eval "[ -z \\"\\${{_envctl_$_envctl+x}}\\" ] || export $_envctl=\\"\\$_envctl_$_envctl\\""
done
exec python -Xfrozen_modules=off -m ipykernel_launcher "$@"
"""


def emit(entrance: Entrance) -> Exported:
    """Write the specification; its one path is this machine's."""
    environment = f"{entrance.root}/.venv"
    script = _SCRIPT.format(
        activate=_word(f"{environment}/bin/activate"),
        missing=_word(f"envctl: there is no environment at {environment}: run `envctl sync`"),
        hosts=" ".join(sorted(name for name, known in KNOWN.items() if known.kind == "host")),
    )
    specification = {
        "argv": ["/bin/sh", "-c", script, "envctl", "-f", "{connection_file}"],
        "display_name": entrance.project,
        "language": "python",
        "metadata": {"debugger": True, "written-by": f"envctl export kernel; {seal.BLANK}"},
    }
    text = json.dumps(specification, indent=1) + "\n"
    return Exported(text=seal.sealed(text), warnings=tuple(_warnings(entrance)))


def _word(text: str) -> str:
    """Quote for ``sh``; Jupyter replaces ``{name}`` in an argument, so no brace is followed by a name."""
    return shlex.quote(text).replace("{", "{''")


def _warnings(entrance: Entrance) -> Iterator[str]:
    if entrance.packages is not None and "ipykernel" not in entrance.packages:
        yield "the lock has no `ipykernel`, which is the kernel: run `envctl add --group dev ipykernel`"
