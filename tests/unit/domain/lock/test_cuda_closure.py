"""Are all CUDA libraries locked that the packages load, in each way of installing?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.lock import Lock
from envctl.domain.lock.cuda_closure import gaps
from tests.unit.domain.cuda_locks import LINUX, lock, package

TORCH_EDGES = [
    f"nvidia-cudnn-cu12==9.10.2.21 ; {LINUX}",
    f"nvidia-nccl-cu12==2.27.3 ; {LINUX}",
    "filelock",
    "cuda-bindings ; sys_platform == 'linux'",
]


def said(found: Lock) -> dict[str, str]:
    return {gap.library: gap.sentence for gap in gaps(found)}


def whole(*without: str, torch: str = "2.8.0+cu128") -> Lock:
    names = {
        "nvidia-cudnn-cu12": "9.10.2.21",
        "nvidia-nccl-cu12": "2.27.3",
        "cuda-bindings": "12.9",
    }
    return lock(
        package("torch", torch),
        *(package(name, version) for name, version in names.items() if name not in without),
        package("filelock", "3.20.0", tag="any"),
        edges={"torch": TORCH_EDGES},
    )


class TestByEdges:
    def test_a_whole_lock_has_no_gap(self) -> None:
        assert gaps(whole()) == ()

    @pytest.mark.parametrize("name", ["nvidia-cudnn-cu12", "nvidia-nccl-cu12", "cuda-bindings"])
    def test_what_is_not_there(self, name: str) -> None:
        (gap,) = gaps(whole(name))
        assert (gap.package, gap.library, gap.outside) == ("torch 2.8.0+cu128", name, False)
        assert gap.sentence == (
            f"torch 2.8.0+cu128 needs `{name}`, which the lock does not install with it"
        )
        assert gap.advice == f"add `{name}` to what brings torch, then run `envctl lock`"

    def test_other_requirements_are_another_checks_business(self) -> None:
        assert gaps(lock(package("torch", "2.8.0+cu128"), edges={"torch": ["filelock"]})) == ()

    def test_an_edge_of_another_system_asks_for_nothing(self) -> None:
        edges = ["nvidia-cudnn-cu12 ; sys_platform == 'win32'"]
        assert gaps(lock(package("torch", "2.8.0+cu128"), edges={"torch": edges})) == ()

    def test_a_library_that_needs_another(self) -> None:
        found = lock(
            package("nvidia-cudnn-cu12", "9.10.2.21"),
            edges={"nvidia-cudnn-cu12": ["nvidia-cublas-cu12"]},
        )
        assert list(said(found)) == ["nvidia-cublas-cu12"]

    @pytest.mark.parametrize("edge", ["nvidia-cudnn-cu12 ;;", "nvidia-cudnn-cu12 ; what == 'ever'"])
    def test_an_edge_that_is_none(self, edge: str) -> None:
        assert gaps(lock(package("torch", "2.8.0+cu128"), edges={"torch": [edge]})) == ()


class TestWaysOfAsking:
    def sleap(self, cudnn: str) -> Lock:
        """Return talmolab/sleap-nn#632: an alias of an extra brings torch, and cuDNN only comes with the other one."""
        edge = f"nvidia-cudnn-cu13 ; {LINUX} and extra == 'extra-8-sleap-nn-torch-cuda130'"
        return lock(
            package("torch", "2.9.1+cu130", "'gpu' in extras or 'torch-cuda130' in extras"),
            package("nvidia-cudnn-cu13", "9.13.0.50", cudnn),
            edges={"torch": [edge]},
            extras=["gpu", "torch-cuda130"],
        )

    def test_an_extra_that_leaves_a_library_out(self) -> None:
        (gap,) = gaps(self.sleap("'torch-cuda130' in extras"))
        assert gap.sentence == (
            "torch 2.9.1+cu130 needs `nvidia-cudnn-cu13`, "
            "which the lock does not install with the extra `gpu`"
        )
        assert gap.advice == (
            "add `nvidia-cudnn-cu13` to what brings torch (with the extra `gpu`), "
            "then run `envctl lock`"
        )

    def test_the_same_with_the_library_in_both(self) -> None:
        assert gaps(self.sleap("'gpu' in extras or 'torch-cuda130' in extras")) == ()
        assert gaps(self.sleap(LINUX)) == ()

    def test_a_group(self) -> None:
        found = lock(
            package("torch", "2.8.0", "'train' in dependency_groups"),
            package("nvidia-cudnn-cu12", "9.10.2.21", "'eval' in dependency_groups"),
            groups=["train", "eval"],
            edges={"torch": TORCH_EDGES[:1]},
        )
        assert "with the group `train`" in said(found)["nvidia-cudnn-cu12"]

    def test_builds_that_exclude_each_other(self) -> None:
        """Two forks of one package: asking for both at once is refused by the lock itself."""
        found = lock(
            package("torch", "2.9.1+cu126", "'cu126' in extras"),
            package("torch", "2.9.1+cu130", "'cu130' in extras"),
            package("nvidia-cudnn-cu12", "9.10", "'cu126' in extras"),
            package("nvidia-cudnn-cu13", "9.13", "'cu130' in extras"),
            extras=["cu126", "cu130"],
        )
        assert gaps(found) == ()

    def test_only_the_platforms_that_the_lock_is_for(self) -> None:
        mac = "sys_platform == 'darwin' and platform_machine == 'arm64'"
        edges = {"torch": [f"nvidia-cudnn-cu12 ; {LINUX}"]}
        assert gaps(lock(package("torch", "2.8.0"), edges=edges, environments=[mac])) == ()
        assert gaps(lock(package("torch", "2.8.0"), edges=edges, environments=[mac, LINUX])) != ()

    def test_only_the_pythons_that_the_lock_is_for(self) -> None:
        edges = {"torch": ["nvidia-cudnn-cu12 ; python_version < '3.10'"]}
        torch = package("torch", "2.8.0+cu128", "python_version >= '3.9'")
        assert gaps(lock(torch, edges=edges, requires_python=">=3.9")) != ()
        assert gaps(lock(torch, edges=edges, requires_python=">=3.10")) == ()
        assert gaps(lock(torch, edges=edges, requires_python="==3.9.18")) != ()
        assert gaps(lock(torch, edges=edges, requires_python="==3.11.4")) == ()
        assert gaps(lock(torch, edges=edges, requires_python="==2.7.1")) == ()

    @pytest.mark.parametrize("marker", ["os_name ~= 'a'", "'gpu' ~= extras", "extra == 'x'"])
    def test_a_marker_that_cannot_be_evaluated_leaves_nothing_out(self, marker: str) -> None:
        torch = package("torch", "2.8.0+cu128", marker)
        cudnn = package("nvidia-cudnn-cu12", "9.10", marker)
        edges = {"torch": [f"nvidia-cudnn-cu12 ; {marker}", f"nvidia-nccl-cu12 ; {LINUX}"]}
        assert list(said(lock(torch, cudnn, edges=edges))) == ["nvidia-nccl-cu12"]


class TestByTables:
    """Where a lock has no edges: another tool wrote it."""

    def test_torch_without_its_libraries(self) -> None:
        assert list(said(lock(package("torch", "2.9.1")))) == [
            "nvidia-cudnn-cu12",
            "nvidia-nccl-cu12",
            "nvidia-cublas-cu12",
            "nvidia-cuda-runtime-cu12",
        ]
        assert list(said(lock(package("torch", "2.13.0"), created_by="zz-made-tool"))) == [
            "nvidia-cudnn-cu13",
            "nvidia-nccl-cu13",
            "nvidia-cublas",
            "nvidia-cuda-runtime",
        ]

    @pytest.mark.parametrize("version", ["2.9.1+cpu", "2.0.1+cu118", "2.5.0", "2.99.0"])
    def test_torch_that_may_hold_its_own(self, version: str) -> None:
        assert gaps(lock(package("torch", version))) == ()

    def test_the_wheel_for_arm_has_no_cuda(self) -> None:
        arm = "sys_platform == 'linux' and platform_machine == 'aarch64'"
        assert gaps(lock(package("torch", "2.9.1"), environments=[arm])) == ()

    def test_a_lock_whose_torch_is_for_arm_alone_asks_nothing_of_the_other_machine(self) -> None:
        found = lock(
            package("torch", "2.11.0", tag="manylinux_2_28_aarch64"),
            package("nvidia-nvtx", "13.0.85"),
        )
        assert gaps(found) == ()
        assert gaps(lock(package("torch", "2.11.0"), package("nvidia-nvtx", "13.0.85"))) != ()

    def test_a_part_of_the_libraries(self) -> None:
        found = lock(
            package("jax-cuda12-plugin", "0.7.0"),
            package("nvidia-cublas-cu12", "12.8.4.1"),
            package("nvidia-cuda-runtime-cu12", "12.8.90"),
            package("nvidia-nccl-cu12", "2.27.3"),
        )
        assert list(said(found)) == ["nvidia-cudnn-cu12"]

    @pytest.mark.parametrize(
        ("name", "version", "major", "brings"),
        [
            ("jax-cuda12-plugin", "0.7.0", "12", "jax[cuda12]"),
            ("jax-cuda13-plugin", "0.10.2", "13", "jax[cuda13]"),
            ("cupy-cuda13x", "14.0.0", "13", "cupy-cuda13x[ctk]"),
            ("tensorflow", "2.19.0", "12", "tensorflow[and-cuda]"),
            ("onnxruntime-gpu", "1.20.1", "12", "onnxruntime-gpu[cuda,cudnn]"),
        ],
    )
    def test_none_of_the_libraries_may_be_meant(
        self, name: str, version: str, major: str, brings: str
    ) -> None:
        (gap,) = gaps(lock(package(name, version)))
        assert gap.outside
        assert gap.sentence == (
            f"{name} {version} uses CUDA {major}, and the lock has none of its libraries: "
            "the machine must have them"
        )
        assert gap.advice == f"to lock them too, ask for `{brings}`"

    def test_libraries_of_another_major_do_not_count(self) -> None:
        found = lock(package("jax-cuda12-plugin", "0.7.0"), package("nvidia-cudnn-cu13", "9.13"))
        assert [gap.outside for gap in gaps(found)] == [True]

    def test_libraries_that_another_package_brings_do(self) -> None:
        found = lock(
            package("onnxruntime-gpu", "1.20.1"),
            package("nvidia-cudnn-cu12", "9.10"),
            package("nvidia-cublas-cu12", "12.8.4.1"),
            package("nvidia-cuda-runtime-cu12", "12.8.90"),
        )
        assert gaps(found) == ()


def test_a_lock_without_cuda_has_no_gaps() -> None:
    found = lock(
        package("numpy", "2.3.0"), package("zz-made-a", "1"), edges={"numpy": ["zz-made-b"]}
    )
    assert gaps(found) == ()
    assert gaps(lock()) == ()


libraries = ["nvidia-cudnn-cu12", "nvidia-nccl-cu12", "nvidia-cublas-cu12", "nvidia-nvtx-cu12"]


@given(st.sets(st.sampled_from(libraries)), st.sets(st.sampled_from(libraries)))
def test_a_gap_for_each_edge_that_leads_nowhere(needed: set[str], there: set[str]) -> None:
    found = lock(
        package("torch", "2.9.1+cu128"),
        *(package(name, "1") for name in sorted(there)),
        edges={"torch": [f"{name} ; {LINUX}" for name in sorted(needed)]},
    )
    assert {gap.library for gap in gaps(found)} == needed - there
