import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from envctl.adapters.probes import PROBES, gpu, host
from envctl.adapters.process import run
from envctl.domain.record import Gpu
from envctl.ports import Completed

ASSETS = Path(__file__).parents[2] / "assets"
SMI_GOOD = """\
0, Tesla V100-SXM2-32GB, GPU-aaaa, 32768, 535.104.05, 00000000:3B:00.0, 7.0
1, NVIDIA GB10, GPU-bbbb, [N/A], 535.104.05, 00000000:AF:00.0, [N/A]
"""


@pytest.fixture(scope="session")
def nvml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        if os.environ.get("CI") == "true":
            pytest.fail("a C compiler is needed for tests/assets/nvml.c")
        pytest.skip("there is no C compiler for tests/assets/nvml.c")
    folder = tmp_path_factory.mktemp("nvml")
    library = folder / "libnvidia-ml.so.1"
    argv = [compiler, "-shared", "-fPIC", "-o", str(library), str(ASSETS / "nvml.c")]
    subprocess.run(argv, check=True)
    return folder


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "KUBERNETES_SERVICE_HOST", "FAKE_NVML"):
        monkeypatch.delenv(name, raising=False)


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


def tree(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def smi(root: Path, body: str) -> Path:
    program = tree(root, {"usr/bin/nvidia-smi": f"#!/bin/sh\n{body}\n"}) / "usr/bin/nvidia-smi"
    program.chmod(0o755)
    return root


def says(text: str) -> str:
    return f"cat <<'EOT'\n{text}EOT"


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


class TestNoDriver:
    def test_is_a_value_and_starts_nothing(self, tmp_path: Path) -> None:
        assert gpu.probe(run=no_program, sysroot=tmp_path) == {
            "gpus": (),
            "driver": None,
            "cuda_level": None,
            "gpu_source": "none",
            "gpu_problem": None,
        }

    def test_a_library_that_only_the_loaders_cache_still_knows(self, tmp_path: Path) -> None:
        tree(tmp_path, {"etc/ld.so.cache": "glibc-ld.so.cache1.1 libnvidia-ml.so.1"})

        def absent(argv: Sequence[str], **_: Any) -> Completed:
            text = '{"problem": "NVML Shared Library Not Found", "absent": true}'
            return Completed(argv=tuple(argv), code=0, stdout=text, stderr="")

        found = gpu.probe(run=absent, sysroot=tmp_path)
        assert (found["gpu_source"], found["gpu_problem"]) == ("none", None)


class TestNvml:
    def found(
        self, nvml: Path, root: Path, monkeypatch: pytest.MonkeyPatch, mode: str = "good"
    ) -> Mapping[str, Any]:
        monkeypatch.setenv("FAKE_NVML", mode)
        monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml))
        return gpu.probe(run=run, sysroot=root, limit=1 if mode == "hang" else 20)

    def test_through_the_real_binding(
        self, nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
        assert self.found(nvml, tmp_path, monkeypatch) == {
            "driver": "550.54.15",
            "cuda_level": "12.4",
            "gpu_source": "nvml",
            "gpu_problem": None,
            "gpus": (
                Gpu(
                    index=0,
                    name="NVIDIA H100 80GB HBM3",
                    uuid="GPU-all-0",
                    memory_bytes=85520809984,
                    compute_capability="9.0",
                    pci_bus_id="0000:3b:00.0",
                    mig=True,
                ),
                Gpu(
                    index=1,
                    name="NVIDIA GeForce RTX 4090",
                    uuid="GPU-all-1",
                    compute_capability="8.9",
                    pci_bus_id="0000:af:00.0",
                    mig=False,
                ),
            ),
        }

    def test_in_a_folder_of_the_fixture_tree(self, nvml: Path, tmp_path: Path) -> None:
        folder = tmp_path / "usr/lib/x86_64-linux-gnu"
        folder.mkdir(parents=True)
        shutil.copy(nvml / "libnvidia-ml.so.1", folder)
        assert gpu.probe(run=run, sysroot=tmp_path)["gpu_source"] == "nvml"

    def test_no_devices(self, nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        found = self.found(nvml, tmp_path, monkeypatch, "empty")
        assert (found["gpus"], found["driver"], found["gpu_problem"]) == ((), "550.54.15", None)

    def test_a_device_that_fell_off_the_bus(
        self, nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.found(nvml, tmp_path, monkeypatch, "lost")
        assert [each.index for each in found["gpus"]] == [0]
        assert found["gpu_problem"] == "the NVIDIA driver answers in part: GPU 1: GPU is lost"

    @pytest.mark.parametrize(
        ("mode", "problem"),
        [
            ("mismatch", "does not answer: NVML: RM has detected an NVML/RM version mismatch"),
            ("unloaded", "does not answer: NVML: Driver Not Loaded"),
            ("crash", "does not answer: NVML: crashed"),
            ("hang", "does not answer: NVML: did not answer within 1 s"),
        ],
    )
    def test_broken(
        self,
        nvml: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        mode: str,
        problem: str,
    ) -> None:
        started = time.monotonic()
        found = self.found(nvml, tree(tmp_path, PROC), monkeypatch, mode)
        assert found["gpu_problem"] == f"the NVIDIA driver {problem}"
        assert (found["gpu_source"], found["driver"]) == ("proc", "535.104.05")
        assert time.monotonic() - started < 15

    def test_a_silent_driver_is_not_asked_twice(
        self, nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        smi(tmp_path, f"touch {tmp_path}/asked")
        self.found(nvml, tmp_path, monkeypatch, "hang")
        assert not (tmp_path / "asked").exists()

    def test_nvidia_smi_answers_where_nvml_does_not(
        self, nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = self.found(nvml, smi(tmp_path, says(SMI_GOOD)), monkeypatch, "crash")
        assert (found["gpu_source"], found["gpu_problem"]) == ("nvidia-smi", None)


class TestNvidiaSmi:
    def test_good(self, tmp_path: Path) -> None:
        version = says("NVIDIA-SMI version  : 535.104.05\nCUDA Version        : 12.2\n")
        body = f'if [ "$1" = --version ]; then\n{version}\nelse\n{says(SMI_GOOD)}\nfi'
        assert gpu.probe(run=run, sysroot=smi(tmp_path, body)) == {
            "driver": "535.104.05",
            "cuda_level": "12.2",
            "gpu_source": "nvidia-smi",
            "gpu_problem": None,
            "gpus": (
                Gpu(
                    index=0,
                    name="Tesla V100-SXM2-32GB",
                    uuid="GPU-aaaa",
                    memory_bytes=32 * 1024**3,
                    compute_capability="7.0",
                    pci_bus_id="0000:3b:00.0",
                ),
                Gpu(index=1, name="NVIDIA GB10", uuid="GPU-bbbb", pci_bus_id="0000:af:00.0"),
            ),
        }

    def test_a_driver_that_does_not_know_compute_cap(self, tmp_path: Path) -> None:
        refuse = 'case "$1" in *compute_cap*) echo \'Field "compute_cap" is not a valid field\'; exit 2;; esac'
        row = says("0, Tesla K80, GPU-cccc, 11441, 470.82.01, 00000000:05:00.0\n")
        found = gpu.probe(run=run, sysroot=smi(tmp_path, f"{refuse}\n{row}"))
        assert (found["driver"], found["gpus"][0].compute_capability) == ("470.82.01", None)

    def test_broken(self, tmp_path: Path) -> None:
        said = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
        root = smi(tmp_path, f'echo "{said}"; exit 9')
        found = gpu.probe(run=run, sysroot=root)
        assert (found["gpu_source"], found["gpus"], found["driver"]) == ("none", (), None)
        assert found["gpu_problem"] == f"the NVIDIA driver does not answer: nvidia-smi: {said}"

    def test_hanging(self, tmp_path: Path) -> None:
        root = smi(tree(tmp_path, PROC), "exec sleep 600")
        started = time.monotonic()
        found = gpu.probe(run=run, sysroot=root, limit=0.5)
        assert time.monotonic() - started < 10
        assert found["driver"] == "535.104.05"
        assert found["gpu_problem"] == (
            "the NVIDIA driver does not answer: nvidia-smi: no answer in time"
        )

    @pytest.mark.parametrize("body", ["exit 0", "echo surprise", "printf '\\377\\376,,,\\n'"])
    def test_nonsense_is_a_problem_and_no_crash(self, tmp_path: Path, body: str) -> None:
        found = gpu.probe(run=run, sysroot=smi(tmp_path, body))
        assert found["gpus"] == ()
        assert found["gpu_problem"] is not None


class TestProc:
    def test_last_resort(self, tmp_path: Path) -> None:
        found = gpu.probe(run=no_program, sysroot=tree(tmp_path, PROC))
        assert found == {
            "driver": "535.104.05",
            "cuda_level": None,
            "gpu_source": "proc",
            "gpu_problem": "the NVIDIA driver is loaded, but neither NVML nor nvidia-smi is here to ask it",
            "gpus": (
                Gpu(
                    index=0,
                    name="Tesla V100-SXM2-32GB",
                    uuid="GPU-aaaa",
                    pci_bus_id="0000:3b:00.0",
                ),
                Gpu(index=1, name="Unknown", pci_bus_id="0000:af:00.0"),
            ),
        }

    def test_the_open_kernel_module(self, tmp_path: Path) -> None:
        line = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.82.07  Release Build  (dvs)\n"
        tree(tmp_path, {"proc/driver/nvidia/version": line})
        assert gpu.probe(run=no_program, sysroot=tmp_path)["driver"] == "580.82.07"

    def test_only_sys(self, tmp_path: Path) -> None:
        tree(tmp_path, {"sys/module/nvidia/version": "550.54.15\n"})
        assert gpu.probe(run=no_program, sysroot=tmp_path)["driver"] == "550.54.15"


class TestHost:
    def test_from_files(self, tmp_path: Path) -> None:
        tree(
            tmp_path,
            {
                "etc/os-release": 'PRETTY_NAME="Ubuntu 22.04.4 LTS"\nID=ubuntu\nVERSION_ID="22.04"\n# x=y\n',
                "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
                "proc/sys/kernel/osrelease": "5.15.0-101-generic\n",
                "proc/sys/kernel/arch": "aarch64\n",
                "proc/cpuinfo": "processor\t: 0\nmodel name\t: Neoverse-N1\nprocessor\t: 1\n",
                "proc/meminfo": "MemTotal:       16384 kB\nMemFree: 1 kB\n",
            },
        )
        found = host.probe(run=no_program, sysroot=tmp_path)
        assert (found["os"].name, found["os"].id, found["os"].version) == (
            "Ubuntu 22.04.4 LTS",
            "ubuntu",
            "22.04",
        )
        assert found["kernel"] == "5.15.0-101-generic"
        assert found["architecture"] == "aarch64"
        assert (found["cpu"].model, found["cpu"].cores) == ("Neoverse-N1", 2)
        assert found["memory_bytes"] == 16 * 1024**2
        assert found["container"] is None
        assert len(found["machine_id"]) == 16
        assert "0123" not in found["machine_id"]

    def test_from_nothing(self, tmp_path: Path) -> None:
        found = host.probe(run=no_program, sysroot=tmp_path)
        assert found["machine_id"] is None
        assert found["kernel"]
        assert found["architecture"]

    @pytest.mark.parametrize("text", ["", "uninitialized\n"])
    def test_a_machine_id_that_is_none(self, tmp_path: Path, text: str) -> None:
        tree(tmp_path, {"etc/machine-id": text})
        assert host.probe(run=no_program, sysroot=tmp_path)["machine_id"] is None

    @pytest.mark.parametrize(
        ("file", "text", "container"),
        [
            (".dockerenv", "", "docker"),
            ("run/.containerenv", "", "podman"),
            (".singularity.d/env", "", "apptainer"),
            ("var/run/secrets/kubernetes.io/token", "", "kubernetes"),
            ("proc/1/cgroup", "5:cpu:/kubepods/burstable/pod1\n", "kubernetes"),
            ("proc/1/cgroup", "5:cpu:/docker/0123\n", "docker"),
            ("proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n", "wsl"),
            ("etc/hostname", "box\n", None),
        ],
    )
    def test_container(self, tmp_path: Path, file: str, text: str, container: str | None) -> None:
        tree(tmp_path, {file: text, "etc/os-release": "ID=debian\n"})
        assert host.probe(run=no_program, sysroot=tmp_path)["container"] == container


def test_every_probe_gives_fields_of_its_own() -> None:
    names: list[str] = []
    for name, probe in PROBES.items():
        assert name == probe.NAME
        names += probe.probe(run=run, sysroot=Path("/"))
    assert len(names) == len(set(names))
