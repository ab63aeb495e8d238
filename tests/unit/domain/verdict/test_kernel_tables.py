"""Cards and the kernels in torch's wheels, row by row: typed here from NVIDIA's and PyTorch's pages.

Sources: developer.nvidia.com/cuda-gpus, the toolkit, driver and architecture matrix, PyTorch's release matrix.
"""

from dataclasses import replace

import pytest

from envctl.domain.contract import Contract, build, derive
from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.gpu import cards as gpu_cards
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.record import Gpu, OperatingSystem, Python, Record
from envctl.domain.verdict import Verdict, judge, worst
from envctl.domain.verdict.remedies import remedy
from tests import machines

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

# The toolkits between which an architecture's kernels can be made; those of 10.3, 11.0 and 12.1 are nowhere said, and
# not older than those of the card below.
TOOLKITS = {
    "12.1": ("12.8", None),
    "12.0": ("12.8", None),
    "11.0": ("12.8", None),
    "10.3": ("12.8", None),
    "10.0": ("12.8", None),
    "9.0": ("11.8", None),
    "8.9": ("11.8", None),
    "8.7": ("11.0", None),
    "8.6": ("11.0", None),
    "8.0": ("11.0", None),
    "7.5": ("10.0", None),
    "7.2": ("9.0", "12.9"),
    "7.0": ("9.0", "12.9"),
    "6.1": ("8.0", "12.9"),
    "6.0": ("8.0", "12.9"),
    "5.2": ("7.0", "12.9"),
    "5.0": ("7.0", "12.9"),
    "3.7": ("7.0", "11.8"),
    "3.5": ("7.0", "11.8"),
}
CUDAS = "9.0 10.0 11.0 11.7 11.8 12.4 12.6 12.8 12.9 13.0 13.2 13.4"

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
    contract = derive([("zz-made-x", "1+cu128", ())])
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


# Where there is no list of kernels


def kernels(contract: Contract, record: Record) -> Verdict:
    (found,) = (each for each in judge(contract, record) if each.aspect == "kernels")
    return found


def order(cuda: str) -> tuple[int, ...]:
    return tuple(map(int, cuda.split(".")))


@pytest.mark.parametrize("cuda", CUDAS.split())
@pytest.mark.parametrize(("capability", "between"), TOOLKITS.items())
@pytest.mark.parametrize("local", ["zz-made-x", "torch"])
def test_a_card_has_kernels_from_its_first_toolkit_to_its_last(
    local: str, capability: str, between: tuple[str, str | None], cuda: str
) -> None:
    """Row by row: of bare CUDA packages the toolkit decides; of a torch that nobody measured it is never sure."""
    first, last = between
    contract = derive([(local, f"1.12.0+cu{cuda.replace('.', '')}", ())])
    assert (contract.cuda, contract.compute_capabilities) == (cuda, ())
    found = kernels(contract, machine(capability, "580.95.05"))
    if order(cuda) < order(first) or (last is not None and order(cuda) > order(last)):
        assert (found.kind, found.code) == ("fail", "no-kernel-for-gpu")
    elif local == "torch":
        assert (found.kind, found.code) == ("pass-limited", "kernels-unknown")
    else:
        assert (found.kind, found.code) == ("pass", "ok")


@pytest.mark.parametrize(
    ("version", "capability", "reason"),
    [
        (
            "2.6.0+cu124",
            "10.0",
            "CUDA 12.4 has no kernels for {who}: the first that has is CUDA 12.8",
        ),
        (
            "2.6.0+cu124",
            "12.0",
            "CUDA 12.4 has no kernels for {who}: the first that has is CUDA 12.8",
        ),
        (
            "2.5.1+cu121",
            "12.0",
            "CUDA 12.1 has no kernels for {who}: the first that has is CUDA 12.8",
        ),
        (
            "2.7.1+cu126",
            "12.0",
            "CUDA 12.6 has no kernels for {who}: the first that has is CUDA 12.8",
        ),
        (
            "2.7.1+cu118",
            "10.3",
            "CUDA 11.8 has no kernels for {who}: the first that has is CUDA 12.8",
        ),
        (
            "2.15.0+cu126",
            "12.0",
            "CUDA 12.6 has no kernels for {who}: the first that has is CUDA 12.8",
        ),
        (
            "1.13.1+cu116",
            "9.0",
            "CUDA 11.6 has no kernels for {who}: the first that has is CUDA 11.8",
        ),
        (
            "2.15.0+cu130",
            "7.0",
            "CUDA 13.0 has no kernels for {who} any more: the last that has is CUDA 12",
        ),
    ],
)
def test_a_torch_that_nobody_measured_fails_where_no_kernels_can_be(
    version: str, capability: str, reason: str
) -> None:
    found = kernels(derive([("torch", version, ())]), machine(capability, "595.45.04"))
    assert (found.kind, found.code) == ("fail", "no-kernel-for-gpu")
    assert found.reason == reason.format(who=f"card {capability} (compute capability {capability})")


UNMEASURED = [(torch, tag) for torch, tag in gpu_builds.torch_builds() if build(torch, tag) is None]


@pytest.mark.parametrize(("torch", "tag"), UNMEASURED)
def test_no_build_without_a_list_passes_any_card(torch: str, tag: str) -> None:
    contract = derive([("torch", f"{torch}.0+{tag}", ())])
    for capability in TOOLKITS:
        found = kernels(contract, machine(capability, "580.95.05"))
        assert found.kind in ("pass-limited", "fail"), capability
    (said,) = contract.assumed
    assert f"the kernels of torch {torch}.0+{tag}" in said


def test_a_major_alone_does_not_tell_whether_it_is_new_enough() -> None:
    jax = derive([("jax-cuda12-plugin", "0.10.2", ())])
    assert kernels(jax, machine("8.0", "580.95.05")).kind == "pass"
    found = kernels(jax, machine("10.0", "580.95.05"))
    assert (found.kind, found.code) == ("pass-limited", "kernels-unknown")
    assert found.reason.endswith("from CUDA 12.8 on: which CUDA 12 it is the lock does not say")
    exact = derive(
        [("jax-cuda12-plugin", "0.10.2", ()), ("nvidia-cuda-runtime-cu12", "12.6.77", ())]
    )
    assert kernels(exact, machine("10.0", "580.95.05")).kind == "fail"


@pytest.mark.parametrize(
    "packages",
    [
        [("jax-cuda13-plugin", "0.10.2", ()), ("nvidia-cuda-runtime", "13.0.48", ())],
        [("jax-cuda13-plugin", "0.10.2", ())],
        [("nvidia-cublas", "13.0.2.14", ())],
        [("cuda-toolkit", "13.0.3", ())],
        [("cupy-cuda13x", "14.0", ())],
        [("onnxruntime-gpu", "1.29.0", ())],
    ],
    ids=lambda packages: packages[0][0],
)
@pytest.mark.parametrize("capability", ["7.0", "6.1", "5.2"])
def test_cuda_13_has_no_kernels_for_old_cards_whoever_brings_it(
    packages: list[tuple[str, str, tuple[str, ...]]], capability: str
) -> None:
    contract = derive(packages)
    assert (contract.cuda or "").startswith("13")
    found = kernels(contract, machine(capability, "580.95.05"))
    assert (found.kind, found.expected) == ("fail", "CUDA 12 or older")
    way = remedy(contract, machine(capability, "535.183.01"))
    assert (way.driver, way.build) == (None, "cu12")
    assert "compat" not in way.text


NAMES = {
    "Tesla V100-SXM2-32GB": "7.0",
    "Tesla V100S-PCIE-32GB": "7.0",
    "NVIDIA TITAN V": "7.0",
    "Tesla T4": "7.5",
    "NVIDIA T4G": "7.5",
    "Quadro RTX 6000": "7.5",
    "NVIDIA GeForce RTX 2080 Ti": "7.5",
    "NVIDIA A100-SXM4-80GB MIG 1g.10gb": "8.0",
    "GRID A100D-80C": "8.0",
    "NVIDIA A800-SXM4-80GB": "8.0",
    "NVIDIA A10G": "8.6",
    "NVIDIA RTX A6000": "8.6",
    "NVIDIA RTX A5500 Laptop GPU": "8.6",
    "NVIDIA GeForce RTX 3080 Ti Laptop GPU": "8.6",
    "Orin (nvgpu)": "8.7",
    "NVIDIA L40S": "8.9",
    "NVIDIA L20": "8.9",
    "NVIDIA GeForce RTX 4090": "8.9",
    "NVIDIA RTX 6000 Ada Generation": "8.9",
    "NVIDIA RTX 4000 SFF Ada Generation": "8.9",
    "NVIDIA H100 80GB HBM3": "9.0",
    "NVIDIA H800 PCIe": "9.0",
    "NVIDIA H20-3e": "9.0",
    "NVIDIA GH200 480GB": "9.0",
    "NVIDIA B200": "10.0",
    "NVIDIA B300 SXM6 AC": "10.3",
    "NVIDIA Thor": "11.0",
    "NVIDIA GeForce RTX 5090": "12.0",
    "NVIDIA GeForce RTX 5070 Ti": "12.0",
    "NVIDIA RTX PRO 6000 Blackwell Workstation Edition": "12.0",
    "NVIDIA GB10": "12.1",
    "NVIDIA GeForce GTX 1080 Ti": "6.1",
    "Tesla P100-PCIE-16GB": "6.0",
    "Tesla M60": "5.2",
    # not in the tables, however much they look like it
    "NVIDIA GeForce RTX 2050": None,
    "NVIDIA GeForce GTX 1650": None,
    "NVIDIA A1000": None,
    "Quadro M4000": None,
    "a GPU": None,
    "": None,
}


@pytest.mark.parametrize(("name", "capability"), NAMES.items())
def test_a_card_that_no_driver_described_is_judged_by_its_name(
    name: str, capability: str | None
) -> None:
    assert gpu_cards.capability_of(name) == capability
    gpu = Gpu(index=0, name=name)
    record = replace(machine("8.0", "595.45.04"), gpus=(gpu,), gpu_source="proc")
    found = kernels(derive([("torch", "2.11.0+cu130", ())]), record)
    if capability is None:
        assert (found.kind, found.code) == ("pass-limited", "kernels-unknown")
        assert found.reason.startswith(f"the compute capability of {name} is not known")
    else:
        told = replace(record, gpus=(replace(gpu, compute_capability=capability),))
        assert judge(derive([("torch", "2.11.0+cu130", ())]), told) == judge(
            derive([("torch", "2.11.0+cu130", ())]), record
        )


@pytest.mark.parametrize("name", machines.names())
def test_recorded_cards_are_found_by_their_names(name: str) -> None:
    for gpu in machines.load(name).nvidia_gpus:
        assert gpu.compute_capability in (None, gpu_cards.capability_of(gpu.name))
