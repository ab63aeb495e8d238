"""The preflight on a machine with GPUs: files as NVIDIA's runtimes lay them out, and a library that speaks as NVML."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.devices import visible
from envctl.domain.record import Gpu, MigDevice
from envctl.emitters import image_contract
from envctl.emitters.preflight import preflight as file
from tests import driver, image_projects, machines
from tests.image_container import MACHINE, Container, made
from tests.index.wheels import Wheel

KERNELS = ["7.5", "8.0", "9.0"]


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return made(tmp_path)


@pytest.fixture
def cuda(container: Container) -> Container:
    _promise(container)
    assert container.build().returncode == 0
    return container


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return driver.nvml(tmp_path_factory.mktemp("nvml")) / driver.LIBRARY


def _promise(container: Container, **changes: object) -> None:
    """Write the contract of a GPU project."""
    packages = {"alpha": "1.0", "torch": "2.10.0+cu126"}
    own = {"packages": packages, "kernels": KERNELS, "ptx": ["9.0"], **changes.pop("own", {})}  # type: ignore[dict-item]
    table = {
        "accelerator": "cuda",
        "cuda": "12.6",
        "driver": "525.60.13",
        "driver-full": "560.28.03",
        "gpus": 1,
        "slices": {MACHINE: own},
    }
    container.contract(**{**table, **changes})


def _nvml(container: Container, library: Path, machine: str, mode: str = "good") -> None:
    """Put the library where a container has it, speaking of a recorded machine."""
    folder = container.root / "sys/usr/lib"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / driver.LIBRARY).write_bytes(library.read_bytes())
    (folder / "nvml.machine").write_text(driver.nvml_machine(machines.load(machine)))
    (folder / "nvml.mode").write_text(mode)


def test_gpu_in_order(cuda: Container) -> None:
    cuda.gpus(0)
    assert (cuda.start().returncode, cuda.start().stderr) == (0, "")


def test_no_device(cuda: Container) -> None:
    cuda.gpus(driver=None)
    done = cuda.start()
    assert done.returncode == 78
    assert (
        "too few GPUs are visible; need: 1; have: 0; fix: start it with `--gpus all`" in done.stderr
    )


def test_no_device_where_none_is_required_is_a_warning(container: Container) -> None:
    container.contract(accelerator="cuda", cuda="12.6", driver="525.60.13")
    container.build()
    done = container.start()
    assert (done.returncode, done.stderr.count("warning: too few GPUs")) == (0, 1)


@pytest.mark.parametrize(
    ("driver", "code"), [("525.60.13", 0), ("525.60.12", 78), ("470.82.01", 78), ("580.65", 0)]
)
def test_driver_floor(cuda: Container, driver: str, code: int) -> None:
    cuda.gpus(0, driver=driver)
    done = cuda.start()
    assert done.returncode == code
    if code:
        what = "the NVIDIA driver is too old for CUDA 12.6; need: >= 525.60.13; have: " + driver
        assert what in done.stderr


def test_a_proprietary_module_s_version(cuda: Container) -> None:
    cuda.gpus(0, driver=None)
    path = cuda.root / "sys/proc/driver/nvidia/version"
    path.write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  Wed Oct 27\nGCC: 12\n"
    )
    assert "have: 470.82.01" in cuda.start().stderr


@pytest.mark.parametrize(
    ("minors", "chosen", "said"),
    [
        ((2,), "2", "CUDA_VISIBLE_DEVICES=2 points at no device of this container"),
        ((0,), "0", None),
        ((0, 1), "1,0", None),
        ((0, 1), "-1,0", "points at no device"),
        ((0,), "GPU-0ab", None),
        ((0,), "GPU-9", "points at no device"),
        ((0,), "MIG-0abc", None),
        ((0,), "", "leaves too few GPUs; need: 1; have: 0"),
        ((0,), "x", "points at no device"),
    ],
)
def test_visible_devices(
    cuda: Container, minors: tuple[int, ...], chosen: str, said: str | None
) -> None:
    cuda.gpus(*minors)
    done = cuda.start(CUDA_VISIBLE_DEVICES=chosen)
    assert done.returncode == (78 if said else 0)
    assert (said or "") in done.stderr


def test_an_unknown_uuid_gets_the_benefit_of_the_doubt(cuda: Container) -> None:
    cuda.gpus(0, uuids=False)
    assert cuda.start(CUDA_VISIBLE_DEVICES="GPU-9").returncode == 0


def test_nothing_is_said_under_wsl(cuda: Container) -> None:
    (cuda.root / "sys/dev").mkdir(parents=True)
    (cuda.root / "sys/dev/dxg").touch()
    assert (cuda.start().returncode, cuda.start().stderr) == (0, "")


# --- what NVIDIA's library tells ------------------------------------------------------------------


@pytest.mark.parametrize("machine", ["h100", "h200", "hpc-a100", "rtx4090", "hpc-a100-mig"])
def test_a_machine_that_fits(cuda: Container, library: Path, machine: str) -> None:
    _nvml(cuda, library, machine)
    done = cuda.start("echo", "on")
    assert (done.returncode, done.stdout, done.stderr) == (0, "on\n", "")


def test_no_kernels_for_the_card(cuda: Container, library: Path) -> None:
    _nvml(cuda, library, "lab-v100")
    done = cuda.start()
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert "there are no kernels for Tesla V100-SXM2-32GB; need: one of 7.5 8.0 9.0 9.0+PTX" in (
        done.stderr
    )
    assert "; have: 7.0; fix: take another card, or an image with" in done.stderr


@pytest.mark.parametrize(("full", "code"), [("560.28.03", 0), ("600.1", 78)])
def test_ptx_needs_a_driver_that_compiles_it(
    cuda: Container, library: Path, full: str, code: int
) -> None:
    _promise(cuda, **{"driver-full": full})
    _nvml(cuda, library, "b200")
    assert cuda.start().returncode == code


def test_one_card_with_kernels_is_enough(cuda: Container, library: Path) -> None:
    """A card that only draws the screen stops nothing; it is said."""
    _nvml(cuda, library, "h100")
    file = cuda.root / "sys/usr/lib/nvml.machine"
    file.write_text(file.read_text() + "gpu GPU-old 1000000 3.5 - - NVIDIA GT 710\n")
    done = cuda.start()
    assert done.returncode == 0
    assert "warning: there are no kernels for NVIDIA GT 710" in done.stderr
    assert cuda.start(CUDA_VISIBLE_DEVICES="0").stderr == ""
    only = len(machines.load("h100").gpus)
    assert cuda.start(CUDA_VISIBLE_DEVICES=str(only)).returncode == 78


def test_what_torch_said_at_build_counts_more_than_the_tables(
    container: Container, library: Path
) -> None:
    _promise(container, own={"kernels": ["12.0"], "ptx": []})
    _with_torch(container, flags="sm_80 sm_90")
    assert container.build().returncode == 0
    _nvml(container, library, "h100")
    assert container.start().stderr == ""


def test_a_driver_that_is_too_old_by_the_library(cuda: Container, library: Path) -> None:
    _nvml(cuda, library, "t4")
    done = cuda.start()
    assert done.returncode == 78
    assert "driver is too old for CUDA 12.6; need: >= 525.60.13; have: 470.256.02" in done.stderr


def test_the_library_counts_what_a_cgroup_leaves(cuda: Container, library: Path) -> None:
    """Under Slurm's device constraints the files of others' cards are there; the library does not name them."""
    _promise(cuda, gpus=2)
    cuda.gpus(0, 1, 2, 3)
    _nvml(cuda, library, "h100", mode="denied-1")
    file = cuda.root / "sys/usr/lib/nvml.machine"
    lines = file.read_text().splitlines()
    two = [line for line in lines if line.startswith("gpu ")][:2]
    file.write_text("\n".join([*lines[:2], *two]) + "\n")
    done = cuda.start(SLURM_JOB_ID="7")
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert "need: 2; have: 1; fix: ask for them: `srun --gpus=2 …`" in done.stderr


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("mismatch", "have: Driver/library version mismatch; fix: look at `nvidia-smi`"),
        ("uncounted", "have: Unknown Error"),
        ("crash", "have: it died of signal 6"),
        ("crash-1", "have: it died of signal 6"),
    ],
)
def test_a_library_that_fails(cuda: Container, library: Path, mode: str, said: str) -> None:
    cuda.gpus(0, 1)
    _nvml(cuda, library, "h100", mode)
    done = cuda.start()
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert said in done.stderr
    assert "NVIDIA's driver does not answer; need: an answer of libnvidia-ml" in done.stderr


def test_a_library_that_hangs_does_not_hang_the_start(cuda: Container, library: Path) -> None:
    path = cuda.root / "opt/preflight.py"
    text = path.read_text()
    assert "\nPATIENCE = 10 " in text
    path.write_text(text.replace("\nPATIENCE = 10 ", "\nPATIENCE = 1 "))
    cuda.gpus(0)
    _nvml(cuda, library, "h100", "hang")
    done = cuda.start("sh", "-c", "ps -o stat= --ppid $$ | grep -c Z", ENVCTL_PREFLIGHT="warn")
    assert done.stdout == "0\n"  # it was ended and reaped
    assert "have: nothing within 1 s" in done.stderr


@pytest.mark.parametrize(
    ("mode", "code", "said"),
    [
        ("unloaded", 78, "need: 1; have: 0 (Driver Not Loaded); fix: start it with `--gpus all`"),
        ("empty", 78, "need: 1; have: 0; fix"),
        ("denied", 78, "need: 1; have: 0; fix"),
        ("partial", 0, ""),
        ("lies", 0, ""),
        ("endless", 0, ""),
    ],
)
def test_a_library_with_odd_answers(
    cuda: Container, library: Path, mode: str, code: int, said: str
) -> None:
    _nvml(cuda, library, "h100", mode)
    done = cuda.start()
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.isprintable() or done.stderr.endswith("\n")


def test_a_mig_device(cuda: Container, library: Path) -> None:
    _nvml(cuda, library, "hpc-a100-mig")
    (part, *_) = [each for gpu in machines.load("hpc-a100-mig").gpus for each in gpu.mig_devices]
    assert cuda.start(CUDA_VISIBLE_DEVICES=part.uuid).stderr == ""
    done = cuda.start(CUDA_VISIBLE_DEVICES="MIG-0000")
    assert "CUDA_VISIBLE_DEVICES=MIG-0000 points at no device" in done.stderr


# --- where the container runs ---------------------------------------------------------------------


def test_legacy_runtime_and_cdi(cuda: Container) -> None:
    """The old hook hides the other cards in /proc, CDI does not: the device files decide."""
    cuda.gpus(0, 1, 2, 3)
    for minor in (0, 1, 3):
        (cuda.root / f"sys/dev/nvidia{minor}").unlink()
    assert cuda.start().stderr == ""
    assert cuda.start(CUDA_VISIBLE_DEVICES="GPU-2abc").stderr == ""
    done = cuda.start(CUDA_VISIBLE_DEVICES="GPU-3abc")
    assert (done.returncode, "points at no device" in done.stderr) == (78, True)


@pytest.mark.parametrize(
    ("env", "target", "said"),
    [
        ({}, "docker", "fix: start it with `--gpus all`"),
        ({"NVIDIA_VISIBLE_DEVICES": "void"}, "docker", "have: 0 (NVIDIA_VISIBLE_DEVICES=void)"),
        ({}, "slurm", "fix: ask for them: `srun --gpus=1 …`"),
        ({"SLURM_JOB_ID": "1"}, "docker", "fix: ask for them: `srun --gpus=1 …`"),
        ({}, "kubernetes", "`resources.limits: nvidia.com/gpu: 1`"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "docker", "nvidia.com/gpu: 1"),
    ],
)
def test_the_remedy_is_that_of_the_place(
    cuda: Container, env: dict[str, str], target: str, said: str
) -> None:
    _promise(cuda, **{"for": target})
    done = cuda.start(**env)
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert said in done.stderr


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("docker", "fix: docker run --env CUDA_VISIBLE_DEVICES=0 …"),
        ("slurm", "fix: leave CUDA_VISIBLE_DEVICES to Slurm"),
        ("kubernetes", "fix: leave it out of the pod's `env`"),
    ],
)
def test_the_remedy_for_a_list_that_points_at_nothing(
    cuda: Container, target: str, said: str
) -> None:
    _promise(cuda, **{"for": target})
    cuda.gpus(5)
    assert said in cuda.start(CUDA_VISIBLE_DEVICES="5").stderr


def test_hostile_values_stay_on_their_line(cuda: Container) -> None:
    cuda.gpus(0)
    done = cuda.start(CUDA_VISIBLE_DEVICES="9\nenvctl preflight: all is well\x1b[31m" + "x" * 9999)
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert "\x1b" not in done.stderr
    assert len(done.stderr) < 800


# --- CUDA_VISIBLE_DEVICES, as `envctl gpus explain` reads it --------------------------------------

_PART = MigDevice(uuid="MIG-33", gpu_instance=1, compute_instance=0)
_GPUS = (
    Gpu(index=0, name="A", uuid="GPU-aa11", pci_bus_id="0:1:0.0"),
    Gpu(index=1, name="A", uuid="GPU-aa22", pci_bus_id="0:2:0.0"),
    Gpu(index=2, name="A", uuid="GPU-bb", pci_bus_id="0:3:0.0"),
)
_DIVIDED = Gpu(
    index=3, name="A", uuid="GPU-cc", pci_bus_id="0:4:0.0", mig=True, mig_devices=(_PART,)
)
_NUMBERS = ("0", "1", "2", "3", "-1", "+1", "1abc", "x", "07", "-", "0x1", "", " 2 ", "9" * 20)
_UUIDS = ("GPU-aa", "GPU-aa1", "GPU-bb", "GPU-cc", "GPU-", "MIG-33", "MIG-3", "MIG-9", "NONE")
_WORDS = st.sampled_from((*_NUMBERS, *_UUIDS))


@given(listed=st.lists(_WORDS, max_size=5), divided=st.booleans())
def test_the_list_is_read_as_everywhere(listed: list[str], divided: bool) -> None:
    gpus = (*_GPUS, _DIVIDED) if divided else _GPUS
    value = ",".join(listed)
    here = [
        file.Device(gpu.uuid or "", "", gpu.name, [part.uuid for part in gpu.mig_devices])
        for gpu in gpus
    ]
    expected = visible.read(value, gpus, order="PCI_BUS_ID").devices
    found = file.usable(value, here)
    assert [device.uuid for device in found] == [target.gpu.uuid for target in expected]


# --- torch's own word, at build -------------------------------------------------------------------


def _with_torch(container: Container, *, cuda: str = "12.6", flags: str | None = "sm_80") -> None:
    """Replace torch by one that says what a real one says of itself."""
    for path in container.packages.glob("torch*"):
        for each in path.iterdir():
            each.unlink()
        path.rmdir()
    answer = repr(flags)
    files = {
        "torch/__init__.py": "from torch import _C, version\n",
        "torch/version.py": f"cuda = {cuda!r}\n",
        "torch/_C.py": f"def _cuda_getArchFlags():\n    return {answer}\n",
    }
    container.install(Wheel("torch", "2.10.0+cu126", files=files))


CARDS = {"8.0": ["hpc-a100"], "9.0": ["h100", "h200"]}


def test_torch_has_kernels_for_the_team(container: Container) -> None:
    _promise(container, own={"cards": CARDS})
    _with_torch(container, flags="sm_75 sm_80 sm_90a compute_90")
    done = container.build()
    assert (done.returncode, done.stderr) == (0, "")
    seal = json.loads((container.root / "opt/fingerprint").read_text())
    assert (seal["kernels"], seal["ptx"]) == (["7.5", "8.0", "9.0"], ["9.0"])


def test_torch_lacks_kernels_for_a_machine(container: Container) -> None:
    _promise(container, own={"cards": {**CARDS, "7.0": ["lab-v100"]}})
    _with_torch(container, flags="sm_80 sm_90 compute_90")
    done = container.build()
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    what = "torch has no kernels for compute capability 7.0 of lab-v100; need: 7.0; have: 8.0 9.0"
    assert what in done.stderr
    assert not (container.root / "opt/fingerprint").exists()


def test_where_no_gpu_is_required_a_card_without_kernels_is_a_warning(container: Container) -> None:
    _promise(container, gpus=0, own={"cards": {"7.0": ["lab-v100"]}})
    _with_torch(container)
    done = container.build()
    assert (done.returncode, done.stderr.count("warning: torch has no kernels")) == (0, 1)


@pytest.mark.parametrize(
    ("cuda", "code", "said"),
    [
        ("13.0", 78, "torch is built for another CUDA than the lock says; need: 12.6; have: 13.0"),
        ("12.8", 0, "warning: torch is built for another minor of CUDA"),
        ("12.6", 0, ""),
    ],
)
def test_torch_is_of_the_contract_s_cuda(
    container: Container, cuda: str, code: int, said: str
) -> None:
    _promise(container)
    _with_torch(container, cuda=cuda)
    done = container.build()
    assert done.returncode == code
    assert said in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_here", "have: ModuleNotFoundError: No module named 'nothing_here'"),
        ("import os; os.abort()", "have: it died of signal 6"),
        ("raise SystemExit(0)", "have: SystemExit: 0"),
        ("import os; os._exit(0)", "have: no answer"),
    ],
)
def test_a_torch_that_cannot_be_imported(container: Container, text: str, said: str) -> None:
    _promise(container)
    for path in container.packages.glob("torch*"):
        for each in path.iterdir():
            each.unlink()
        path.rmdir()
    container.install(Wheel("torch", "2.10.0+cu126", files={"torch/__init__.py": text}))
    done = container.build()
    assert done.returncode == 78
    assert f"torch cannot be imported; need: import torch; {said}" in done.stderr


def test_torch_is_not_imported_at_start_nor_for_the_cpu(container: Container) -> None:
    for path in container.packages.glob("torch*"):
        for each in path.iterdir():
            each.unlink()
        path.rmdir()
    text = "print('imported', flush=True)"
    container.install(Wheel("torch", "2.10.0+cu126", files={"torch/__init__.py": text}))
    _promise(container, accelerator="cpu")
    assert container.build().stdout == ""
    _promise(container, gpus=0)
    assert container.build().stdout == "imported\n"
    assert container.start(ENVCTL_PREFLIGHT="strict").stdout == ""


def test_an_import_writes_nothing_into_the_environment(container: Container) -> None:
    _promise(container)
    _with_torch(container)
    assert container.build().returncode == 0
    assert not list(container.packages.rglob("__pycache__"))


# --- what dockerize writes for it -----------------------------------------------------------------


def test_the_contract_has_kernels_per_machine_and_the_full_driver() -> None:
    project = image_projects.image(image_projects.GPU, *image_projects.GPU_PACKAGES)
    table = json.loads(image_contract.emit(project))
    assert table["slices"]["x86_64"]["kernels"][-2:] == ["8.6", "9.0"]
    assert table["slices"]["aarch64"]["kernels"] == ["8.0", "9.0"]
    assert table["driver-full"] == "560.28.03"
