"""Intel's devices as the PCI bus and the drivers ``xe`` and ``i915`` tell of them."""

import re
from pathlib import Path

from envctl.adapters.probes.gpu import cleaned
from envctl.adapters.probes.gpu.pci import Display, displays, named, text
from envctl.domain.record import Gpu

_VENDOR = "8086"
_DRIVERS = ("xe", "i915")


def devices(sysroot: Path) -> tuple[Gpu, ...]:
    """Return the devices that ``xe`` or ``i915`` has: integrated ones too, which have no memory of their own."""
    found = [each for each in displays(sysroot, _VENDOR) if each.driver in _DRIVERS]
    return tuple(_gpu(sysroot, index, display) for index, display in enumerate(found))


def _gpu(sysroot: Path, index: int, display: Display) -> Gpu:
    name = named(sysroot, _VENDOR, display.device)
    return Gpu(
        index=index,
        name=f"Intel {name}" if name else f"Intel GPU {_VENDOR}:{display.device}",
        memory_bytes=_memory(display.folder),
        pci_bus_id=display.address,
        vendor="intel",
        kernel_driver=display.driver,
    )


def _memory(folder: Path) -> int | None:
    """Add up the memory of a card's tiles; ``xe`` writes it as a hexadecimal number, ``i915`` does not tell."""
    sizes = [text(each) for each in folder.glob("tile*/physical_vram_size_bytes")]
    return cleaned.size(
        sum(int(each, 16) for each in sizes if re.fullmatch(r"0x[0-9a-f]{1,16}", each))
    )
