"""uv's own account of its downloads, which it gives in lines where stderr is no terminal.

``Downloading torch (800.0MiB)`` when a file of a megabyte or more begins, `` Downloaded torch`` when it is there
(uv 0.11 to 0.13, crates/uv/src/commands/reporters.rs).
"""

import re
from collections.abc import Callable

from envctl.domain.indexes.fetching import Fetch, Heard

_LINE = re.compile(r"Downloading (\S+) \(([0-9]+(?:\.[0-9]+)?) ?([KMGT]?i?B)\)| +Downloaded (\S+)")
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
CHATTER = re.compile(
    r"^(?:Using |Resolved |Audited |Prepared |Installed |Uninstalled |Downloading "
    r"| +(?:Building|Built|Downloaded) | [-+~] \S+==).*\n",
    re.MULTILINE,
)
"""What is no warning and no error: lines that only tell how it goes on."""


def listener(heard: Heard) -> Callable[[str], None]:
    """Return what reads uv's stderr line by line for ``heard``."""

    def listen(line: str) -> None:
        if fetch := read(line):
            heard(fetch)

    return listen


def read(line: str) -> Fetch | None:
    """Return what a line says of a file; ``None`` for any other line."""
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    name, number, unit, ended = found.groups()
    if ended:
        return Fetch(name=ended, done=True)
    return Fetch(name=name, size=round(float(number) * _UNITS[unit]) if unit in _UNITS else None)
