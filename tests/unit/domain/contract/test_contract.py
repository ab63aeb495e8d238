import random
import tomllib

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.contract import Contract, LockedPackage, derive, from_table
from envctl.domain.gpu import facts as gpu_facts
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
        # other packages of CUDA's, and of those who use it
        ([("nvidia-cuda-nvrtc-cu12", "12.4.127", ())], "12.4", "525.60.13", "550.54.14"),
        ([("nvidia-nvjitlink", "13.2.51", ())], "13.2", "580", "595.45.04"),
        ([("nvidia-cublas-cu12", "12.8.4.1", ())], "12", "525.60.13", None),
        ([("nvidia-cudnn-cu13", "9.19.0.56", ())], "13", "580", None),
        ([("nvidia-cufft", "12.0.0.61", ())], "13", "580", None),
        ([("jax-cuda13-plugin", "0.10.2", ())], "13", "580", None),
        ([("jax-cuda12-pjrt", "0.10.2", ())], "12", "525.60.13", None),
        ([("cupy-cuda12x", "13.6.0", ())], "12", "525.60.13", None),
        ([("cupy-cuda13x", "14.0.0", ())], "13", "580", None),
        ([("cupy-cuda11x", "13.6.0", ())], "11", "450.80.02", None),
        ([("cudf-cu12", "25.10.0", ())], "12", "525.60.13", None),
        ([("flash-attn", "2.8.3+cu12torch2.8cxx11abitrue", ())], "12", "525.60.13", None),
        # a tag may be a major alone, and CUDA has had no major 1
        ([("zz-made-tag", "1.0+cu12", ())], "12", "525.60.13", None),
        ([("zz-made-tag", "1.0+cu13.post1", ())], "13", "580", None),
        ([("zz-made-tag", "1.0+pt2.6cu13", ())], "13", "580", None),
        ([("zz-made-tag", "1.0+cu92", ())], "9.2", None, "396.26"),
        (
            [("flashinfer-python", "0.2.5+cu124torch2.6", ())],
            "12.4",
            "525.60.13",
            "550.54.14",
        ),
        ([("onnxruntime-gpu", "1.20.1", ())], "12", "525.60.13", None),
        ([("onnxruntime-gpu", "1.18.0", ())], "11.8", "450.80.02", "520.61.05"),
        ([("onnxruntime-gpu", "1.27.0", ())], "13", "580", None),
        ([("tensorflow-gpu", "2.11.0", ())], "11.2", "450.80.02", "460.27.03"),
        (
            [("tensorflow", "2.19.0", ()), ("nvidia-cudnn-cu12", "9.3.0.75", ())],
            "12",
            "525.60.13",
            None,
        ),
        # a table is worth more than a name that says a major
        ([torch("2.8.0"), ("nvidia-cudnn-cu12", "9.10.2.21", ())], "12.8", "525.60.13", "570.26"),
        # newer than the data: the floor of its major, and nothing said about the rest
        ([("nvidia-cuda-runtime", "13.9.1", ())], "13.9", "580", None),
        ([("nvidia-cuda-runtime", "15.0.1", ())], "15.0", None, None),
    ],
    ids=lambda each: each[0][0] + each[0][1] if isinstance(each, list) else None,
)
def test_cuda(
    packages: list[LockedPackage], cuda: str, limited: str | None, full: str | None
) -> None:
    contract = derive(packages)
    assert contract.accelerator == "cuda"
    assert (contract.cuda, contract.driver_limited, contract.driver_full) == (cuda, limited, full)
    assert contract.conflicts == ()
    assert any(name in contract.sources[0] for name, _, _ in packages)
    assert contract.tables == gpu_facts.date()


@pytest.mark.parametrize(
    "packages",
    [
        [],
        [("numpy", "2.3.0", ())],
        [torch("2.9.1+cpu")],
        [("torch", "2.9.1", ("torch-2.9.1-cp311-none-macosx_11_0_arm64.whl",))],
        [torch("2.8.0", "aarch64")],
        # what CPU projects lock as well
        [("tensorflow", "2.19.0", ())],
        [("xgboost", "3.1.0", ()), ("nvidia-nccl-cu12", "2.28.9", ())],
        [("nvidia-cuda-runtime", "0.0.1", ()), ("nvidia-ml-py", "13.580.82", ())],
        [("cuda-pathfinder", "1.3.0", ()), ("zz-made-cu", "1", ())],
    ],
)
def test_cpu(packages: list[LockedPackage]) -> None:
    contract = derive(packages)
    assert (contract.accelerator, contract.cuda, contract.driver_full) == ("cpu", None, None)


def test_a_tag_that_is_a_major_alone_is_in_no_conflict_with_its_minors() -> None:
    found = derive([("zz-made-tag", "1.0+cu12", ()), ("nvidia-cuda-runtime-cu12", "12.8.90", ())])
    assert (found.cuda, found.conflicts) == ("12.8", ())


def test_a_torch_for_another_machine_has_no_cuda_that_is_known() -> None:
    wheel = "torch-2.11.0-cp311-cp311-manylinux_2_28_aarch64.whl"
    found = derive([("torch", "2.11.0", (wheel,))])
    assert (found.accelerator, found.machines) == ("cpu", ("aarch64",))
    (said,) = found.assumed
    assert said.startswith("the CUDA of torch 2.11.0 on aarch64 (tables as of ")


def test_a_torch_older_than_the_tables_is_said() -> None:
    found = derive([torch("1.12.1")])
    assert found.accelerator == "cpu"
    assert found.sources[0].startswith("CUDA: not known for torch 1.12.1 on x86_64")
    assert found.assumed == (
        f"the CUDA of torch 1.12.1 on x86_64 (tables as of {gpu_facts.date()}) is not known: none is assumed",
    )


class TestNewerThanTheTables:
    """The newest row counts, and the contract says so."""

    def test_a_torch_without_a_tag(self) -> None:
        found = derive([torch("2.99.0")])
        assert (found.cuda, found.driver_limited, found.driver_full) == ("13.2", "580", "595.45.04")
        assert found.compute_capabilities == ("7.5", "8.0", "8.6", "9.0", "10.0", "12.0")
        cuda, kernels = found.assumed
        until = f"newer than the tables ({gpu_facts.date()}"
        assert cuda == f"torch 2.99.0 is {until}, up to 2.15): CUDA 13.2 is assumed, as in 2.15"
        assert kernels.startswith(f"the kernels of torch 2.99.0, {until}), are assumed to be those")
        assert kernels.endswith("those of torch 2.15 for CUDA 13.2")

    def test_a_torch_with_a_tag_keeps_its_cuda(self) -> None:
        found = derive([torch("2.99.0+cu126")])
        assert found.cuda == "12.6"
        assert found.compute_capabilities == ("5.0", "6.0", "7.0", "7.5", "8.0", "8.6", "9.0")
        (assumed,) = found.assumed
        assert assumed.endswith("are assumed to be those of torch 2.14 for CUDA 12.6")

    def test_what_the_lock_says_itself_is_not_assumed(self) -> None:
        found = derive([torch("2.99.0"), ("cuda-toolkit", "13.0.2", ())])
        assert found.cuda == "13.0"
        assert len(found.assumed) == 1

    def test_of_a_build_whose_kernels_nobody_published_it_is_said(self) -> None:
        found = derive([torch("2.5.0+cu124")])
        assert (found.compute_capabilities, found.unknown_kernels) == ((), ("torch 2.5.0+cu124",))
        (said,) = found.assumed
        assert said == (
            f"the kernels of torch 2.5.0+cu124 for CUDA 12.4 are not in the tables ({gpu_facts.date()}): "
            "that it has them for every GPU for which CUDA 12.4 makes any is assumed"
        )
        assert found.sources[1].startswith("kernels: not known for torch 2.5.0+cu124")
        assert derive([torch("2.99.0+cu140")]).compute_capabilities == ()

    @pytest.mark.parametrize(
        ("package", "cuda", "said"),
        [
            (
                ("nvidia-cuda-runtime", "13.9.1", ()),
                "13.9",
                "the floor of its major, driver 580, is",
            ),
            (("nvidia-cuda-runtime", "15.0.1", ()), "15.0", "no driver floor is assumed"),
            (("onnxruntime-gpu", "1.99.0", ()), "13", "CUDA 13 is assumed, as in 1.29"),
            (("tensorflow-gpu", "2.99.0", ()), "12.5", "CUDA 12.5 is assumed, as in 2.21"),
        ],
    )
    def test_others(self, package: LockedPackage, cuda: str, said: str) -> None:
        found = derive([package])
        assert found.cuda == cuda
        assert said in found.assumed[0]

    @pytest.mark.parametrize("version", ["2.15.0", "2.15.9", "2.8.0+cu128"])
    def test_what_the_tables_know_is_not_assumed(self, version: str) -> None:
        assert derive([torch(version)]).assumed == ()


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
    ("packages", "majors"),
    [
        ([torch("2.11.0"), ("xgboost", "3.1.0", ()), ("nvidia-nccl-cu12", "2.28.9", ())], "12 13"),
        ([torch("2.9.1+cu126"), ("cupy-cuda13x", "14.0", ())], "12 13"),
        ([torch("2.9.1+cu128"), ("jax-cuda13-plugin", "0.10.2", ())], "12 13"),
        ([("cudf-cu11", "24.1", ()), ("jax-cuda12-plugin", "0.7", ())], "11 12"),
        # these look for a CUDA, and run on the CPU where it is another one
        ([torch("2.11.0"), ("tensorflow", "2.19.0", ())], ""),
        ([torch("2.11.0"), ("onnxruntime-gpu", "1.20.1", ())], ""),
        (
            [torch("2.9.1+cu130"), ("nvidia-cudnn-cu13", "9.13", ()), ("nvidia-cufft", "12.0", ())],
            "",
        ),
    ],
)
def test_which_packages_disagree(packages: list[LockedPackage], majors: str) -> None:
    found = derive(packages).conflicts
    assert len(found) == bool(majors)
    assert all(f"CUDA {major} (" in found[0] for major in majors.split())


@pytest.mark.parametrize(
    ("packages", "cudnn", "nccl"),
    [
        (
            [
                torch("2.9.1+cu130"),
                ("nvidia-cudnn-cu13", "9.13.0.50", ()),
                ("nvidia-nccl-cu13", "2.27.7", ()),
            ],
            "9.13.0.50",
            "2.27.7",
        ),
        ([torch("2.8.0")], "9.10.2.21", "2.27.3"),
        ([torch("2.0.1+cu118")], "8.7.0.84", None),
        ([torch("2.14.1")], "9.24.0.43", None),
        ([("tensorflow-gpu", "2.11.0", ())], "8.1", None),
        ([("onnxruntime-gpu", "1.20.1", ())], "9", None),
        ([("jax-cuda12-plugin", "0.7.0", ())], None, None),
    ],
)
def test_libraries(packages: list[LockedPackage], cudnn: str | None, nccl: str | None) -> None:
    found = derive(packages)
    assert (found.cudnn, found.nccl) == (cudnn, nccl)


def test_a_cuda_that_nobody_brings_is_said() -> None:
    (said,) = derive([("tensorflow", "2.19.0", ())]).sources
    assert said == (
        "tensorflow 2.19.0 is built for CUDA 12.5, whose libraries the lock does not have: "
        "it runs on the CPU where the machine has none"
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
        cudnn=st.none() | numbers,
        nccl=st.none() | numbers,
        libc=st.none() | st.tuples(st.integers(0, 9), st.integers(0, 99)),
        machines=names,
        sources=names,
        conflicts=names,
        assumed=names,
        tables=st.none() | st.just("2026-10"),
    )
)
def test_table_round_trip(contract: Contract) -> None:
    assert from_table(tomllib.loads(tomli_w.dumps(contract.to_table()))) == contract


def test_the_table_of_an_older_envctl() -> None:
    """As envctl wrote it before there were cuDNN, NCCL, assumptions and a date."""
    found = from_table(
        {
            "accelerator": "cuda",
            "cuda": "12.8",
            "driver-limited": "525.60.13",
            "driver-full": "570.26",
            "compute-capabilities": ["8.0"],
            "libc": "2.28",
            "machines": ["x86_64"],
            "sources": ["CUDA 12.8: torch 2.9.1+cu128 (its local tag)"],
            "something-of-a-newer-envctl": 1,
        }
    )
    assert (found.cuda, found.libc, found.compute_capabilities) == ("12.8", (2, 28), ("8.0",))
    assert (found.cudnn, found.nccl, found.assumed, found.tables) == (None, None, (), None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cudnn", "new"),
        ("nccl", 2),
        ("assumed", "x"),
        ("accelerator", "gpu"),
        ("cuda", "new"),
        ("libc", "2"),
        ("ptx", "12.0"),
        ("driver-full", 580),
    ],
)
def test_a_bad_table_names_the_key(key: str, value: object) -> None:
    with pytest.raises(LockError) as caught:
        from_table({key: value})
    assert caught.value.where == f"tool.envctl.contract.{key}"


@given(st.lists(st.integers(0, 10**6), max_size=4))
def test_numbers(parts: list[int]) -> None:
    assert gpu_facts.numbers(".".join(map(str, parts))) == tuple(parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ()), ("580", (580,)), ("12.8rc1", (12,)), ("a.1", ()), ("2.9.0+cu1", (2, 9))],
)
def test_numbers_of_odd_texts(text: str, expected: tuple[int, ...]) -> None:
    assert gpu_facts.numbers(text) == expected
