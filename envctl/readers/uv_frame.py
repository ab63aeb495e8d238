"""What uv says, in the one form that its newer versions have: ``error: …`` and a ``cause: …`` on each line below.

Up to 0.12 some errors stood in a frame (miette's) that was broken at 80 columns, drawn in letters or, where the locale
has none, in ASCII.
"""

import re

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_HEAD = re.compile(r" {0,3}[\xd7x] (.+)")
_CAUSE = re.compile(r" {1,3}(?:[├╰]─▶|[|`]->) (.+)")
_FURTHER = re.compile(r" {1,3}[│|]? {3,}(\S.*)")


def unframed(text: str) -> str:
    """Return the same words without the frame and its line ends; a text without one only loses its colours."""
    plain = _COLOUR.sub("", text)
    if not any(map(_HEAD.fullmatch, plain.splitlines())):
        return plain
    lines: list[str] = []
    within = False
    for line in plain.splitlines():
        head, cause = _HEAD.fullmatch(line), _CAUSE.fullmatch(line)
        further = _FURTHER.fullmatch(line) if within else None
        if head or cause:
            within = True
            lines.append(f"error: {head[1]}" if head else f"  cause: {cause[1] if cause else ''}")
        elif further and not further[1].startswith(("hint:", "help:", "[")):
            lines[-1] += f" {further[1]}"
        else:
            within = False
            lines.append(line)
    return "\n".join(lines)
