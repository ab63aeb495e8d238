"""AMD's devices as the kernel's compute driver (amdkfd) tells of them, and which ROCm is installed.

Source: the kernel's ``drivers/gpu/drm/amd/amdkfd/kfd_topology.c``, whose files ROCm's own runtime reads.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from envctl.adapters.probes.gpu import cleaned
from envctl.adapters.probes.gpu.pci import text
from envctl.domain.record import Gpu

_NODES = "sys/class/kfd/kfd/topology/nodes"
_VIDEO_MEMORY = ("1", "2")  # heap types: frame buffer, public and private


def devices(sysroot: Path) -> tuple[Gpu, ...]:
    """Return the devices that ROCm could use, in its order; a node without a ``gfx`` target is a processor."""
    nodes = sorted((sysroot / _NODES).glob("[0-9]*"), key=lambda node: (len(node.name), node.name))
    known = [(node, _properties(node)) for node in nodes]
    gpus = [(node, known) for node, known in known if known.get("gfx_target_version", 0)]
    return tuple(_gpu(sysroot, index, *each) for index, each in enumerate(gpus))


def rocm(sysroot: Path) -> str | None:
    """Return the version of the ROCm in ``/opt/rocm`` (``6.2.4``)."""
    for name in ("version", "version-rocm"):
        own, _, _ = text(sysroot / "opt/rocm/.info" / name).partition("-")
        if found := cleaned.version(own):
            return found
    return None


def _gpu(sysroot: Path, index: int, node: Path, known: Mapping[str, int]) -> Gpu:
    address = _address(known)
    module = text(sysroot / "sys/module/amdgpu/version")  # only of the driver that ROCm brings
    product = text(sysroot / "sys/bus/pci/devices" / address / "product_name")
    return Gpu(
        index=index,
        name=cleaned.words(product or text(node / "name"), 100) or "AMD GPU",
        uuid=f"GPU-{known['unique_id']:016x}" if known.get("unique_id") else None,
        memory_bytes=cleaned.size(sum(_banks(node))),
        pci_bus_id=cleaned.pci(address),
        vendor="amd",
        gfx=_gfx(known["gfx_target_version"]),
        kernel_driver=f"amdgpu {cleaned.version(module) or ''}".rstrip(),
    )


def _gfx(version: int) -> str:
    """Write 90010 as ``gfx90a``: the last two of the three numbers are hexadecimal digits."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}"


def _address(known: Mapping[str, int]) -> str:
    place = known.get("location_id", 0)  # bus, device and function as PCI packs them
    device, function = place >> 3 & 31, place & 7
    return f"{known.get('domain', 0):04x}:{place >> 8 & 255:02x}:{device:02x}.{function}"


def _banks(node: Path) -> Iterator[int]:
    for bank in (node / "mem_banks").glob("[0-9]*"):
        known = _properties(bank)
        if str(known.get("heap_type")) in _VIDEO_MEMORY:
            yield known.get("size_in_bytes", 0)


def _properties(folder: Path) -> Mapping[str, int]:
    lines = re.findall(r"^(\w+) ([0-9]{1,20})$", text(folder / "properties"), re.MULTILINE)
    return {name: int(value) for name, value in lines}
