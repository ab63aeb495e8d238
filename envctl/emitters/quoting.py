"""Text from a manifest or a lock, as a Dockerfile takes it: as a value, never as an instruction.

The rules are those of BuildKit's ``shell/lex.go`` and ``parser.go``: inside double quotes a backslash takes away the
meaning of ``"``, ``$`` and itself, and of nothing else. A line end ends the instruction whatever the quotes, and no
escape writes one, so a value with a line end is refused.
"""

import json
import re
from collections.abc import Iterable

from envctl.errors import ImageError

_LINE_END = re.compile(r"[\x00\r\n]")


def value(text: str, where: str) -> str:
    """Return a value for ENV or LABEL in double quotes; raises ``ImageError`` for one with a line end."""
    if _LINE_END.search(text):
        raise ImageError(
            "a Dockerfile cannot hold a value with a line end",
            where=where,
            hint="set that variable in the program, or at start (`docker run --env`)",
        )
    return '"' + re.sub(r'[\\"$]', r"\\\g<0>", text) + '"'


def words(texts: Iterable[str], where: str) -> str:
    """Return a command or a list of paths as JSON, which a Dockerfile reads as it is: no shell, no variables."""
    listed = list(texts)
    if any("\0" in text for text in listed):
        raise ImageError("a command cannot hold a NUL byte", where=where, hint="take it out")
    return json.dumps(listed, ensure_ascii=False)
