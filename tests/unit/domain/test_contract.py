import random
import tomllib

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain import gpu_facts
from envctl.domain.contract import Contract, LockedPackage, derive, from_table
from envctl.errors import LockError


def torch(version: str, *machines: str) -> LockedPackage:
    names = tuple(
        f"torch-{version}-cp311-cp311-manylinux_2_28_{machine}.whl"
        for machine in machines or ("x86_64",)
    )
    return ("torch", version, names)


@pytest.mark.parametrize(
    ("packages", "cuda", "limited", "full"),
    [
        ([torch("2.9.1+cu128")], "12.8", "525.60.13", "570.26"),
        ([torch("2.9.1+cu130")], "13.0", "580", "580.65.06"),
        ([torch("2.0.1+cu118")], "11.8", "450.80.02", "520.61.05"),
        ([torch("1.13.1+cu117.with.pypi.cudnn")], "11.7", "450.80.02", "515.43.04"),
        ([("torch-scatter", "2.1.2+pt25cu124", ())], "12.4", "525.60.13", "550.54.14"),
        ([("nvidia-cuda-runtime-cu12", "12.6.77", ())], "12.6", "525.60.13", "560.28.03"),
        ([("cuda-toolkit", "13.0.2", ())], "13.0", "580", "580.65.06"),
        ([("nvidia-cuda-runtime", "13.4.5", ())], "13.4", "580", "615"),
        ([("jax-cuda12-plugin", "0.7.0", ())], "12", "525.60.13", None),
        ([("jaxlib", "0.4.25+cuda12.cudnn89", ())], "12", "525.60.13", None),
        ([torch("2.8.0")], "12.8", "525.60.13", "570.26"),
        ([torch("2.8.9")], "12.8", "525.60.13", "570.26"),
        ([torch("2.15.0")], "13.2", "580", "595.45.04"),
        # never published: the next minor's driver serves it
        ([("nvidia-cuda-runtime-cu12", "12.7.1", ())], "12.7", "525.60.13", "570.26"),
        # newer than the data: the floor of its major, and nothing said about the rest
        ([("nvidia-cuda-runtime", "13.9.1", ())], "13.9", "580", None),
        ([("nvidia-cuda-runtime", "15.0.1", ())], "15.0", None, None),
    ],
)
def test_cuda(
    packages: list[LockedPackage], cuda: str, limited: str | None, full: str | None
) -> None:
    contract = derive(packages)
    assert contract.accelerator == "cuda"
    assert (contract.cuda, contract.driver_limited, contract.driver_full) == (cuda, limited, full)
    assert contract.conflicts == ()
    assert packages[0][0] in contract.sources[0]


@pytest.mark.parametrize(
    "packages",
    [
        [],
        [("numpy", "2.3.0", ())],
        [torch("2.9.1+cpu")],
        [("torch", "2.9.1", ("torch-2.9.1-cp311-none-macosx_11_0_arm64.whl",))],
        [torch("2.8.0", "aarch64")],
    ],
)
def test_cpu(packages: list[LockedPackage]) -> None:
    contract = derive(packages)
    assert (contract.accelerator, contract.cuda, contract.driver_full) == ("cpu", None, None)


def test_a_torch_that_the_tables_do_not_know_is_said() -> None:
    assert derive([torch("9.0.0")]).sources[0].startswith("CUDA: not known for torch 9.0.0")


def test_the_first_rule_decides() -> None:
    found = derive([torch("2.9.1+cu126"), ("nvidia-cuda-runtime-cu12", "12.8.90", ())])
    assert found.cuda == "12.6"
    assert found.conflicts == ()


def test_two_majors() -> None:
    found = derive([torch("2.9.1+cu128"), ("nvidia-cuda-runtime", "13.0.96", ())])
    assert found.conflicts == (
        "CUDA 12 (torch 2.9.1+cu128) and CUDA 13 (nvidia-cuda-runtime 13.0.96) in one lock",
    )


@pytest.mark.parametrize(
    ("package", "capabilities", "ptx"),
    [
        (torch("2.8.0+cu126"), "5.0 6.0 7.0 7.5 8.0 8.6 9.0", ""),
        (torch("2.10.0+cu128"), "7.0 7.5 8.0 8.6 9.0 10.0 12.0", ""),
        (torch("2.11.0+cu128"), "7.5 8.0 8.6 9.0 10.0 12.0", ""),
        (torch("2.14.1"), "7.5 8.0 8.6 9.0 10.0 12.0", "12.0"),
        (torch("2.9.1+cu128", "aarch64"), "8.0 9.0 10.0 12.0", ""),
        (torch("2.5.0+cu124"), "", ""),
    ],
)
def test_kernels(package: LockedPackage, capabilities: str, ptx: str) -> None:
    found = derive([package])
    assert found.compute_capabilities == tuple(capabilities.split())
    assert found.ptx == tuple(ptx.split())
    assert any(source.startswith("kernels: ") for source in found.sources)


def test_libc_is_the_best_of_each_package_and_the_worst_of_all() -> None:
    found = derive(
        [
            (
                "numpy",
                "2.3.0",
                (
                    "numpy-2.3.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
                    "numpy-2.3.0-cp311-cp311-manylinux_2_28_aarch64.whl",
                    "numpy-2.3.0-cp311-cp311-musllinux_1_2_x86_64.whl",
                ),
            ),
            (
                "pandas",
                "2.3.0",
                (
                    "pandas-2.3.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
                    "pandas-2.3.0-cp311-cp311-manylinux_2_28_aarch64.whl",
                    "pandas-2.3.0-cp311-cp311-win_amd64.whl",
                ),
            ),
            ("six", "1.17.0", ("six-1.17.0-py2.py3-none-any.whl",)),
            (
                "maybe",
                "1",
                ("maybe-1-py3-none-any.whl", "maybe-1-cp311-cp311-manylinux_2_39_x86_64.whl"),
            ),
            ("nvidia-nccl-cu12", "2", ("nvidia_nccl_cu12-2-py3-none-manylinux2014_x86_64.whl",)),
        ]
    )
    assert found.libc == (2, 24)
    assert found.machines == ("x86_64", "aarch64")
    assert found.sources == ("glibc 2.24: pandas 2.3.0 (its wheels for x86_64)",)


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_packages_changes_nothing(shuffle: random.Random) -> None:
    packages = [
        torch("2.9.1+cu128", "x86_64", "aarch64"),
        ("cuda-toolkit", "13.0.2", ()),
        ("jax-cuda12-plugin", "0.7.0", ()),
        ("numpy", "2.3.0", ("numpy-2.3.0-cp311-cp311-manylinux2014_x86_64.whl",)),
    ]
    expected = derive(packages)
    shuffle.shuffle(packages)
    assert derive(packages) == expected


names = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=2).map(
    tuple
)
numbers = st.lists(st.integers(0, 999), min_size=1, max_size=3).map(
    lambda each: ".".join(map(str, each))
)


@given(
    st.builds(
        Contract,
        accelerator=st.sampled_from(["cpu", "cuda"]),
        cuda=st.none() | numbers,
        driver_limited=st.none() | numbers,
        driver_full=st.none() | numbers,
        compute_capabilities=names,
        ptx=names,
        libc=st.none() | st.tuples(st.integers(0, 9), st.integers(0, 99)),
        machines=names,
        sources=names,
        conflicts=names,
    )
)
def test_table_round_trip(contract: Contract) -> None:
    assert from_table(tomllib.loads(tomli_w.dumps(contract.to_table()))) == contract


@pytest.mark.parametrize(
    ("key", "value"),
    [("accelerator", "gpu"), ("cuda", "new"), ("libc", "2"), ("ptx", "12.0"), ("driver-full", 580)],
)
def test_a_bad_table_names_the_key(key: str, value: object) -> None:
    with pytest.raises(LockError) as caught:
        from_table({key: value})
    assert caught.value.where == f"tool.envctl.contract.{key}"


class TestFacts:
    def test_every_table_says_where_it_is_from(self) -> None:
        for table in gpu_facts._data().values():
            if isinstance(table, dict):
                assert table["source"]
                assert table["rows"]
        assert gpu_facts.date()

    def test_driver_versions_are_versions(self) -> None:
        for row in gpu_facts.rows("toolkit_driver"):
            assert len(gpu_facts.numbers(row["linux"])) >= 2

    def test_newer_cuda_never_needs_an_older_driver(self) -> None:
        minors = sorted(
            {gpu_facts.numbers(row["toolkit"])[:2] for row in gpu_facts.rows("toolkit_driver")}
        )
        drivers = [gpu_facts.driver_full(f"{a}.{b}") or "" for a, b in minors]
        assert drivers == sorted(drivers, key=gpu_facts.numbers)

    def test_the_floor_is_below_every_own_driver(self) -> None:
        for row in gpu_facts.rows("toolkit_driver"):
            major, minor = gpu_facts.numbers(row["toolkit"])[:2]
            floor = gpu_facts.driver_floor(f"{major}.{minor}")
            full = gpu_facts.driver_full(f"{major}.{minor}") or ""
            # 11.0's own driver came before minor-version compatibility began
            if floor and (major, minor) != (11, 0):
                assert gpu_facts.numbers(floor) <= gpu_facts.numbers(full)

    @given(st.lists(st.integers(0, 10**6), max_size=4))
    def test_numbers(self, parts: list[int]) -> None:
        assert gpu_facts.numbers(".".join(map(str, parts))) == tuple(parts)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("", ()), ("580", (580,)), ("12.8rc1", (12,)), ("a.1", ()), ("2.9.0+cu1", (2, 9))],
    )
    def test_numbers_of_odd_texts(self, text: str, expected: tuple[int, ...]) -> None:
        assert gpu_facts.numbers(text) == expected
