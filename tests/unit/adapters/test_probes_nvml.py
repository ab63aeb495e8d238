import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from envctl.adapters.probes import gpu
from envctl.adapters.process import run
from envctl.domain.record import Gpu
from envctl.errors import ToolMissingError
from envctl.ports import Completed
from tests import machines
from tests.driver import LIBRARY, nvidia_smi, nvml_machine, smi_asked, tree
from tests.unit.adapters.test_probes_files import PROC

pytestmark = pytest.mark.usefixtures("nowhere")

LAB = machines.load("lab-v100")
LIMITS = {"hang": 1, "hang-1": 3}  # seconds; the second one tells of a device first


def found(
    nvml: Path, root: Path, monkeypatch: pytest.MonkeyPatch, mode: str = "good"
) -> Mapping[str, Any]:
    monkeypatch.setenv("FAKE_NVML", mode)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml))
    return gpu.probe(run=run, sysroot=root, limit=LIMITS.get(mode, 20))


def own(nvml: Path, folder: Path, *, said: str | None = None, mode: str | None = None) -> Path:
    """Copy the library into a folder of its own, with the files that tell it what to say."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(nvml / LIBRARY, folder)
    files = {"nvml.machine": said, "nvml.mode": mode}
    tree(folder, {name: text for name, text in files.items() if text is not None})
    return folder


def test_through_the_real_binding(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert found(nvml, tmp_path, monkeypatch) == {
        "driver": "550.54.15",
        "cuda_level": "12.4",
        "gpu_source": "nvml",
        "gpu_problem": None,
        "cuda_compat": None,
        "rocm": None,
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


@pytest.mark.parametrize(
    "name", [name for name in machines.names() if machines.load(name).gpu_source == "nvml"]
)
def test_every_recorded_machine(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    record = machines.load(name)
    folder = own(nvml, tmp_path / "lib", said=nvml_machine(record))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    assert gpu.probe(run=run, sysroot=tmp_path, limit=20) == {
        "driver": record.driver,
        "cuda_level": record.cuda_level,
        "gpu_source": "nvml",
        "gpu_problem": None,
        "cuda_compat": None,
        "rocm": None,
        "gpus": record.gpus,
    }


@pytest.mark.parametrize(
    "folder",
    [
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/wsl/lib",
        "usr/lib/aarch64-linux-gnu/nvidia",
        "usr/lib64",
    ],
)
def test_in_a_folder_of_the_fixture_tree(nvml: Path, tmp_path: Path, folder: str) -> None:
    own(nvml, tmp_path / folder)
    assert gpu.probe(run=run, sysroot=tmp_path)["gpu_source"] == "nvml"


def test_the_library_of_a_folder_goes_before_the_callers(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder's is found first by the loader as well, whatever LD_LIBRARY_PATH says besides."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path / "nothing"))
    own(nvml, tmp_path / "usr/lib", said=nvml_machine(LAB))
    assert gpu.probe(run=run, sysroot=tmp_path)["driver"] == LAB.driver


def test_no_devices(nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = found(nvml, tmp_path, monkeypatch, "empty")
    assert (said["gpus"], said["driver"], said["gpu_problem"]) == ((), "550.54.15", None)


PROFILES = {"1g.10gb": 9728, "1c.3g.40gb": 40192, "3g.40gb": 40192, "7g.80gb": 80896}


def test_a_profile_that_the_name_does_not_tell(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        f"mig {2 * n} MIG-{n} {mib * 1024**2} {n} 0 {profile}"
        for n, (profile, mib) in enumerate(PROFILES.items())
    ]
    gpu_line = "gpu GPU-0 85899345920 8.0 00000000:07:00.0 1 NVIDIA A100-SXM4-80GB"
    text = "\n".join([gpu_line, *lines]) + "\n"
    folder = own(nvml, tmp_path / "lib", said=text, mode="plain-mig")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(folder))
    (said,) = gpu.probe(run=run, sysroot=tmp_path, limit=20)["gpus"]
    assert [each.profile for each in said.mig_devices] == list(PROFILES)
    assert [each.gpu_instance for each in said.mig_devices] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("mode", "left", "problem"),
    [
        ("lost", [0], "answers in part: GPU 1: GPU is lost"),
        ("hang-1", [0], "answers in part: GPU 1: did not answer within 3 s"),
        ("crash-1", [0], "answers in part: GPU 1: crashed"),
        ("denied-1", [0], None),
        ("denied", [], "answers in part: 2 GPUs are not this user's to see"),
        ("uncounted", [], "answers in part: NVML does not tell how many GPUs there are"),
    ],
)
def test_an_answer_in_part(
    nvml: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    left: list[int],
    problem: str | None,
) -> None:
    said = found(nvml, tmp_path, monkeypatch, mode)
    assert [each.index for each in said["gpus"]] == left
    assert said["gpu_problem"] == (f"the NVIDIA driver {problem}" if problem else None)
    assert (said["driver"], said["gpu_source"]) == ("550.54.15", "nvml")


def test_a_driver_that_tells_names_only(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = found(nvml, tmp_path, monkeypatch, "partial")
    assert (said["gpu_problem"], said["cuda_level"]) == (None, None)
    assert said["gpus"] == (
        Gpu(index=0, name="NVIDIA H100 80GB HBM3"),
        Gpu(index=1, name="NVIDIA GeForce RTX 4090"),
    )


def test_nonsense_is_not_recorded(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = found(nvml, tree(tmp_path, PROC), monkeypatch, "lies")
    assert said["driver"] == "535.104.05"  # the kernel's word, as NVML's is none
    assert said["cuda_level"] is None
    assert said["gpus"] == (
        Gpu(index=0, name="[31mRTX 9999", mig=True),
        Gpu(index=1, name="[31mRTX 9999", mig=False),
    )


def test_more_devices_than_there_can_be(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = found(nvml, tmp_path, monkeypatch, "endless")
    assert len(said["gpus"]) == 256
    assert said["gpu_problem"] == (
        "the NVIDIA driver answers in part: NVML says that there are 4000000000 GPUs; "
        "GPU 1 has the UUID of GPU 0; GPU 2 has the UUID of GPU 0; GPU 3 has the UUID of GPU 0; "
        "and 252 more"
    )


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
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, problem: str
) -> None:
    started = time.monotonic()
    said = found(nvml, tree(tmp_path, PROC), monkeypatch, mode)
    assert said["gpu_problem"] == f"the NVIDIA driver {problem}"
    assert (said["gpu_source"], said["driver"], len(said["gpus"])) == ("proc", "535.104.05", 2)
    assert time.monotonic() - started < 60  # not the 600 seconds of the driver


def test_a_crash_leaves_nothing_behind(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found(nvml, tmp_path, monkeypatch, "crash")
    assert list(tmp_path.iterdir()) == []


def test_a_silent_driver_is_not_asked_twice(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(nvml, nvidia_smi(tmp_path, LAB), monkeypatch, "hang")
    assert smi_asked(tmp_path) == []


def test_nvidia_smi_answers_where_nvml_does_not(
    nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = found(nvml, nvidia_smi(tmp_path, LAB), monkeypatch, "crash")
    assert (said["gpu_source"], said["gpu_problem"]) == ("nvidia-smi", None)
    assert said["gpus"] == LAB.gpus


@pytest.mark.parametrize("left", [LIBRARY, f"{LIBRARY}/file"])
def test_what_a_container_left_is_no_library(tmp_path: Path, left: str) -> None:
    """Its runtime bound the library to an empty file, Docker to a folder where there was no file."""
    tree(tmp_path, {f"usr/lib/x86_64-linux-gnu/{left}": "", "etc/ld.so.cache": LIBRARY})

    def started(argv: Sequence[str], **_: Any) -> Completed:
        raise AssertionError(argv)

    assert gpu.probe(run=started, sysroot=tmp_path)["gpu_problem"] is None


def test_a_library_that_does_not_load(tmp_path: Path) -> None:
    tree(tmp_path, {f"usr/lib/x86_64-linux-gnu/{LIBRARY}": "of another architecture"})
    said = gpu.probe(run=run, sysroot=tmp_path)
    assert said["gpu_problem"] == ("the NVIDIA driver has a library for NVML that does not load")


def test_a_library_that_only_the_loaders_cache_still_knows(tmp_path: Path) -> None:
    tree(tmp_path, {"etc/ld.so.cache": f"glibc-ld.so.cache1.1 {LIBRARY}"})

    def absent(argv: Sequence[str], **_: Any) -> Completed:
        text = '{"ended": "done", "parts": [{"problem": "Library Not Found", "absent": true}]}'
        return Completed(argv=tuple(argv), code=0, stdout=text, stderr="")

    said = gpu.probe(run=absent, sysroot=tmp_path)
    assert (said["gpu_source"], said["gpu_problem"]) == ("none", None)


def test_no_second_python(nvml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(argv: Sequence[str], **_: Any) -> Completed:
        raise ToolMissingError(f"`/home/alice/{argv[0]}` was not found", where="PATH", hint="")

    monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml))
    said = gpu.probe(run=missing, sysroot=tmp_path)
    assert said["gpu_problem"] == (
        "the NVIDIA driver was not asked: no second Python could be started"
    )


def test_what_hides_devices_or_writes_logs_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, {f"usr/lib/{LIBRARY}": "x"})
    nvidia_smi(tmp_path, LAB)
    hiding = {
        "CUDA_VISIBLE_DEVICES": "1",
        "CUDA_DEVICE_ORDER": "FASTEST_FIRST",
        "NVIDIA_VISIBLE_DEVICES": "none",
        "__NVML_DBG_FILE": "log",
        "NVML_X": "1",
    }
    for name, value in hiding.items():
        monkeypatch.setenv(name, value)
    seen: list[Mapping[str, str]] = []

    def noted(argv: Sequence[str], *, env: Mapping[str, str] | None = None, **_: Any) -> Completed:
        seen.append(env or {})
        return Completed(argv=tuple(argv), code=0, stdout='{"ended": "done"}', stderr="")

    gpu.probe(run=noted, sysroot=tmp_path)
    assert len(seen) > 1  # NVML, nvidia-smi
    assert not [env for env in seen if hiding.keys() & env.keys()]
    assert all(env["PATH"] == os.environ["PATH"] for env in seen)
