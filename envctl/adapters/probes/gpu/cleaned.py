"""What a driver, a program or a file said of a device, as far as it can be true: a ``Gpu`` holds nothing else.

A saved record is read again, printed and compared, so that nonsense becomes "not known" here.
"""

import re
from collections.abc import Mapping
from typing import Any

from envctl.domain.record import Gpu, MigDevice

_UUID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,127}")
_PCI = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2}\.[0-7])")
_LONGEST_NAME = 100
_LONGEST_REASON = 200
_MOST_BYTES = 2**60


def gpu(said: Mapping[str, Any]) -> Gpu:
    """Return an NVIDIA device; ``index`` must be there, whatever else is wrong or missing is ``None``."""
    mig = said.get("mig")
    return Gpu(
        index=int(said["index"]),
        name=words(said.get("name"), _LONGEST_NAME) or "NVIDIA GPU",
        uuid=uuid(said.get("uuid")),
        memory_bytes=size(said.get("memory_bytes")),
        compute_capability=capability(said.get("compute_capability")),
        pci_bus_id=pci(said.get("pci_bus_id")),
        mig=mig if isinstance(mig, bool) else None,
        mig_devices=tuple(
            device for each in said.get("mig_devices") or () if (device := mig_device(each))
        ),
    )


def mig_device(said: Mapping[str, Any]) -> MigDevice | None:
    """Return an instance; ``None`` for one without a UUID, which nobody could name."""
    own = uuid(said.get("uuid"))
    if own is None:
        return None
    return MigDevice(
        uuid=own,
        profile=words(said.get("profile"), _LONGEST_NAME),
        memory_bytes=size(said.get("memory_bytes")),
        gpu_instance=number(said.get("gpu_instance")),
        compute_instance=number(said.get("compute_instance")),
    )


def version(text: object) -> str | None:
    """Return the dotted number that a text begins with: drivers, CUDA levels, ROCm."""
    found = re.match(r"\s*([0-9]{1,6}(?:\.[0-9]{1,6}){1,3})(?![\w.])", _text(text))
    return found[1] if found else None


def capability(text: object) -> str | None:
    """Return a compute capability (``9.0``)."""
    found = re.fullmatch(r"[1-9][0-9]?\.[0-9]{1,2}", _text(text))
    return found[0] if found else None


def uuid(text: object) -> str | None:
    """Return a device's UUID; one with question marks is of a device that was not initialised yet."""
    found = _UUID.fullmatch(_text(text))
    return found[0] if found else None


def pci(text: object) -> str | None:
    """Return a bus id in one spelling: NVML writes ``00000000:3B:00.0``, the kernel ``0000:3b:00.0``."""
    found = _PCI.fullmatch(_text(text).strip().lower())
    return f"{int(found[1], 16):04x}:{found[2]}:{found[3]}" if found else None


def size(value: object) -> int | None:
    """Return a number of bytes that a device can have."""
    found = number(value)
    return found if found and found < _MOST_BYTES else None


def number(value: object) -> int | None:
    """Return an integer of at least 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def words(text: object, longest: int = _LONGEST_REASON) -> str | None:
    """Return one line of text that is safe to save and show, cut to ``longest`` characters; ``None``: none."""
    line = " ".join("".join(c if c.isprintable() else " " for c in _text(text)).split())
    return line[:longest] or None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
