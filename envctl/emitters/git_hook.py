"""A git hook as a script for ``sh`` (githooks(5); POSIX.1-2017, XCU 2)."""

import re
import shlex
from collections.abc import Sequence

from envctl.domain.hooks import BEFORE, COMMIT_HOOKS, HOOKS, Hook

_MARK = "# envctl hooks:"

_HEAD = """\
#!/bin/sh
# Written by `envctl hooks install`; `envctl hooks uninstall` takes it away.
{mark} {names}
before="${{0%/*}}"/{before}
"""
_REFUSING = """\
if [ -x "$before" ]; then "$before" "$@" || exit; fi
"""
_TELLING = """\
status=0
if [ -x "$before" ]; then "$before" "$@" || status=$?; fi
"""
_WITH_PYTHON = """\
python={python}
if [ -x "$python" ]; then set -- "$python" {flags} -m envctl
elif command -v envctl >/dev/null 2>&1; then set -- envctl
"""
_WITHOUT_PYTHON = """\
if command -v envctl >/dev/null 2>&1; then set -- envctl
"""
_MISSING = """\
else
    echo 'envctl was not found, so its hook cannot look at anything' >&2
    echo '  next: put envctl on the PATH, or run `envctl hooks install` again where it is' >&2
    exit {code}
fi
"""


def script(name: str, hooks: Sequence[Hook], *, python: str | None, flags: str = "-P") -> str:
    """Return the script of the git hook ``name`` that starts these of its hooks.

    ``python`` runs envctl, with ``flags``; without it, and where it is gone, ``envctl`` on the PATH does: a script
    that a team shares names nothing of one machine. A hook that was there before goes first. One after a checkout only
    tells: what it answered would become git's own answer, and end a ``git bisect``.
    """
    refuses = name in COMMIT_HOOKS
    stage = [each for each in hooks if name in each.stages]
    head = _HEAD.format(
        mark=_MARK,
        names=" ".join(each.name for each in hooks),
        before=shlex.quote(f"{name}.{BEFORE}"),
    )
    start = (
        _WITH_PYTHON.format(python=shlex.quote(python), flags=flags) if python else _WITHOUT_PYTHON
    )
    missing = _MISSING.format(code=1 if refuses else '"$status"')
    calls = "".join(f'"$@" hooks run {each.name} --stage {name} || exit\n' for each in stage)
    if not refuses:
        given = ' --from "$1" --to "$2"' if name == "post-checkout" else ""
        keep = "from=$1 to=$2\n" if given else ""
        given = given.replace("$1", "$from").replace("$2", "$to")
        calls = "".join(
            f'"$@" hooks run {each.name} --stage {name}{given} || :\n' for each in stage
        )
        return f'{head}{_TELLING}{keep}{start}{missing}{calls}exit "$status"\n'
    return head + _REFUSING + start + missing + calls


def named(text: str) -> tuple[str, ...] | None:
    """Return which hooks of ours a script of ours starts; ``None``: it is somebody else's."""
    found = re.search(rf"^{re.escape(_MARK)} ([a-z ]+)$", text, re.MULTILINE)
    if found is None or not text.startswith("#!/bin/sh\n# Written by `envctl hooks install`"):
        return None
    names = {each.name for each in HOOKS}
    return tuple(each for each in found[1].split() if each in names)
