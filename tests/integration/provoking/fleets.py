"""How records of machines, and the list of devices that is declared for all of them, come to be wrong."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from envctl.domain.finding.codes import Code
from envctl.domain.record import Gpu, Record
from tests.integration.provoking import Case, Near
from tests.integration.provoking.machines import machine, save

LAB, LAPTOP = machine("lab-v100"), machine("wsl")
MIG = replace(machine("hpc-a100-mig"), scheduler=None)
MIXED = replace(
    machine("t4"),
    gpus=(
        Gpu(index=0, name="Quadro P400", compute_capability="6.1", pci_bus_id="0000:01:00.0"),
        Gpu(index=1, name="RTX 4090", compute_capability="8.9", pci_bus_id="0000:02:00.0"),
    ),
)


def unreadable(world: Near) -> None:
    world.write(".envctl/machines/lab.toml", "<<<<<<< ours\n")


def twice(world: Near) -> None:
    save(world, LAB)
    save(world, replace(LAB, name="again"))


def devices(value: str, *records: Record) -> Callable[[Near], None]:
    """Declare that list of devices for these machines."""

    def provoke(world: Near) -> None:
        for record in records:
            save(world, record)
        world.edit(
            "pyproject.toml", 'CUDA_VISIBLE_DEVICES = "2"', f'CUDA_VISIBLE_DEVICES = "{value}"'
        )

    return provoke


_PARTS = [part.uuid for gpu in MIG.gpus for part in gpu.mig_devices]
_OF_LAPTOP = LAPTOP.gpus[0].uuid

_PROVOKED: Mapping[Code, Callable[[Near], None]] = {
    "record-unreadable": unreadable,
    "record-twice": twice,
    "devices-cut": devices("0,7", LAPTOP),
    "devices-odd": devices("1O", LAB),
    "devices-hidden": devices(f"{_PARTS[0]},{_PARTS[1]}", MIG),
    "devices-elsewhere": devices(f"{_OF_LAPTOP}", LAPTOP, LAB),
    "devices-repeated": devices("0,0", LAB),
    "devices-order": devices("0", MIXED),
}
CASES = tuple(
    Case(code=code, layer="fleet", way="advice", provoke=provoke)
    for code, provoke in _PROVOKED.items()
)
