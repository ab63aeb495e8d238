"""A remedy passes when it is applied, or all of the tables were tried; both by trying them here, one by one."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from envctl.domain.contract import Contract, build, derive
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.record import Gpu, Record
from envctl.domain.verdict import judge, worst
from envctl.domain.verdict.remedies import Remedy, newest_for, remedy
from tests import machines

BADNESS = {"pass": 0, "pass-limited": 1, "pass-forward": 2, "fail": 3}
LINUX = [row["linux"] for row in gpu_facts.rows("toolkit_driver")]
LINUX += [row["branch"] for row in gpu_facts.rows("toolkit_branch")]
LINUX += [row["linux"] for row in gpu_facts.rows("minor_version_floor")]
BUILDS = [(row["torch"], tag) for row in gpu_facts.rows("torch_builds") for tag in row["tags"]]
CARDS = [row["compute_capability"] for row in gpu_facts.rows("devices")] + ["3.7", "13.0"]
TORCHES = [
    "2.0.1+cu118",
    "2.5.1+cu121",
    "2.7.1+cu118",
    "2.6.0+cu126",
    "2.8.0+cu129",
    "2.9.1+cu128",
    "2.11.0+cu128",
    "2.11.0",
    "2.15.0",
]

drivers = st.tuples(st.integers(390, 640), st.integers(0, 200), st.integers(0, 30)).map(
    lambda each: f"{each[0]}.{each[1]:02}.{each[2]:02}"
) | st.sampled_from(LINUX)


def torch(version: str) -> Contract:
    return derive([("torch", version, (f"torch-{version}-cp311-cp311-manylinux_2_28_x86_64.whl",))])


def box(driver: str, *capabilities: str, libc: str = "glibc 2.36") -> Record:
    gpus = tuple(
        Gpu(index=n, name=f"card {each}", compute_capability=each)
        for n, each in enumerate(capabilities)
    )
    bare = machines.load("no-gpu")
    return replace(bare, driver=driver, gpus=gpus, libc=libc, gpu_source="nvml")


def applied(contract: Contract, record: Record, way: Remedy) -> Iterator[tuple[Contract, Record]]:
    """Yield each case in which somebody did what the remedy says."""
    newer = replace(record, driver=way.driver, cuda_level=None) if way.driver else None
    other = built(way.torch, way.build, contract) if way.torch and way.build else None
    if way.both:
        assert newer is not None
        assert other is not None
        yield other, newer
    else:
        if newer is not None:
            yield contract, newer
        if other is not None:
            yield other, record


def built(minor: str, tag: str, contract: Contract) -> Contract:
    found = build(minor, tag)
    assert found is not None
    return replace(found, libc=max(filter(None, (found.libc, contract.libc)), default=None))


def verdict(contract: Contract, record: Record) -> int:
    return BADNESS[worst(judge(contract, record))]


def all_ways(contract: Contract, record: Record) -> Iterator[int]:
    """Judge every driver of the tables with every build of the tables, and each alone."""
    others = {contract.to_table()["cuda"]: contract}
    for each in BUILDS:  # once for what needs the same
        if found := build(*each):
            libc = max(filter(None, (found.libc, contract.libc)), default=None)
            key = f"{found.cuda} {found.compute_capabilities} {found.ptx} {libc}"
            others[key] = replace(found, libc=libc)
    for driver, other in product([record.driver, *dict.fromkeys(LINUX)], others.values()):
        yield verdict(other, replace(record, driver=driver, cuda_level=None))


@settings(deadline=None, max_examples=80)
@example("2.11.0", "535.183.01", ["7.0"], "2.31")
@example("2.11.0", "595.45.04", ["7.0"], "2.31")
@example("2.15.0", "450.51.05", ["3.7", "12.0"], "2.31")
@example("2.9.1+cu128", "580.65.06", ["8.0"], "2.17")
@given(
    st.sampled_from(TORCHES),
    drivers,
    st.lists(st.sampled_from(CARDS), min_size=1, max_size=3, unique=True),
    st.sampled_from(["2.17", "2.28", "2.36"]),
)
def test_a_remedy_passes_or_there_is_none(
    version: str, driver: str, capabilities: list[str], libc: str
) -> None:
    contract, record = torch(version), box(driver, *capabilities, libc=f"glibc {libc}")
    before = verdict(contract, record)
    way = remedy(contract, record, torch=version)
    cases = list(applied(contract, record, way))
    assert bool(cases) == way.exists
    for each in cases:
        after = verdict(*each)
        assert after <= BADNESS["pass-limited"], (way, each)
        assert after < before or before == 0
    if before == BADNESS["fail"] and not way.exists:
        assert way.text
        assert min(all_ways(contract, record)) == BADNESS["fail"]
    elif before == BADNESS["fail"] and way.both:
        assert verdict(contract, replace(record, driver=way.driver)) == BADNESS["fail"]
        assert way.torch is not None
        assert way.build is not None
        assert verdict(built(way.torch, way.build, contract), record) == BADNESS["fail"]
    elif before == 0:
        assert way == Remedy(text="")


@pytest.mark.parametrize(
    ("name", "version", "text", "driver", "other"),
    [
        ("lab-v100", "2.11.0", "lock torch 2.11 with cu126", None, ("2.11", "cu126")),
        ("lab-v100", "2.15.0", "lock torch 2.14 with cu126", None, ("2.14", "cu126")),
        (
            "hpc-a100",
            "2.11.0",
            "install driver 580.65.06 or newer, or lock torch 2.11 with cu128",
            "580.65.06",
            ("2.11", "cu128"),
        ),
        (
            "t4",
            "2.9.1+cu128",
            "install driver 525.60.13 or newer (570.26 for the full feature set), or lock torch 2.0 with cu118",
            "570.26",
            ("2.0", "cu118"),
        ),
        (
            "h100",
            "2.15.0",
            "install driver 595.45.04 or newer for the full feature set",
            "595.45.04",
            None,
        ),
        (
            "wsl",
            "2.11.0",
            "install driver of branch R580 or newer on Windows, or lock torch 2.11 with cu128",
            "580",
            ("2.11", "cu128"),
        ),
        ("jetson-orin", "2.11.0", "lock torch 2.11 with cu128", None, ("2.11", "cu128")),
        ("b200", "2.15.0", "", None, None),
        ("no-gpu", "2.15.0", "", None, None),
    ],
)
def test_recorded_machines(
    name: str, version: str, text: str, driver: str | None, other: tuple[str, str] | None
) -> None:
    found = remedy(torch(version), machines.load(name), torch=version)
    assert (found.text, found.driver, found.both) == (text, driver, False)
    assert (found.torch, found.build) == (other or (None, None))


def test_a_driver_that_is_too_new_goes_back() -> None:
    volta = box("595.45.04", "7.0")
    found = remedy(torch("2.9.1+cu126"), volta, torch="2.9.1+cu126")
    assert found.text == "go back to a driver of branch R580 (such as 580.95.05)"
    both = remedy(torch("2.11.0"), volta, torch="2.11.0")
    assert both.both
    assert both.text == (
        "go back to a driver of branch R580 (such as 580.95.05), and lock torch 2.11 with cu126: "
        "neither is enough alone"
    )


def test_an_upgrade_for_an_old_card_names_its_last_branch() -> None:
    found = remedy(torch("2.9.1+cu126"), box("470.82.01", "6.1"), torch="2.9.1+cu126")
    assert found.text.startswith(
        "install driver 525.60.13 or newer (560.28.03 for the full feature set, up to branch R580), or lock "
    )


def test_forward_compatibility_is_another_way() -> None:
    record = box("535.183.01", "8.0")
    record = replace(record, gpus=(replace(record.gpus[0], name="NVIDIA A100-SXM4-80GB"),))
    found = remedy(torch("2.9.1+cu130"), record, torch="2.9.1+cu130")
    assert found.text.endswith(", or install cuda-compat-13-0 for forward compatibility")
    assert (
        verdict(torch("2.9.1+cu130"), replace(record, cuda_compat="13.0"))
        == BADNESS["pass-forward"]
    )


@pytest.mark.parametrize(
    ("record", "need", "text"),
    [
        (
            machines.load("no-gpu"),
            {"required": True},
            "no driver and no build brings a GPU: use another machine",
        ),
        (
            box("580.65.06", "8.0", libc="glibc 2.17"),
            {},
            "no driver and no build brings a newer C library: use a newer operating system",
        ),
        (
            box("580.65.06", "5.0", "12.0"),
            {},
            "no driver and no build of torch in the tables (DATE) runs this on that machine",
        ),
    ],
)
def test_why_there_is_none(record: Record, need: dict[str, bool], text: str) -> None:
    text = text.replace("DATE", gpu_facts.date())
    required = need.get("required", False)
    assert remedy(torch("2.11.0"), record, torch="2.11.0", required=required) == Remedy(text=text)


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(TORCHES),
    drivers,
    st.lists(st.sampled_from(CARDS), min_size=1, max_size=2, unique=True),
    st.sampled_from([f"3.{minor}" for minor in range(7, 16)]),
    st.sampled_from(["2.17", "2.28"]),
)
def test_a_build_that_is_named_has_wheels_for_the_python_and_the_c_library(
    version: str, driver: str, capabilities: list[str], python: str, libc: str
) -> None:
    record = box(driver, *capabilities, libc=f"glibc {libc}")
    own = replace(torch(version), libc=None)
    way = remedy(own, record, torch=version, python=python)
    newest = newest_for([record], python=python)
    for minor in filter(None, (way.torch, newest.torch if newest else None)):
        [row] = [row for row in gpu_facts.rows("torch_builds") if row["torch"] == minor]
        first, last = row["python"]
        assert gpu_facts.numbers(first) <= gpu_facts.numbers(python)
        assert last is None or gpu_facts.numbers(python) <= gpu_facts.numbers(last)
        assert libc == "2.28" or gpu_facts.numbers(minor) < (2, 7)


def test_no_build_for_a_python_is_said_so() -> None:
    t4 = machines.load("t4")
    assert "torch 2.0 with cu118" in remedy(torch("2.11.0"), t4, torch="2.11.0", python="3.11").text
    found = remedy(torch("2.11.0"), t4, torch="2.11.0", python="3.13")
    assert found.text == "install driver 580.65.06 or newer"
    stuck = replace(machines.load("jetson-orin"), cuda_level="11.4", driver="35.4.1")
    text = f"no driver and no build of torch for Python 3.13 in the tables ({gpu_facts.date()})"
    assert remedy(torch("2.11.0"), stuck, torch="2.11.0", python="3.13").text.startswith(text)


def test_a_build_whose_wheels_need_a_newer_c_library_is_none() -> None:
    old = box("550.90.07", "8.0", libc="glibc 2.17")
    contract = replace(torch("2.11.0"), libc=None)
    found = remedy(contract, old, torch="2.11.0")
    assert (found.torch, found.build) == ("2.4", "cu124")


def test_a_major_that_is_not_known_to_have_kernels_is_no_remedy() -> None:
    """Packages for CUDA 12 have kernels for Blackwell from 12.8 on: the major alone promises nothing."""
    jax = derive([("jax-cuda13-plugin", "0.10.2", ())])
    found = remedy(jax, box("570.26", "10.0"))
    assert (found.driver, found.build) == ("580", None)


class TestWithoutTorch:
    def test_an_older_major_of_the_same_packages(self) -> None:
        jax = derive([("jax-cuda13-plugin", "0.10.2", ())])
        found = remedy(jax, machines.load("hpc-a100"))
        assert (found.driver, found.torch, found.build) == ("580", None, "cu12")
        assert found.text == (
            "install driver of branch R580 or newer, "
            "or lock packages for CUDA 12 instead (such as jax[cuda12])"
        )
        twelve = derive([("jax-cuda12-plugin", "0.10.2", ())])
        assert verdict(twelve, machines.load("hpc-a100")) == BADNESS["pass-limited"]

    def test_no_build_is_named_where_torch_brought_the_kernels(self) -> None:
        assert remedy(torch("2.11.0"), box("580.65.06", "7.0")).exists is False


class TestNewest:
    def of(self, *names: str, python: str | None = None) -> str:
        found = newest_for([machines.load(name) for name in names], python=python)
        return f"{found.torch} {found.build}" if found else "none"

    @pytest.mark.parametrize(
        ("names", "newest"),
        [
            ("", "2.15 cu132"),
            ("no-gpu", "2.15 cu132"),
            ("b200 rtx4090", "2.15 cu132"),
            ("h100 h200", "2.15 cu132"),
            ("lab-v100 hpc-a100", "2.14 cu126"),
            ("lab-v100 hpc-a100 h100 rtx4090", "2.14 cu126"),
            ("lab-v100 b200", "2.10 cu128"),
            ("t4", "2.0 cu118"),
            ("t4 b200", "none"),
        ],
    )
    def test_fleets(self, names: str, newest: str) -> None:
        assert self.of(*names.split()) == newest

    def test_python(self) -> None:
        assert self.of("b200", python="3.10") == "2.14 cu132"
        assert self.of("b200", python="3.9") == "2.8 cu129"
        assert self.of("b200", python="3.7.5") == "none"

    def test_the_best_build_of_the_newest_torch(self) -> None:
        """Of torch 2.14 this driver runs CUDA 13.2 with limits, and 13.0 without."""
        assert self.of("h100", python="3.10") == "2.14 cu130"

    def test_as_many_gpus_as_are_asked_for(self) -> None:
        two = [machines.load("rtx4090")]
        assert newest_for(two, required=True, count=2) is not None
        assert newest_for(two, required=True, count=3) is None
        assert newest_for([machines.load("no-gpu")], required=True) is None

    def test_the_c_library(self) -> None:
        old = box("580.65.06", "8.0", libc="glibc 2.17")
        found = newest_for([old])
        assert found is not None
        assert (found.torch, found.build) == ("2.4", "cu124")

    def test_it_says_what_it_needs(self) -> None:
        found = newest_for([machines.load("lab-v100")])
        assert found is not None
        assert (found.contract.cuda, found.contract.driver_limited) == ("12.6", "525.60.13")
        arm = newest_for([machines.load("no-gpu")], machine="aarch64")
        assert arm is not None
        assert arm.contract.machines == ("aarch64",)

    def test_an_architecture_that_has_no_builds(self) -> None:
        power = replace(machines.load("h100"), architecture="ppc64le")
        assert newest_for([power]) is None
        assert newest_for([replace(machines.load("no-gpu"), architecture="arm64")]) is not None

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(
            st.tuples(drivers, st.lists(st.sampled_from(CARDS), min_size=1, max_size=2)),
            min_size=1,
            max_size=4,
        )
    )
    def test_it_runs_everywhere_and_nothing_newer_does(
        self, fleet: list[tuple[str, list[str]]]
    ) -> None:
        records = [box(driver, *capabilities) for driver, capabilities in fleet]
        found = newest_for(records)
        fine = [
            (minor, tag)
            for minor, tag in BUILDS
            if (contract := build(minor, tag))
            and all(verdict(contract, record) <= BADNESS["pass-limited"] for record in records)
        ]
        if found is None:
            assert fine == []
        else:
            assert (found.torch, found.build) in fine
            newest = max(gpu_facts.numbers(minor) for minor, _ in fine)
            assert gpu_facts.numbers(found.torch) == newest

    @settings(deadline=None)
    @given(drivers, st.sampled_from(CARDS), drivers, st.sampled_from(CARDS))
    def test_one_machine_more_never_makes_it_newer(
        self, one: str, card: str, other: str, other_card: str
    ) -> None:
        few, many = [box(one, card)], [box(one, card), box(other, other_card)]
        before, after = newest_for(few), newest_for(many)
        if after is not None:
            assert before is not None
            assert gpu_facts.numbers(after.torch) <= gpu_facts.numbers(before.torch)
