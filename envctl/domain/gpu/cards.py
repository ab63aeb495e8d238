"""What the tables say of cards: their architecture, the drivers and toolkits that know it, what they are made for."""

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


@cache
def first_toolkit(capability: str) -> str | None:
    """Return the first CUDA (``12.8``) that can make kernels for a compute capability.

    For one that NVIDIA's matrix does not have (10.3, 12.1) it is that of the next lower one: a later card cannot be
    known earlier. ``None``: the tables begin after it.
    """
    row = _at_most(capability, same_major=False)
    return str(row["first_toolkit"]) if row else None


@cache
def last_toolkit(capability: str) -> str | None:
    """Return the last CUDA major that makes kernels for a compute capability; ``None``: no end is known."""
    row = _at_most(capability, same_major=True)
    return str(row["last_toolkit"]) if row and row["last_toolkit"] else None


def outlived(capability: str, cuda: str) -> bool:
    """Whether a CUDA has no kernels for a compute capability any more."""
    last = last_toolkit(capability)
    return last is not None and numbers(cuda)[:1] > numbers(last)[:1]


def capabilities() -> tuple[str, ...]:
    """Return the compute capabilities of the cards that the tables know, oldest first."""
    return tuple(
        sorted({str(r["compute_capability"]) for r in gpu_facts.rows("devices")}, key=numbers)
    )


@cache
def capability_of(name: str) -> str | None:
    """Return the compute capability of a card by its name, where no driver told; ``None``: the name is not known."""
    if (found := _in_data_centre(name)) is not None:
        return found
    for row in gpu_facts.rows("devices"):
        for pattern in row["patterns"]:
            if re.search(rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])", name):
                return str(row["compute_capability"])
    return None


def data_centre(name: str) -> bool:
    """Whether a device's name (``NVIDIA A100-SXM4-80GB``) is of a data-centre card.

    Only those have forward compatibility, apart from some servers' RTX cards that NVIDIA does not list.
    """
    return _in_data_centre(name) is not None


def other_product(name: str) -> bool:
    """Whether a device's name is of a card that is not for data centres; neither: the tables do not know it."""
    excluded = _words(name) & {*gpu_facts.table("data_centre")["not"]}
    return bool(excluded) or (not data_centre(name) and capability_of(name) is not None)


@cache
def _in_data_centre(name: str) -> str | None:
    words = _words(name)
    if words & {*gpu_facts.table("data_centre")["not"]}:
        return None
    for word in words:
        for row in gpu_facts.rows("data_centre"):
            if any(re.fullmatch(rf"{known}[A-Z]{{0,2}}", word) for known in row["words"]):
                return str(row["compute_capability"])
    return None


def _words(name: str) -> set[str]:
    return {*re.split(r"[^A-Za-z0-9]+", name)}


def _at_most(capability: str, *, same_major: bool) -> dict[str, Any] | None:
    """Return the row of a compute capability, or of the highest one below it."""
    device = numbers(capability)
    known = [
        (own, row)
        for row in gpu_facts.rows("architectures")
        for text in row["compute_capabilities"]
        if (own := numbers(text)) <= device and (not same_major or own[:1] == device[:1])
    ]
    return max(known, key=lambda each: each[0])[1] if known else None


def _row(capability: str) -> dict[str, Any] | None:
    known = gpu_facts.rows("architectures")
    return next((row for row in known if capability in row["compute_capabilities"]), None)
