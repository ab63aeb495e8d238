"""``activate_this.py``: a Python process that enters the environment by itself (``runpy.run_path``), for its own life.

There is no way back by design, so nothing is kept. The link ``.venv`` is resolved: a ``sync`` swaps it, and what the
process starts later must still find the environment that it runs in.
"""

import re
from collections.abc import Iterable, Mapping

from envctl.domain.environment.activation import Activation, Assignment
from envctl.domain.variables import SCHEDULER_JOBS
from envctl.errors import EnvironmentFailure

SCRIPTS: tuple[str, ...] = ("activate_this.py",)

_BEGIN = "# >>> envctl >>>\n"
_END = "# <<< envctl <<<\n"
_BLOCK = re.compile(f"^{_BEGIN}.*?^{_END}", re.MULTILINE | re.DOTALL)
_PLACE = re.compile(r"^bin_dir = os\.path\.dirname\(abs_file\)", re.MULTILINE)
_RESOLVE = f"{_BEGIN}abs_file = os.path.realpath(abs_file)\n{_END}"


def quote(text: str) -> str:
    """Return ``text`` as a literal of ASCII characters, on one line."""
    return ascii(text)


def patch(
    scripts: Mapping[str, str], activation: Activation, *, built_at: str
) -> Mapping[str, str]:
    """Put the variables at the end; ``built_at`` stands nowhere in this script, which looks where it lies."""
    del built_at
    text = _BLOCK.sub("", scripts["activate_this.py"])
    if not _PLACE.search(text):
        raise EnvironmentFailure(
            "the script `activate_this.py` is not one that virtualenv wrote",
            where=activation.environment,
            hint="run `envctl sync --recreate`",
        )
    text = _PLACE.sub(lambda found: _RESOLVE + found[0], text, count=1)
    return {"activate_this.py": f"{text}{_BEGIN}{_assignments(activation.public())}{_END}"}


def _assignments(variables: Iterable[Assignment]) -> str:
    declared = [each for each in variables if each.value is not None]
    about = "# The project's variables, written by `envctl sync`.\n"
    always = _update(each for each in declared if not each.scheduled)
    outside = _update(each for each in declared if each.scheduled)
    if outside:
        outside = (
            f"if not any(job in os.environ for job in {tuple(SCHEDULER_JOBS)}):\n    {outside}"
        )
    return about + always + outside


def _update(variables: Iterable[Assignment]) -> str:
    pairs = ", ".join(f"{quote(each.name)}: {quote(each.value or '')}" for each in variables)
    return f"os.environ.update({{{pairs}}})\n" if pairs else ""
