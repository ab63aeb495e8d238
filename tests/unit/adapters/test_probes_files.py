from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.adapters.nvidia import places
from envctl.adapters.probes import gpu
from envctl.adapters.probes.gpu import cleaned
from envctl.domain.record import Gpu
from envctl.ports import Completed
from tests.driver import tree

pytestmark = pytest.mark.usefixtures("nowhere")

PROC = {
    "proc/driver/nvidia/version": (
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\n"
        "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n"
    ),
    "proc/driver/nvidia/gpus/0000:3b:00.0/information": (
        "Model: \t\t Tesla V100-SXM2-32GB\nIRQ:   \t\t 64\nGPU UUID: \t GPU-aaaa\n"
        "Bus Location: \t 0000:3b:00.0\n"
    ),
    "proc/driver/nvidia/gpus/0000:af:00.0/information": (
        "Model: \t\t Unknown\nGPU UUID: \t GPU-????????-????-????-????-????????????\n"
    ),
}


def no_program(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    heard: Callable[[str], None] | None = None,
) -> Completed:
    raise AssertionError(f"started {argv}")


def pci(
    root: Path, address: str, ids: str, kind: str = "0x030000", driver: str | None = None
) -> Path:
    """Put a device on the bus: `ids` is VENDOR:DEVICE."""
    folder = f"sys/bus/pci/devices/{address}"
    vendor, device = ids.split(":")
    files = {"vendor": f"0x{vendor}\n", "device": f"0x{device}\n", "class": f"{kind}\n"}
    tree(root, {f"{folder}/{name}": text for name, text in files.items()})
    if driver:
        (root / folder / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")
    return root / folder


class TestNvidia:
    def test_nothing_is_a_value_and_starts_nothing(self, tmp_path: Path) -> None:
        assert gpu.probe(run=no_program, sysroot=tmp_path) == {
            "gpus": (),
            "driver": None,
            "cuda_level": None,
            "gpu_source": "none",
            "gpu_problem": None,
            "cuda_compat": None,
            "rocm": None,
        }

    def test_last_resort(self, tmp_path: Path) -> None:
        found = gpu.probe(run=no_program, sysroot=tree(tmp_path, PROC))
        assert (found["driver"], found["cuda_level"], found["gpu_source"]) == (
            "535.104.05",
            None,
            "proc",
        )
        assert found["gpu_problem"] == (
            "the NVIDIA driver is loaded, but neither NVML nor nvidia-smi is here to ask it"
        )
        assert found["gpus"] == (
            Gpu(index=0, name="Tesla V100-SXM2-32GB", uuid="GPU-aaaa", pci_bus_id="0000:3b:00.0"),
            Gpu(index=1, name="Unknown", pci_bus_id="0000:af:00.0"),
        )

    @pytest.mark.parametrize(
        ("line", "driver"),
        [
            ("UNIX Open Kernel Module for x86_64  580.82.07  Release Build  (dvs)", "580.82.07"),
            ("UNIX x86_64 Kernel Module  470.256.02  Thu May  2 14:37:44 UTC 2024", "470.256.02"),
            ("UNIX Open Kernel Module for aarch64  540.4.0  Release Build", "540.4.0"),
            ("UNIX something new", None),
        ],
    )
    def test_the_kernel_modules_line(self, tmp_path: Path, line: str, driver: str | None) -> None:
        tree(tmp_path, {"proc/driver/nvidia/version": f"NVRM version: NVIDIA {line}\n"})
        assert gpu.probe(run=no_program, sysroot=tmp_path)["driver"] == driver

    def test_only_sys(self, tmp_path: Path) -> None:
        tree(tmp_path, {"sys/module/nvidia/version": "550.54.15\n"})
        assert gpu.probe(run=no_program, sysroot=tmp_path)["driver"] == "550.54.15"

    @pytest.mark.parametrize(("driver", "more"), [("nouveau", ": nouveau has it"), (None, "")])
    def test_a_card_without_its_driver(self, tmp_path: Path, driver: str | None, more: str) -> None:
        pci(tmp_path, "0000:01:00.0", "10de:2684", driver=driver)
        pci(tmp_path, "0000:01:00.1", "10de:22ba", kind="0x040300", driver="snd_hda_intel")
        found = gpu.probe(run=no_program, sysroot=tmp_path)
        assert (found["gpus"], found["driver"]) == ((), None)
        assert found["gpu_problem"] == (
            f"an NVIDIA GPU is on the bus, but NVIDIA's driver is not loaded{more}"
        )

    def test_its_sound_card_alone_is_no_gpu(self, tmp_path: Path) -> None:
        pci(tmp_path, "0000:01:00.1", "10de:22ba", kind="0x040300")
        assert gpu.probe(run=no_program, sysroot=tmp_path)["gpu_problem"] is None


class TestCompat:
    """A compat package: a newer driver's libcuda beside the one that is installed."""

    def compat(self, root: Path) -> str | None:
        found: str | None = gpu.probe(run=no_program, sysroot=tree(root, PROC))["cuda_compat"]
        return found

    def test_by_the_search_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tree(tmp_path, {"usr/local/cuda-13.0/compat/libcuda.so.1": "x"})
        (tmp_path / "usr/local/cuda").symlink_to("cuda-13.0")
        assert self.compat(tmp_path) is None
        monkeypatch.setenv("LD_LIBRARY_PATH", f"/nothing:{tmp_path}/usr/local/cuda/compat")
        assert self.compat(tmp_path) == "13.0"

    def test_by_the_container_toolkit(self, tmp_path: Path) -> None:
        conf = {"etc/ld.so.conf.d/00-compat-123.conf": "/usr/local/cuda/compat\n"}
        version = '{\n "cuda" : {\n "name" : "CUDA SDK",\n "version" : "12.8.1"\n }\n}'
        package = {"compat/libcuda.so.1": "x", "version.json": version}
        tree(tmp_path, conf | {f"usr/local/cuda/{name}": said for name, said in package.items()})
        assert self.compat(tmp_path) == "12.8"

    def test_an_empty_folder_of_that_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "cuda-13.0/compat").mkdir(parents=True)
        monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / "cuda-13.0/compat"))
        assert self.compat(tmp_path) is None

    def test_it_is_not_what_the_driver_is_asked_with(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """NVML asks libcuda for the CUDA level, which is to be the driver's own."""
        monkeypatch.setenv("LD_LIBRARY_PATH", "/a/compat:/b:/cuda/lib64/stubs:/c")
        assert places.environ(tmp_path)["LD_LIBRARY_PATH"] == "/b:/c"


NODES = "sys/class/kfd/kfd/topology/nodes"
MI210 = {
    f"{NODES}/0/name": "\n",
    f"{NODES}/0/properties": "cpu_cores_count 64\nsimd_count 0\ngfx_target_version 0\nlocation_id 0\n",
    f"{NODES}/10/name": "aldebaran\n",
    f"{NODES}/10/properties": (
        "cpu_cores_count 0\nsimd_count 416\ngfx_target_version 90010\nvendor_id 4098\ndevice_id 29711\n"
        "location_id 50176\ndomain 0\nunique_id 11811160064\n"
    ),
    f"{NODES}/10/mem_banks/0/properties": "heap_type 1\nsize_in_bytes 68702699520\nflags 0\n",
    f"{NODES}/10/mem_banks/1/properties": "heap_type 4\nsize_in_bytes 65536\n",
    f"{NODES}/2/name": "navi31\n",
    f"{NODES}/2/properties": "simd_count 192\ngfx_target_version 110000\nlocation_id 768\ndomain 1\n",
    "sys/module/amdgpu/version": "6.8.5\n",
    "sys/bus/pci/devices/0000:c4:00.0/product_name": "AMD Instinct MI210\n",
    "opt/rocm/.info/version": "6.2.4-139\n",
}


class TestAmd:
    def test_by_the_compute_drivers_files(self, tmp_path: Path) -> None:
        found = gpu.probe(run=no_program, sysroot=tree(tmp_path, MI210))
        assert found["rocm"] == "6.2.4"
        assert (found["driver"], found["gpu_source"], found["gpu_problem"]) == (None, "none", None)
        assert found["gpus"] == (
            Gpu(
                index=0,
                name="navi31",
                pci_bus_id="0001:03:00.0",
                vendor="amd",
                gfx="gfx1100",
                kernel_driver="amdgpu 6.8.5",
            ),
            Gpu(
                index=1,
                name="AMD Instinct MI210",
                uuid="GPU-00000002c0000000",
                memory_bytes=68702699520,
                pci_bus_id="0000:c4:00.0",
                vendor="amd",
                gfx="gfx90a",
                kernel_driver="amdgpu 6.8.5",
            ),
        )

    @pytest.mark.parametrize(
        ("text", "rocm"), [("7.0.0\n", "7.0.0"), ("5.4.2-72\n", "5.4.2"), ("newest\n", None)]
    )
    def test_rocm(self, tmp_path: Path, text: str, rocm: str | None) -> None:
        tree(tmp_path, {"opt/rocm/.info/version": text})
        assert gpu.probe(run=no_program, sysroot=tmp_path)["rocm"] == rocm

    @given(st.integers(1, 99), st.integers(0, 15), st.integers(0, 15), st.integers(0, 2**16 - 1))
    def test_targets_and_places(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        major: int,
        minor: int,
        step: int,
        place: int,
    ) -> None:
        properties = (
            f"gfx_target_version {major * 10000 + minor * 100 + step}\nlocation_id {place}\n"
        )
        root = tree(tmp_path_factory.mktemp("kfd"), {f"{NODES}/1/properties": properties})
        (found,) = gpu.probe(run=no_program, sysroot=root)["gpus"]
        assert found.gfx == f"gfx{major}{minor:x}{step:x}"
        bus, device, function = place // 256, place % 256 // 8, place % 8
        assert found.pci_bus_id == f"0000:{bus:02x}:{device:02x}.{function}"

    def test_it_stands_after_nvidias(self, tmp_path: Path) -> None:
        found = gpu.probe(run=no_program, sysroot=tree(tmp_path, MI210 | PROC))["gpus"]
        assert [each.vendor for each in found] == ["nvidia", "nvidia", "amd", "amd"]


IDS = """\
8085  Another
\t56a0  Not this one
8086  Intel Corporation
\t5690  DG2 [Arc A770M]
\t\t1043 0b0b  Some board
\t56a0  DG2 [Arc A770]
10de  NVIDIA Corporation
\ta780  Not this one
"""


class TestIntel:
    def test_by_the_bus(self, tmp_path: Path) -> None:
        arc = pci(tmp_path, "0000:03:00.0", "8086:56a0", driver="xe")
        tree(arc, {"tile0/physical_vram_size_bytes": "0x3fa000000\n"})
        pci(tmp_path, "0000:00:02.0", "8086:a780", driver="i915")
        pci(tmp_path, "0000:00:1f.3", "8086:7ad0", kind="0x040300", driver="snd_hda_intel")
        pci(tmp_path, "0000:05:00.0", "1a03:2000", driver="ast")
        tree(tmp_path, {"usr/share/misc/pci.ids": IDS})
        found = gpu.probe(run=no_program, sysroot=tmp_path)
        assert found["gpu_problem"] is None
        assert found["gpus"] == (
            Gpu(
                index=0,
                name="Intel GPU 8086:a780",
                pci_bus_id="0000:00:02.0",
                vendor="intel",
                kernel_driver="i915",
            ),
            Gpu(
                index=1,
                name="Intel DG2 [Arc A770]",
                memory_bytes=0x3FA000000,
                pci_bus_id="0000:03:00.0",
                vendor="intel",
                kernel_driver="xe",
            ),
        )

    @pytest.mark.parametrize("driver", [None, "vfio-pci"])
    def test_one_that_another_driver_has(self, tmp_path: Path, driver: str | None) -> None:
        pci(tmp_path, "0000:03:00.0", "8086:56a0", driver=driver)
        assert gpu.probe(run=no_program, sysroot=tmp_path)["gpus"] == ()


text = st.text() | st.none() | st.integers() | st.booleans() | st.lists(st.integers(), max_size=1)


@given(
    st.fixed_dictionaries(
        {"index": st.integers(0, 300)},
        optional=dict.fromkeys(
            ("name", "uuid", "memory_bytes", "compute_capability", "pci_bus_id", "mig"), text
        ),
    )
)
def test_whatever_a_driver_says_can_be_saved_and_shown(said: Mapping[str, object]) -> None:
    found = cleaned.gpu(said)
    assert found.name
    assert len(found.name) <= 100
    assert all(
        part.isprintable() for part in (found.name, found.uuid or "", found.pci_bus_id or "")
    )
    assert found.memory_bytes is None or 0 < found.memory_bytes < 2**63


@given(st.integers(0, 2**16 - 1), st.integers(0, 255), st.integers(0, 31), st.integers(0, 7))
def test_one_spelling_of_a_bus_id(domain: int, bus: int, device: int, function: int) -> None:
    short = f"{domain:04x}:{bus:02x}:{device:02x}.{function}"
    assert cleaned.pci(short) == short
    assert cleaned.pci(f"0000{short}".upper()) == short


@given(
    st.lists(st.integers(0, 9999), min_size=2, max_size=4), st.sampled_from(["", " ", "\n", "-1"])
)
def test_a_version_reads_back(numbers: list[int], end: str) -> None:
    written = ".".join(map(str, numbers))
    assert cleaned.version(written + end) == written


@pytest.mark.parametrize(
    "said", ["", "newest", "5", "1.2.3.4.5", "550.x", "\u0665\u0665\u0660.1", 550.1, None]
)
def test_what_is_no_version(said: object) -> None:
    assert cleaned.version(said) is None
