"""NVIDIA's tables of toolkits and drivers, row by row: typed here from its pages, and looked up through the rules.

Sources: CUDA Toolkit release notes (13.2 Update 2 and 13.4 Update 1), minor-version and forward compatibility pages.
"""

from dataclasses import replace

import pytest

from envctl.domain.contract import Contract, derive
from envctl.domain.gpu import cards as gpu_cards
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.record import Gpu, OperatingSystem, Python, Record
from envctl.domain.verdict import judge
from tests import machines

# toolkit, Linux driver, Windows driver
TOOLKITS = """\
13.2.2 595.71.05 -
13.2.1 595.58.03 -
13.2.0 595.45.04 -
13.1.1 590.48.01 -
13.1.0 590.44.01 -
13.0.2 580.95.05 -
13.0.1 580.82.07 -
13.0.0 580.65.06 -
12.9.1 575.57.08 576.57
12.9.0 575.51.03 576.02
12.8.1 570.124.06 572.61
12.8.0 570.26 570.65
12.6.3 560.35.05 561.17
12.6.2 560.35.03 560.94
12.6.1 560.35.03 560.94
12.6.0 560.28.03 560.76
12.5.1 555.42.06 555.85
12.5.0 555.42.02 555.85
12.4.1 550.54.15 551.78
12.4.0 550.54.14 551.61
12.3.1 545.23.08 546.12
12.3.0 545.23.06 545.84
12.2.2 535.104.05 537.13
12.2.1 535.86.09 536.67
12.2.0 535.54.03 536.25
12.1.1 530.30.02 531.14
12.1.0 530.30.02 531.14
12.0.1 525.85.12 528.33
12.0.0 525.60.13 527.41
11.8.0 520.61.05 520.06
11.7.1 515.48.07 516.31
11.7.0 515.43.04 516.01
11.6.2 510.47.03 511.65
11.6.1 510.47.03 511.65
11.6.0 510.39.01 511.23
11.5.2 495.29.05 496.13
11.5.1 495.29.05 496.13
11.5.0 495.29.05 496.04
11.4.4 470.82.01 472.50
11.4.3 470.82.01 472.50
11.4.2 470.57.02 471.41
11.4.1 470.57.02 471.41
11.4.0 470.42.01 471.11
11.3.1 465.19.01 465.89
11.3.0 465.19.01 465.89
11.2.2 460.32.03 461.33
11.2.1 460.32.03 461.09
11.2.0 460.27.03 460.82
11.1.1 455.32 456.81
11.1.0 455.23 456.38
11.0.3 450.51.06 451.82
11.0.2 450.51.05 451.48
10.2 440.33 441.22
10.1 418.39 418.96
10.0 410.48 411.31
9.2.148 396.37 398.26
9.2.88 396.26 397.44
9.1 390.46 391.29
9.0 384.81 385.54
8.0.61 375.26 376.51
8.0.44 367.48 369.30
7.5 352.31 353.66
7.0 346.46 347.62
"""
BRANCHES = {"13.0": "580", "13.1": "590", "13.2": "595", "13.3": "610", "13.4": "615"}
FLOORS = {"13": "580", "12": "525.60.13", "11": "450.80.02"}
ROWS = [tuple(line.split()) for line in TOOLKITS.splitlines()]
FIRST = {}
for _toolkit, _linux, _ in ROWS:  # newest first: the last one of a minor is its first release
    FIRST[".".join(_toolkit.split(".")[:2])] = _linux

# package: what it does on 535, 570, 580, 590, 595, 610, 615
FORWARD = """\
13-4 C C C C C C N
13-3 C C C C C N X
13-2 C C C C N X X
13-1 C C C N X X X
13-0 C C N X X X X
12-9 C C X X X X X
12-8 C N X X X X X
12-6 C X X X X X X
12-5 C X X X X X X
12-4 C X X X X X X
12-3 C X X X X X X
12-2 N X X X X X X
"""
FORWARD_BRANCHES = ("535", "570", "580", "590", "595", "610", "615")
CELLS = [
    (row.split()[0].replace("-", "."), branch, cell)
    for row in FORWARD.splitlines()
    for branch, cell in zip(FORWARD_BRANCHES, row.split()[1:], strict=True)
]


def machine(
    driver: str, *, card: str = "NVIDIA A100-SXM4-80GB", compat: str | None = None
) -> Record:
    return Record(
        python=Python(version="3.11.7", implementation="CPython"),
        os=OperatingSystem(name="Debian GNU/Linux 12", id="debian", version="12"),
        kernel="6.1.0",
        architecture="x86_64",
        driver=driver,
        cuda_compat=compat,
        gpus=(Gpu(index=0, name=card, compute_capability="8.0"),),
    )


def contract(cuda: str, *, ptx: tuple[str, ...] = ()) -> Contract:
    return Contract(
        accelerator="cuda",
        cuda=cuda,
        driver_limited=gpu_facts.driver_floor(cuda),
        driver_full=gpu_facts.driver_full(cuda),
        ptx=ptx,
    )


def kind(cuda: str, driver: str, **machine_: str) -> str:
    found = judge(contract(cuda), machine(driver, **machine_))
    return next(verdict.kind for verdict in found if verdict.aspect == "driver")


def before(driver: str) -> str:
    """Return the driver just below."""
    parts = [int(part) for part in driver.split(".")]
    for place in range(len(parts) - 1, -1, -1):
        if parts[place]:
            return ".".join(
                map(str, [*parts[:place], parts[place] - 1, *[99] * (len(parts) - place)])
            )
    raise AssertionError(driver)


def test_all_rows_are_there_and_no_more() -> None:
    assert len(ROWS) == 63
    assert {(r["toolkit"], r["linux"], r["windows"]) for r in gpu_facts.rows("toolkit_driver")} == {
        (toolkit, linux, None if windows == "-" else windows) for toolkit, linux, windows in ROWS
    }
    assert len(gpu_facts.rows("forward_compat")) == len(CELLS) / len(FORWARD_BRANCHES)


@pytest.mark.parametrize(("toolkit", "linux", "windows"), ROWS, ids=[row[0] for row in ROWS])
def test_a_toolkits_driver(toolkit: str, linux: str, windows: str) -> None:
    minor = ".".join(toolkit.split(".")[:2])
    assert gpu_facts.driver_full(minor) == FIRST[minor]
    assert kind(minor, linux) == "pass"
    assert gpu_facts.level_of(linux) == minor
    if windows != "-":
        assert gpu_facts.level_of(windows, "windows") == minor


@pytest.mark.parametrize(("minor", "driver"), FIRST.items())
def test_just_below_a_toolkits_driver(minor: str, driver: str) -> None:
    below = before(driver)
    major = minor.split(".", maxsplit=1)[0]
    floor = FLOORS.get(major)
    limited = floor is not None and tuple(map(int, below.split("."))) >= tuple(
        map(int, floor.split("."))
    )
    assert kind(minor, below) == ("pass-limited" if limited else "fail")


@pytest.mark.parametrize(("toolkit", "branch"), BRANCHES.items())
def test_a_toolkits_branch(toolkit: str, branch: str) -> None:
    assert (gpu_facts.driver_full(toolkit) or "").split(".")[0] == branch
    assert kind(toolkit, f"{branch}.999.99") == "pass"
    assert kind(toolkit, "560.99") == "fail"


@pytest.mark.parametrize(("major", "floor"), FLOORS.items())
def test_the_floors_of_minor_version_compatibility(major: str, floor: str) -> None:
    newest = max(
        (m for m in (*FIRST, *BRANCHES) if m.split(".")[0] == major), key=gpu_facts.numbers
    )
    assert kind(newest, floor) == "pass-limited"
    assert kind(newest, before(floor)) == "fail"


@pytest.mark.parametrize("cuda", ["10.2", "10.1", "10.0", "9.2", "9.1", "9.0", "8.0", "7.5", "7.0"])
def test_before_cuda_11_there_is_no_minor_version_compatibility(cuda: str) -> None:
    assert gpu_facts.driver_floor(cuda) is None
    assert kind(cuda, before(FIRST[cuda])) == "fail"


class TestForward:
    @pytest.mark.parametrize(("package", "branch", "cell"), CELLS)
    def test_the_matrix(self, package: str, branch: str, cell: str) -> None:
        driver = f"{branch}.99.99"
        assert gpu_facts.forward(package, driver) == (cell == "C")
        if kind(package, driver) in ("pass", "pass-limited"):
            return  # it needs no package
        assert kind(package, driver, compat=package) == ("pass-forward" if cell == "C" else "fail")

    @pytest.mark.parametrize("branch", ["450", "470", "525", "550", "560", "575"])
    def test_branches_that_are_not_listed_have_none(self, branch: str) -> None:
        assert not any(gpu_facts.forward(p, f"{branch}.10") for p, _, _ in CELLS)
        assert kind("13.0", f"{branch}.10", compat="13.0") == "fail"

    @pytest.mark.parametrize(
        ("card", "verdict"),
        [
            ("NVIDIA A100-SXM4-80GB", "pass-forward"),
            ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "pass-forward"),
            ("Tesla T4", "pass-forward"),
            ("NVIDIA H100 80GB HBM3", "pass-forward"),
            ("NVIDIA L40S", "pass-forward"),
            ("NVIDIA A10", "pass-forward"),
            ("NVIDIA GeForce RTX 4090", "fail"),
            ("NVIDIA RTX A6000", "fail"),
            ("NVIDIA TITAN V", "fail"),
            ("Quadro RTX 8000", "fail"),
            ("NVIDIA T400", "fail"),
            ("", "fail"),
        ],
    )
    def test_only_data_centre_cards(self, card: str, verdict: str) -> None:
        assert kind("13.0", "535.183.01", card=card, compat="13.0") == verdict

    def test_the_reason_names_the_package_that_is_not_there(self) -> None:
        found = judge(contract("13.0"), machine("535.183.01"))
        assert found[1].reason == (
            "CUDA 13.0 needs driver 580 or newer, this is 535.183.01, and there is no cuda-compat-13-0 "
            "for forward compatibility (wheels and slim images bring none)"
        )
        there = judge(contract("13.0"), machine("535.183.01", compat="12.8"))
        assert there[1].reason.endswith(
            ", and cuda-compat-12-8 does not serve this CUDA, driver branch and card"
        )
        desk = judge(contract("13.0"), machine("535.183.01", card="NVIDIA GeForce RTX 4090"))
        assert desk[1].reason == "CUDA 13.0 needs driver 580 or newer, this is 535.183.01"

    def test_ptx_is_compiled_by_the_package_of_that_cuda_only(self) -> None:
        only_ptx = contract("13.0", ptx=("8.0",))
        assert [
            verdict.kind
            for compat in ("13.0", "13.1", None)
            for verdict in judge(only_ptx, machine("535.183.01", compat=compat))
            if verdict.aspect == "kernels"
        ] == ["pass-forward", "pass-forward", "fail"]
        newer = judge(contract("13.2", ptx=("8.0",)), machine("535.183.01", compat="13.0"))
        assert [v.kind for v in newer if v.aspect != "gpu"] == ["pass-forward", "fail"]

    def test_a_package_helps_ptx_where_the_driver_is_limited(self) -> None:
        only_ptx = contract("12.8", ptx=("8.0",))
        found = judge(only_ptx, machine("535.183.01", compat="12.8"))
        assert [v.kind for v in found if v.aspect != "gpu"] == ["pass-limited", "pass-forward"]

    def test_a_package_of_a_branch_that_dropped_the_card_does_not_help(self) -> None:
        volta = Record(
            python=Python(version="3.11.7", implementation="CPython"),
            os=OperatingSystem(name="Debian GNU/Linux 12", id="debian", version="12"),
            kernel="6.1.0",
            architecture="x86_64",
            driver="535.183.01",
            cuda_compat="13.1",
            gpus=(Gpu(index=0, name="Tesla V100-SXM2-32GB", compute_capability="7.0"),),
        )
        assert [v.kind for v in judge(contract("13.0"), volta) if v.aspect == "driver"] == ["fail"]


DATA_CENTRE = (
    *("NVIDIA A10G", "Tesla V100S-PCIE-32GB", "NVIDIA A800-SXM4-80GB", "NVIDIA H800 PCIe"),
    *("NVIDIA H20", "NVIDIA H20-3e", "NVIDIA L20", "NVIDIA L2", "NVIDIA T4G", "NVIDIA A100X"),
    *("GRID A100D-80C", "NVIDIA A100 80GB PCIe", "NVIDIA L40S", "NVIDIA H100 NVL", "Tesla P40"),
)
OTHERS = (
    *("NVIDIA RTX A6000", "NVIDIA GeForce RTX 4090", "NVIDIA A800 40GB Active", "NVIDIA TITAN V"),
    *("Quadro GV100", "NVIDIA RTX 6000 Ada Generation", "Orin (nvgpu)", "NVIDIA GB10"),
)
STRANGERS = ("NVIDIA CMP 90HX", "NVIDIA A1000", "NVIDIA PG509-210", "a GPU", "")


@pytest.mark.parametrize("name", [*DATA_CENTRE, *OTHERS, *STRANGERS])
def test_what_a_card_is_made_for(name: str) -> None:
    assert gpu_cards.data_centre(name) is (name in DATA_CENTRE)
    assert gpu_cards.other_product(name) is (name in OTHERS)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "NVIDIA GeForce RTX 4090",
            "cuda-compat-13-0 does not serve this CUDA, driver branch and card",
        ),
        (
            "NVIDIA CMP 90HX",
            "NVIDIA CMP 90HX is not known to be a data-centre card, which cuda-compat-13-0 needs",
        ),
    ],
)
def test_a_card_that_nobody_knows_is_not_said_to_be_unfit(name: str, why: str) -> None:
    record = machines.load("hpc-a100")
    gpus = (replace(record.gpus[0], name=name),)
    record = replace(record, driver="535.183.01", cuda_compat="13.0", gpus=gpus)
    found = judge(derive([("zz-made-x", "1+cu130", ())]), record)
    [driver] = [each.reason for each in found if each.aspect == "driver"]
    assert driver.endswith(f", and {why}")


def test_forward_compatibility_brings_no_kernels_for_a_card_that_cuda_dropped() -> None:
    """R580, of which cuda-compat-13-0 is a part, still knows Volta; CUDA 13 has no kernels for it."""
    record = replace(machines.load("lab-v100"), cuda_compat="13.0")
    found = judge(
        derive([("jax-cuda13-plugin", "0.10.2", ()), ("nvidia-cuda-runtime", "13.0.48", ())]),
        record,
    )
    assert {each.code for each in found if each.kind == "fail"} == {
        "driver-too-old",
        "no-kernel-for-gpu",
    }
