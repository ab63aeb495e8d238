"""NVIDIA's devices as the kernel's files tell of them: the last resort, and what nobody can silence."""

import re
from pathlib import Path

from envctl.adapters.nvidia import places
from envctl.adapters.probes.gpu import cleaned
from envctl.adapters.probes.gpu.answer import Answer
from envctl.adapters.probes.gpu.pci import displays, text
from envctl.domain.record import Gpu

_DRIVER = re.compile(r"Kernel Module\b.*?\s(\d+\.\d+(?:\.\d+)?)\s")
_VERSION = re.compile(r'"cuda"\s*:\s*\{[^}]*"version"\s*:\s*"([0-9]+\.[0-9]+)')
_FIELD = re.compile(r"^([^:\n]+?):[ \t]*(.*?)\s*$", re.MULTILINE)


def look(sysroot: Path) -> Answer | None:
    """Return what the kernel module's own files say; ``None`` when it is not loaded."""
    version = text(sysroot / "proc/driver/nvidia/version")
    loaded = text(sysroot / "sys/module/nvidia/version")
    if not version and not loaded:
        return None
    driver = _DRIVER.search(version)
    folders = sorted((sysroot / "proc/driver/nvidia/gpus").glob("*"))
    return Answer(
        source="proc",
        driver=cleaned.version(driver[1] if driver else loaded),
        gpus=tuple(_gpu(index, folder) for index, folder in enumerate(folders)),
    )


def without_driver(sysroot: Path) -> str | None:
    """Return a sentence when the bus has an NVIDIA display or compute device but no NVIDIA driver is loaded."""
    found = displays(sysroot, "10de")
    if not found:
        return None
    other = next((each.driver for each in found if each.driver), None)
    held = f": {other} has it" if other else ""
    return f"an NVIDIA GPU is on the bus, but NVIDIA's driver is not loaded{held}"


def compat(sysroot: Path) -> str | None:
    """Return the CUDA (``13.0``) of the compat package that programs load here; ``None``: none that is known."""
    folder = places.compat(sysroot)
    if folder is None:
        return None
    try:
        folder = folder.resolve()
    except (OSError, RuntimeError):  # a link to itself
        return None
    named = re.fullmatch(r"cuda-([0-9]+\.[0-9]+)", folder.parent.name)
    said = _VERSION.search(text(folder.parent / "version.json"))
    return named[1] if named else said[1] if said else None


def _gpu(index: int, folder: Path) -> Gpu:
    fields = dict(_FIELD.findall(text(folder / "information")))
    return cleaned.gpu(
        {
            "index": index,
            "name": fields.get("Model"),
            "uuid": fields.get("GPU UUID"),
            "pci_bus_id": fields.get("Bus Location") or folder.name,
        }
    )
