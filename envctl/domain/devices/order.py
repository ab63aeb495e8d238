"""In which order CUDA counts the devices of a machine: ``CUDA_DEVICE_ORDER`` (CUDA Programming Guide 5.2.1.2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Gpu

OrderName = Literal["FASTEST_FIRST", "PCI_BUS_ID"]
_ADDRESS = re.compile(r"(?:([0-9a-f]+):)?([0-9a-f]+):([0-9a-f]+)(?:\.([0-9a-f]+))?", re.IGNORECASE)
_GIB = 1024**3


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """NVIDIA's GPUs as CUDA counts them. ``reason``: a sentence; ``certain``: it is no estimate.

    ``mixed``: the GPUs are of several models, so that the two orders may differ.
    """

    name: OrderName
    gpus: tuple[Gpu, ...]
    reason: str
    certain: bool = True
    mixed: bool = False


def cuda_order(gpus: Iterable[Gpu], setting: str | None) -> Order:
    """Return the order under a ``CUDA_DEVICE_ORDER``; ``None``: unset, which is ``FASTEST_FIRST``.

    The heuristic of ``FASTEST_FIRST`` is CUDA's own and not documented: for several models it is estimated by compute
    capability, then memory, then PCI address. For one model it cannot differ from ``PCI_BUS_ID``.
    """
    by_place = tuple(sorted((gpu for gpu in gpus if gpu.vendor == "nvidia"), key=_place))
    mixed = len({(gpu.name, gpu.compute_capability) for gpu in by_place}) > 1
    if setting == "PCI_BUS_ID":
        return Order(
            name="PCI_BUS_ID",
            gpus=by_place,
            reason="CUDA_DEVICE_ORDER=PCI_BUS_ID: CUDA counts the GPUs as nvidia-smi does",
            mixed=mixed,
        )
    said = _said(setting)
    if not mixed:
        reason = f"{said}; all GPUs are of one model, so that it is the order of PCI_BUS_ID"
        return Order(name="FASTEST_FIRST", gpus=by_place, reason=reason if by_place else said)
    if not all(numbers(gpu.compute_capability or "") for gpu in by_place):
        unknown = (
            "the GPUs are of several models, and not all tell their compute capability: "
            "which one CUDA counts first is not known, their order here is that of PCI_BUS_ID"
        )
        return _estimate(by_place, f"{said}; {unknown}")
    how = (
        "which of several models is the fastest, only CUDA itself knows: "
        "estimated by compute capability, then memory"
    )
    return _estimate(tuple(sorted(by_place, key=_slowness)), f"{said}; {how}")


def _estimate(gpus: tuple[Gpu, ...], reason: str) -> Order:
    return Order(name="FASTEST_FIRST", gpus=gpus, reason=reason, certain=False, mixed=True)


def _said(setting: str | None) -> str:
    if setting is None:
        return "CUDA_DEVICE_ORDER is not set: FASTEST_FIRST, the default"
    if setting == "FASTEST_FIRST":
        return "CUDA_DEVICE_ORDER=FASTEST_FIRST"
    return f"CUDA_DEVICE_ORDER=`{setting}` is no order that CUDA knows, taken as FASTEST_FIRST"


def _place(gpu: Gpu) -> tuple[bool, tuple[int, ...], int]:
    found = _ADDRESS.fullmatch(gpu.pci_bus_id or "")
    address = tuple(int(part or "0", 16) for part in found.groups()) if found else ()
    return not found, address, gpu.index


def _slowness(gpu: Gpu) -> tuple[tuple[int, ...], int]:
    capability = numbers(gpu.compute_capability or "")
    memory = round((gpu.memory_bytes or 0) / _GIB)
    return tuple(-number for number in capability), -memory
