"""The display and compute devices on the PCI bus, and the kernel's small text files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from envctl.adapters.probes.gpu import cleaned

_BUS = "sys/bus/pci/devices"
# PCI Code and ID Assignment Specification: VGA, 3D, other display controller; processing accelerator.
_CLASSES = re.compile(r"0x(?:0300|0302|0380|1200)[0-9a-f]{2}")
_NAMES = ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids")
_MOST = 64 * 1024  # bytes of one file of /proc or /sys that are read


@dataclass(frozen=True, kw_only=True, slots=True)
class Display:
    """One function on the bus; ``driver`` is the kernel's that has it (``xe``)."""

    folder: Path
    address: str
    device: str
    driver: str | None = None


def displays(sysroot: Path, vendor: str) -> tuple[Display, ...]:
    """Return the display and compute devices of a vendor (``8086``), in the bus's order."""
    return tuple(sorted(_displays(sysroot, vendor), key=lambda each: each.address))


def _displays(sysroot: Path, vendor: str) -> Iterator[Display]:
    for folder in _folders(sysroot / _BUS):
        address = cleaned.pci(folder.name)
        if (
            address
            and text(folder / "vendor").lower() == f"0x{vendor}"
            and _CLASSES.fullmatch(text(folder / "class").lower())
        ):
            device = text(folder / "device").lower().removeprefix("0x")
            yield Display(folder=folder, address=address, device=device, driver=_driver(folder))


def named(sysroot: Path, vendor: str, device: str) -> str | None:
    """Return a device's name from the system's copy of ``pci.ids``, where there is one."""
    for name in _NAMES:
        try:
            whole = (sysroot / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        section = re.search(rf"^{vendor}\s.*\n((?:[\t#].*\n)*)", whole, re.MULTILINE)
        found = re.search(rf"^\t{device}\s+(.+)$", section[1], re.MULTILINE) if section else None
        return cleaned.words(found[1], 100) if found else None
    return None


def text(path: Path) -> str:
    """Return a small file's text without the space around it; one that cannot be read is empty."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST).decode(errors="replace").strip("\0 \t\n")
    except OSError:
        return ""


def _folders(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except OSError:
        return []


def _driver(folder: Path) -> str | None:
    try:
        return cleaned.words((folder / "driver").readlink().name, 100)
    except OSError:
        return None
