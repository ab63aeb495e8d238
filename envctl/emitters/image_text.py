"""A built image as text for people: its size and layers; and one line for a step of its build."""

import re
from collections.abc import Iterator

from envctl.domain.image.order import Built, Step
from envctl.emitters.printable import printable

_WIDTH = 80
_STEP = _WIDTH - 18
_NOISE = (
    (re.compile(r"^(RUN )?(\|\d+ (\S+=\S* )*)?/bin/sh -c #\(nop\)\s*"), ""),
    (re.compile(r"^(RUN )?(\|\d+ .*? )?/bin/sh -c "), "RUN "),
    (re.compile(r"\s*# buildkit$"), ""),
    (re.compile(r"--mount=\S+\s+"), ""),
    # How our own steps begin, all of them: what one does stands behind that.
    (re.compile(r"if \[ -s /run/secrets/ca \]; then export [A-Z_]+=\S+; fi\s+&&\s+"), ""),
    (re.compile(r"(?<![\w=])(UV|PYC)_[A-Z_]+=\S+\s+"), ""),
    (re.compile(r"\s+"), " "),
)
_UNITS = ("B", "kB", "MB", "GB", "TB")


def table(built: Built) -> str:
    """Lay out the layers, lowest first, and the whole; sizes are decimal, as docker shows them."""
    lines = [f"{'size':>9}  layer"]
    lines += [f"{size(layer.size):>9}  {_instruction(layer.made_by)}" for layer in built.layers]
    lines += [f"{size(built.size):>9}  {', '.join(built.order.tags)}"]
    return "\n".join(lines) + "\n"


def size(count: int) -> str:
    """Return a number of bytes in powers of 1000, with three digits."""
    value, units = float(count), iter(_UNITS)
    unit = next(units)
    while value >= 999.5 and unit != _UNITS[-1]:
        value, unit = value / 1000, next(units)
    return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.3g} {unit}"


def title(step: Step, width: int = _STEP) -> str:
    """Return a step's title on one line: ``[heavy 2/3] RUN uv pip sync …``."""
    return brief(step.title, width)


def brief(text: str, width: int = _STEP) -> str:
    """Return the same of a title alone."""
    return _short(_plain(text), width)


def ended(step: Step, seconds: float) -> str:
    """Return the line of a step that has ended."""
    took = "cached" if step.state == "cached" else f"{seconds:.1f} s"
    mark = "failed" if step.state == "failed" else took
    return f"{mark:>8}  {title(step)}"


def output(text: str) -> Iterator[str]:
    """Yield what a step wrote as lines that steer no terminal; of a line that is drawn anew, the last state."""
    for line in text.split("\n"):
        last = line.rstrip("\r").rpartition("\r")[2]
        if last.strip():
            yield printable(last.expandtabs(), names=True)


def _instruction(text: str) -> str:
    return _short(_plain(text) or "(base image)", _WIDTH - 11)


def _plain(text: str) -> str:
    for pattern, instead in _NOISE:
        text = pattern.sub(instead, text)
    return printable(text.strip())


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 4].rstrip() + " ..."
