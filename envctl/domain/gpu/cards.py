"""What the tables say of cards: their architecture, the drivers that still know it, and what they are made for."""

import re
from functools import cache
from typing import Any

from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import numbers


def architecture(capability: str) -> str | None:
    """Return the name of a compute capability's architecture: ``Volta`` of ``7.0``."""
    row = _row(capability)
    return str(row["name"]) if row else None


def last_branch(capability: str) -> int | None:
    """Return the last driver branch that knows a compute capability; ``None``: no end is announced, or known."""
    row = _row(capability)
    return int(row["last_branch"]) if row and row["last_branch"] else None


def capabilities() -> tuple[str, ...]:
    """Return the compute capabilities of the cards that the tables know, oldest first."""
    return tuple(
        sorted({str(r["compute_capability"]) for r in gpu_facts.rows("devices")}, key=numbers)
    )


@cache
def data_centre(name: str) -> bool:
    """Whether a device's name (``NVIDIA A100-SXM4-80GB``) is of a data-centre card.

    Only those have forward compatibility, apart from some servers' RTX cards that NVIDIA does not list.
    """
    table = gpu_facts.table("data_centre")
    words = {*re.split(r"[^A-Za-z0-9]+", name)}
    known = {word for row in table["rows"] for word in row["words"]}
    return bool(words & known) and not words & {*table["not"]}


def _row(capability: str) -> dict[str, Any] | None:
    known = gpu_facts.rows("architectures")
    return next((row for row in known if capability in row["compute_capabilities"]), None)
