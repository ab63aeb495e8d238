"""Cards and the kernels in torch's wheels, row by row: typed here from NVIDIA's and PyTorch's pages.

Sources: developer.nvidia.com/cuda-gpus, the toolkit, driver and architecture matrix, PyTorch's release matrix.
"""

import pytest

from envctl.domain.contract import build, derive
from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.gpu import cards as gpu_cards
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.record import Gpu, OperatingSystem, Python, Record
from envctl.domain.verdict import judge, worst

CARDS = {
    "12.1": "GB10",
    "12.0": "RTX 5090",
    "11.0": "Jetson T5000",
    "10.3": "B300",
    "10.0": "B200",
    "9.0": "H100",
    "8.9": "L4",
    "8.7": "Jetson Orin",
    "8.6": "A40",
    "8.0": "A100",
    "7.5": "T4",
    "7.2": "Jetson Xavier",
    "7.0": "V100",
    "6.1": "P40",
    "6.0": "P100",
    "5.2": "M60",
    "5.0": "GTX 750",
}
# The last driver branch that supports an architecture; the rest go on.
ENDS = {
    "7.0": 580,
    "6.0": 580,
    "6.1": 580,
    "5.0": 580,
    "5.2": 580,
    "5.3": 580,
    "3.5": 470,
    "3.7": 470,
}
GO_ON = ("7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "12.0")

OLD = "5.0 6.0 7.0 7.5 8.0 8.6 9.0"
WIDE = "7.0 7.5 8.0 8.6 9.0 10.0 12.0"
NEW = "7.5 8.0 8.6 9.0 10.0 12.0"
BUILDS = [  # torch, build, architecture, cubins, PTX
    ("1.13", "cu117", "x86_64", "3.7 5.0 6.0 7.0 7.5 8.0 8.6", ""),
    ("2.0", "cu118", "x86_64", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", ""),
    ("2.4", "cu124", "x86_64", OLD, ""),
    ("2.6", "cu126", "x86_64", OLD, ""),
    ("2.7", "cu128", "x86_64", NEW, "12.0"),
    *((f"2.{n}", "cu126", "x86_64", OLD, "") for n in range(8, 15)),
    *((f"2.{n}", "cu128", "x86_64", WIDE, "") for n in (8, 9, 10)),
    ("2.8", "cu129", "x86_64", WIDE, "12.0"),
    ("2.11", "cu128", "x86_64", NEW, ""),
    *((f"2.{n}", "cu130", "x86_64", NEW, "12.0") for n in range(9, 15)),
    *((f"2.{n}", "cu132", "x86_64", NEW, "12.0") for n in range(12, 16)),
    *((f"2.{n}", "cu126", "aarch64", "8.0 9.0", "") for n in (8, 11, 14)),
    *((f"2.{n}", "cu128", "aarch64", "8.0 9.0 10.0 12.0", "") for n in (8, 10, 11)),
    *((f"2.{n}", "cu130", "aarch64", "8.0 9.0 10.0 11.0 12.0", "12.0") for n in (9, 12, 14)),
]
DEFAULTS = {
    "2.7.1": "12.6",
    "2.8.0": "12.8",
    "2.9.1": "12.8",
    "2.10.0": "12.8",
    "2.11.0": "13.0",
    "2.12.1": "13.0",
    "2.13.0": "13.0",
    "2.14.1": "13.0",
    "2.15.0": "13.2",
}
TAGS = {
    "1.13": "cu116 cu117",
    "2.0": "cu117 cu118",
    "2.1": "cu118 cu121",
    "2.2": "cu118 cu121",
    "2.3": "cu118 cu121",
    "2.4": "cu118 cu121 cu124",
    "2.5": "cu118 cu121 cu124",
    "2.6": "cu118 cu124 cu126",
    "2.7": "cu118 cu126 cu128",
    "2.8": "cu126 cu128 cu129",
    "2.9": "cu126 cu128 cu130",
    "2.10": "cu126 cu128 cu130",
    "2.11": "cu126 cu128 cu129 cu130",
    "2.12": "cu126 cu130 cu132",
    "2.13": "cu126 cu130 cu132",
    "2.14": "cu126 cu130 cu132",
}
PYTHONS = {
    "1.13": ("3.7", "3.10"),
    "2.0": ("3.8", "3.11"),
    "2.3": ("3.8", "3.11"),
    "2.4": ("3.8", "3.12"),
    "2.5": ("3.9", "3.12"),
    "2.6": ("3.9", "3.13"),
    "2.8": ("3.9", "3.13"),
    "2.9": ("3.10", "3.14"),
    "2.11": ("3.10", "3.14"),
    "2.12": ("3.10", None),
    "2.15": ("3.11", None),
}
# A card of a capability and the lowest and the highest cubin that serves it, of all there could be.
SERVED = [
    ("8.9", "8.6", True),
    ("8.9", "8.0", True),
    ("8.9", "8.9", True),
    ("8.6", "8.9", False),
    ("12.1", "12.0", True),
    ("10.3", "10.0", True),
    ("12.0", "10.0", False),
    ("10.0", "9.0", False),
    ("7.5", "7.0", True),
    ("7.0", "7.5", False),
]


def machine(capability: str, driver: str) -> Record:
    return Record(
        python=Python(version="3.11.7", implementation="CPython"),
        os=OperatingSystem(name="Debian GNU/Linux 12", id="debian", version="12"),
        kernel="6.1.0",
        architecture="x86_64",
        driver=driver,
        gpus=(Gpu(index=0, name=f"card {capability}", compute_capability=capability),),
    )


@pytest.mark.parametrize(("capability", "name"), CARDS.items())
def test_every_card_of_the_pages_is_known(capability: str, name: str) -> None:
    assert capability in gpu_cards.capabilities()
    row = next(r for r in gpu_facts.rows("devices") if r["compute_capability"] == capability)
    assert any(name.rsplit(maxsplit=1)[-1] in words for words in row["names"])


@pytest.mark.parametrize(("capability", "branch"), ENDS.items())
def test_an_architecture_ends_with_a_branch(capability: str, branch: int) -> None:
    assert gpu_cards.last_branch(capability) == branch
    contract = derive([("zz-made-x", "1+cu118", ())])
    last = judge(contract, machine(capability, f"{branch}.95.05"))
    assert [v.code for v in last if v.kind == "fail"] == []
    after = judge(contract, machine(capability, f"{branch + 10}.10"))
    assert [v.code for v in after if v.kind == "fail"] == ["driver-too-new"]


@pytest.mark.parametrize("capability", GO_ON)
def test_other_architectures_go_on(capability: str) -> None:
    contract = derive([("zz-made-x", "1+cu118", ())])
    assert worst(judge(contract, machine(capability, "615.99"))) == "pass"


def test_a_card_that_the_driver_dropped_has_a_reason_of_its_own() -> None:
    contract = derive([("torch", "2.9.1+cu126", ())])
    (found,) = [v for v in judge(contract, machine("7.0", "595.45.04")) if v.kind == "fail"]
    assert (found.code, found.aspect, found.subject) == ("driver-too-new", "driver", "card 7.0")
    assert found.reason == (
        "driver 595.45.04 no longer supports card 7.0 (Volta, compute capability 7.0): "
        "the last branch that does is R580"
    )
    assert (found.expected, found.actual) == ("driver branch R580 or older", "595.45.04")


@pytest.mark.parametrize(("torch", "tag", "architecture", "cubins", "ptx"), BUILDS)
def test_the_kernels_of_a_build(
    torch: str, tag: str, architecture: str, cubins: str, ptx: str
) -> None:
    found = build(torch, tag, architecture)
    assert found is not None
    assert found.compute_capabilities == tuple(cubins.split())
    assert found.ptx == tuple(ptx.split())
    wheel = f"torch-{torch}.0+{tag}-cp311-cp311-manylinux_2_28_{architecture}.whl"
    derived = derive([("torch", f"{torch}.0+{tag}", (wheel,))], machine=architecture)
    assert derived.compute_capabilities == tuple(cubins.split())
    assert (derived.driver_limited, derived.driver_full) == (
        found.driver_limited,
        found.driver_full,
    )


@pytest.mark.parametrize(("version", "cuda"), DEFAULTS.items())
def test_the_cuda_of_the_wheel_without_a_tag(version: str, cuda: str) -> None:
    wheel = f"torch-{version}-cp311-cp311-manylinux_2_28_x86_64.whl"
    assert derive([("torch", version, (wheel,))]).cuda == cuda


@pytest.mark.parametrize(("torch", "tags"), TAGS.items())
def test_the_builds_of_a_torch(torch: str, tags: str) -> None:
    found = {tag for minor, tag in gpu_builds.torch_builds() if minor == torch}
    assert found == set(tags.split())


@pytest.mark.parametrize(("torch", "pythons"), PYTHONS.items())
def test_the_pythons_of_a_torch(torch: str, pythons: tuple[str, str | None]) -> None:
    assert gpu_builds.torch_pythons(torch) == pythons


@pytest.mark.parametrize(("card", "cubin", "fine"), SERVED)
def test_a_cubin_serves_its_major_from_its_minor_on(card: str, cubin: str, fine: bool) -> None:
    contract = derive([("zz-made-x", "1+cu118", ())])
    made = type(contract)(
        accelerator="cuda",
        cuda="11.8",
        driver_limited="450.80.02",
        driver_full="520.61.05",
        compute_capabilities=(cubin,),
    )
    found = judge(made, machine(card, "580.95.05"))
    kernels = [v.kind for v in found if v.aspect == "kernels"]
    assert kernels == ["pass" if fine else "fail"]


def test_after_2_10_no_wheel_serves_both_volta_and_blackwell() -> None:
    def serves(torch: str, tag: str, capability: str) -> bool:
        contract = build(torch, tag)
        return (
            contract is not None
            and worst(judge(contract, machine(capability, "580.95.05"))) != "fail"
        )

    both = [
        t
        for t, tag in gpu_builds.torch_builds()
        if serves(t, tag, "7.0") and serves(t, tag, "10.0")
    ]
    assert both[0] == "2.10"
