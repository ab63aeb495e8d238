from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envctl.domain.contract import Contract, derive
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.record import Gpu, GpuSource, OperatingSystem, Python, Record, Vendor
from envctl.domain.verdict import Verdict, VerdictCode, judge, worst
from envctl.domain.verdict.remedies import remedy
from tests import machines

HERE = Record(
    python=Python(version="3.11.7", implementation="CPython"),
    os=OperatingSystem(name="Debian GNU/Linux 12", id="debian", version="12"),
    kernel="6.1.0",
    libc="glibc 2.36",
    architecture="x86_64",
)


def machine(driver: str, *capabilities: str, level: str | None = None) -> Record:
    gpus = tuple(
        Gpu(index=n, name=f"GPU {capability}", compute_capability=capability)
        for n, capability in enumerate(capabilities)
    )
    return replace(HERE, driver=driver, gpus=gpus, cuda_level=level, gpu_source="nvml")


def torch(version: str) -> Contract:
    return derive([("torch", version, (f"torch-{version}-cp311-manylinux_2_28_x86_64.whl",))])


def codes(contract: Contract, record: Record) -> set[VerdictCode]:
    return {verdict.code for verdict in judge(contract, record)} - {"ok"}


@pytest.mark.parametrize(
    ("version", "driver", "capability", "kind", "code"),
    [
        ("2.9.1+cu128", "570.26", "8.0", "pass", None),
        ("2.9.1+cu128", "570.124.06", "8.0", "pass", None),
        ("2.9.1+cu128", "550.54.15", "8.0", "pass-limited", "driver-limited"),
        ("2.9.1+cu128", "525.60.13", "8.0", "pass-limited", "driver-limited"),
        ("2.9.1+cu128", "525.60.12", "8.0", "fail", "driver-too-old"),
        ("2.9.1+cu128", "470.82.01", "8.0", "fail", "driver-too-old"),
        ("2.9.1+cu128", "615.10", "8.0", "pass", None),
        ("2.11.0+cu130", "575.57.08", "8.0", "fail", "driver-too-old"),
        ("2.11.0+cu130", "580.65.06", "8.0", "pass", None),
        # cubins: the same major, an equal or higher minor
        ("2.9.1+cu128", "580.65.06", "8.9", "pass", None),
        ("2.9.1+cu128", "580.65.06", "8.7", "pass", None),
        ("2.9.1+cu128", "580.65.06", "12.1", "pass", None),
        ("2.9.1+cu128", "580.65.06", "10.3", "pass", None),
        ("2.9.1+cu128", "580.65.06", "7.0", "pass", None),
        ("2.9.1+cu128", "580.65.06", "6.1", "fail", "no-kernel-for-gpu"),
        ("2.11.0+cu128", "580.65.06", "7.0", "fail", "no-kernel-for-gpu"),
        ("2.9.1+cu126", "580.65.06", "10.0", "fail", "no-kernel-for-gpu"),
        ("2.9.1+cu128", "580.65.06", "11.0", "fail", "no-kernel-for-gpu"),
        # PTX of 12.0 serves a card of a later major, by a driver that can compile it
        ("2.9.1+cu130", "580.65.06", "13.0", "pass", None),
        ("2.9.1+cu130", "580.65.06", "11.0", "fail", "no-kernel-for-gpu"),
        ("2.12.1+cu132", "580.65.06", "13.0", "fail", "no-kernel-for-gpu"),
    ],
)
def test_tables(version: str, driver: str, capability: str, kind: str, code: str | None) -> None:
    verdicts = judge(torch(version), machine(driver, capability))
    assert worst(verdicts) == kind
    assert code is None or code in {verdict.code for verdict in verdicts}
    assert all(verdict.reason for verdict in verdicts)


def test_every_distinct_card_is_judged() -> None:
    verdicts = judge(torch("2.11.0+cu128"), machine("580.65.06", "7.0", "8.0", "8.0"))
    kernels = [(v.subject, v.kind) for v in verdicts if v.aspect == "kernels"]
    assert kernels == [("GPU 7.0", "fail"), ("GPU 8.0", "pass")]


def test_nothing_is_asked_of_a_cpu_project() -> None:
    assert judge(Contract(), HERE) == ()
    assert worst(()) == "pass"


@pytest.mark.parametrize(
    ("version", "code"), [("2.27", "libc-too-old"), ("2.28", None), ("2.36", None)]
)
def test_libc(version: str, code: str | None) -> None:
    record = replace(HERE, libc=f"glibc {version}")
    assert codes(Contract(libc=(2, 28)), record) == ({code} if code else set())


@pytest.mark.parametrize("libc", [None, "musl 1.2.4", "glibc"])
def test_a_libc_without_a_floor(libc: str | None) -> None:
    assert judge(Contract(libc=(2, 28)), replace(HERE, libc=libc)) == ()


class TestPresence:
    def gpu(self, record: Record, **need: int | bool) -> Verdict:
        found = judge(torch("2.9.1+cu128"), record, **need)  # type: ignore[arg-type]
        return next(verdict for verdict in found if verdict.aspect == "gpu")

    def test_cuda_packages_also_run_on_a_cpu(self) -> None:
        found = self.gpu(HERE)
        assert (found.kind, found.reason) == ("pass", "runs on the CPU: no driver")

    def test_required(self) -> None:
        found = self.gpu(HERE, required=True)
        assert (found.code, found.expected, found.actual) == ("gpu-missing", "1 GPU", "0 GPUs")

    def test_too_few(self) -> None:
        found = self.gpu(machine("580.65.06", "8.0"), required=True, count=2)
        assert found.code == "gpu-missing"
        assert found.reason == "the project needs 2 GPUs: there is 1 GPU"

    def test_a_driver_that_does_not_answer(self) -> None:
        broken = replace(HERE, gpu_problem="the NVIDIA driver does not answer")
        found = self.gpu(broken, required=True)
        assert found.reason == "the project needs 1 GPU: the NVIDIA driver does not answer"


class TestADriverThatDoesNotAnswer:
    """The kernel's files still tell its number and the devices; no CUDA program starts there."""

    def test_a_project_that_needs_gpus(self) -> None:
        record = machines.load("broken-driver")
        found = judge(torch("2.9.1+cu128"), record, required=True, count=2)
        assert [(each.kind, each.code) for each in found if each.aspect != "libc"] == [
            ("fail", "gpu-missing")
        ]
        assert found[0].reason.startswith("the project needs 2 GPUs: the NVIDIA driver does not")
        assert found[0].actual == "0 GPUs"

    def test_any_other_project(self) -> None:
        found = judge(torch("2.9.1+cu128"), machines.load("broken-driver"))
        assert [(each.kind, each.code) for each in found if each.aspect != "libc"] == [
            ("pass-limited", "gpu-unused")
        ]
        assert found[0].reason.startswith("runs on the CPU: the NVIDIA driver does not answer")

    @pytest.mark.parametrize("source", ["nvml", "nvidia-smi"])
    def test_one_that_answered_in_part_is_judged(self, source: GpuSource) -> None:
        partly = replace(
            machines.load("h100"), gpu_problem="no word of device 3", gpu_source=source
        )
        assert worst(judge(torch("2.9.1+cu128"), partly)) == "pass"
        assert len(partly.usable_gpus) == 8

    def test_what_mends_it_is_no_other_driver_and_no_other_build(self) -> None:
        way = remedy(torch("2.11.0"), machines.load("broken-driver"), torch="2.11.0")
        assert (way.exists, way.text.split(":")[0]) == (False, "the driver must answer first")


@pytest.mark.parametrize(
    ("vendors", "reason"),
    [
        (["amd"], "runs on the CPU: the GPUs are AMD's"),
        (["amd", "intel"], "runs on the CPU: the GPUs are AMD and Intel's"),
    ],
)
def test_other_vendors_gpus_run_no_cuda(vendors: list[Vendor], reason: str) -> None:
    gpus = tuple(Gpu(index=n, name="a GPU", vendor=vendor) for n, vendor in enumerate(vendors))
    found = judge(torch("2.9.1+cu128"), replace(HERE, gpus=gpus, driver="580.65.06"))[0]
    assert (found.kind, found.reason) == ("pass", reason)
    missing = judge(torch("2.9.1+cu128"), replace(HERE, gpus=gpus), required=True)[0]
    assert missing.code == "gpu-missing"


class TestLevel:
    """Where the tables have no driver, the CUDA level that the driver itself reports decides."""

    @pytest.mark.parametrize(
        ("level", "kind"),
        [("13.9", "pass"), ("14.0", "pass"), ("13.0", "pass-limited"), ("12.9", "fail")],
    )
    def test_newer_than_the_data(self, level: str, kind: str) -> None:
        contract = derive([("nvidia-cuda-runtime", "13.9.1", ())])
        assert worst(judge(contract, machine("700.1", "9.0", level=level))) == kind

    def test_only_the_major_is_known(self) -> None:
        contract = derive([("jax-cuda12-plugin", "0.7.0", ())])
        assert worst(judge(contract, machine("550.1", "9.0", level="12.4"))) == "pass-limited"
        assert worst(judge(contract, machine("580.1", "9.0", level="13.0"))) == "pass"

    def test_windows_driver_numbers_under_wsl(self) -> None:
        record = replace(
            machine("551.61", "8.6", level="12.4"), kernel="5.15.90.1-microsoft-standard-WSL2"
        )
        assert worst(judge(torch("2.6.0+cu126"), record)) == "pass-limited"
        old = replace(record, driver="528.33", cuda_level="11.8")
        assert worst(judge(torch("2.6.0+cu126"), old)) == "fail"

    def test_a_driver_of_windows_is_compared_by_windows_table(self) -> None:
        """Where it did not tell its level; 472.50 is a number that no Linux driver for CUDA 12 has."""
        record = replace(
            machine("472.50", "8.6"), kernel="5.15.90.1-microsoft-standard-WSL2", gpu_source="proc"
        )
        assert codes(torch("2.6.0+cu126"), record) == {"driver-too-old"}
        assert codes(torch("2.6.0+cu126"), replace(record, driver="561.17")) == set()

    def test_a_jetson_that_tells_no_level_is_no_pass(self) -> None:
        orin = replace(machines.load("jetson-orin"), cuda_level=None)
        assert codes(torch("2.6.0+cu126"), orin) >= {"driver-too-old"}

    def test_a_jetsons_driver_has_numbers_of_its_own(self) -> None:
        orin = machines.load("jetson-orin")
        assert (
            worst(judge(Contract(accelerator="cuda", cuda="12.6", driver_full="560.28.03"), orin))
            == "pass"
        )
        assert (
            worst(judge(Contract(accelerator="cuda", cuda="13.0", driver_full="580.65.06"), orin))
            == "fail"
        )

    def test_windows_numbers_say_nothing_about_dropped_cards(self) -> None:
        record = replace(
            machine("595.10", "7.0", level="13.0"), kernel="5.15.90.1-microsoft-standard-WSL2"
        )
        assert worst(judge(torch("2.9.1+cu126"), record)) == "pass"

    def test_nothing_known_is_no_pass(self) -> None:
        contract = derive([("nvidia-cuda-runtime", "15.0.1", ())])
        assert worst(judge(contract, machine("700.1", "9.0"))) == "fail"


BADNESS = {"pass": 0, "pass-limited": 1, "pass-forward": 2, "fail": 3}
OLD_CARDS = ("3.5", "3.7", "5.0", "5.2", "5.3", "6.0", "6.1", "7.0")
LAST_BRANCH = {"3.5": 470, "3.7": 470}
LOCKS = [
    torch(version)
    for version in (
        "2.0.1+cu118",
        "2.6.0+cu126",
        "2.8.0+cu129",
        "2.9.1+cu128",
        "2.11.0+cu130",
        "2.12.1+cu132",
    )
]
drivers = st.tuples(st.integers(390, 700), st.integers(0, 200), st.integers(0, 30)).map(
    lambda each: f"{each[0]}.{each[1]:02}.{each[2]:02}"
) | st.sampled_from([row["linux"] for row in gpu_facts.rows("toolkit_driver")])
cards = st.sampled_from([row["compute_capability"] for row in gpu_facts.rows("devices")] + ["13.0"])


compats = st.none() | st.sampled_from(["12.2", "12.8", "13.0", "13.1", "13.2", "13.4"])
names = st.sampled_from(
    ["NVIDIA A100-SXM4-80GB", "Tesla V100-SXM2-32GB", "NVIDIA GeForce RTX 4090"]
)


def supported(driver: str, capabilities: list[str]) -> bool:
    """Whether a driver's branch still supports the cards, by NVIDIA's matrix of architectures."""
    ends = [LAST_BRANCH.get(each, 580) for each in capabilities if each in OLD_CARDS]
    return int(driver.split(".", maxsplit=1)[0]) <= min(ends, default=10**6)


@settings(deadline=None)
@given(
    st.sampled_from(LOCKS),
    drivers,
    drivers,
    st.lists(cards, min_size=1, max_size=3),
    compats,
    names,
)
def test_a_newer_driver_never_makes_it_worse_while_its_branch_supports_the_card(
    contract: Contract, one: str, other: str, capabilities: list[str], compat: str | None, name: str
) -> None:
    old, new = sorted((one, other), key=gpu_facts.numbers)
    kinds = []
    for driver in (old, new):
        record = machine(driver, *capabilities)
        gpus = tuple(replace(gpu, name=f"{name} {gpu.index}") for gpu in record.gpus)
        kinds.append(worst(judge(contract, replace(record, gpus=gpus, cuda_compat=compat))))
    if not supported(new, capabilities):
        assert kinds[1] == "fail"
    elif compat is None or kinds[0] != "pass-forward":
        assert BADNESS[kinds[1]] <= BADNESS[kinds[0]]
    else:
        # A compat package is for chosen branches: a newer one in between has none, until the driver is new enough.
        assert kinds[1] != "fail" or not gpu_facts.forward(compat, new)


@example(LOCKS[-1], "580.65.06", "13.0")
@given(st.sampled_from(LOCKS), drivers, cards)
def test_ptx_alone_under_minor_version_compatibility_fails(
    contract: Contract, driver: str, capability: str
) -> None:
    verdicts = judge(contract, machine(driver, capability))
    device = gpu_facts.numbers(capability)
    cubins = [gpu_facts.numbers(each) for each in contract.compute_capabilities]
    has_cubin = any(each[0] == device[0] and each <= device for each in cubins)
    limited = any(verdict.code == "driver-limited" for verdict in verdicts)
    if limited and not has_cubin:
        assert worst(verdicts) == "fail"


@given(st.sampled_from(LOCKS), drivers, st.lists(cards, min_size=1, max_size=3))
def test_one_card_more_never_makes_it_better(
    contract: Contract, driver: str, capabilities: list[str]
) -> None:
    fewer = (
        worst(judge(contract, machine(driver, *capabilities[:-1]))) if capabilities[1:] else "pass"
    )
    assert BADNESS[worst(judge(contract, machine(driver, *capabilities)))] >= BADNESS[fewer]
