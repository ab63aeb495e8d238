from envctl.domain.record import Cpu, Gpu, MigDevice, OperatingSystem, Python, Record
from envctl.domain.variables import Variable
from envctl.emitters.record_text import emit
from tests import machines

BARE = Record(
    python=Python(version="3.11.7", implementation="CPython"),
    os=OperatingSystem(name="Debian GNU/Linux 12 (bookworm)", id="debian", version="12"),
    kernel="6.1.0",
    architecture="x86_64",
)


def test_a_machine_without_a_gpu() -> None:
    assert emit(BARE) == (
        "python        3.11.7 (CPython)\n"
        "os            Debian GNU/Linux 12 (bookworm)\n"
        "kernel        6.1.0\n"
        "architecture  x86_64\n"
        "driver        none\n"
        "gpu           none\n"
    )


def test_a_full_machine_fits_80_columns() -> None:
    record = Record(
        name="lab",
        machine_id="0011223344556677",
        python=BARE.python,
        os=BARE.os,
        kernel="6.1.0",
        libc="glibc 2.36",
        architecture="x86_64",
        cpu=Cpu(model="AMD EPYC 9654 96-Core Processor", cores=192),
        memory_bytes=1024**4,
        gpus=(
            Gpu(
                index=0,
                name="NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
                uuid="GPU-5a5a5a5a-0000-1111-2222-333333333333",
                memory_bytes=96 * 1024**3,
                compute_capability="12.0",
                pci_bus_id="0000:3b:00.0",
                mig=False,
            ),
            Gpu(index=1, name="NVIDIA GB10"),
        ),
        driver="580.65.06",
        cuda_level="13.0",
        gpu_source="nvml",
        gpu_problem="the NVIDIA driver answers in part: GPU 2: GPU is lost, and " + "more " * 20,
        variables=(
            Variable(name="CUDA_VISIBLE_DEVICES", kind="host", value=""),
            Variable(name="HF_HOME", kind="location"),
            Variable(name="LD_LIBRARY_PATH", kind="host", value="/a/long/path" * 12 + "\x1b[31m"),
        ),
    )
    text = emit(record)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "\x1b" not in text
    assert "driver        580.65.06, CUDA 13.0 (by nvml)" in text
    assert "memory        1024.0 GiB" in text
    assert "        GPU-5a5a5a5a-0000-1111-2222-333333333333" in text
    assert "CUDA_VISIBLE_DEVICES              host         ''" in text
    assert "HF_HOME                           location     (set)" in text


def test_mig_devices_stand_below_their_gpu() -> None:
    lines = emit(machines.load("hpc-a100-mig")).splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("1 "))
    assert lines[at : at + 3] == [
        "1       NVIDIA A100-SXM4-80GB             80.0 GiB  8.0      on   0000:0f:00.0",
        "        GPU-05fc2f24-2d95-549d-8580-4c20f6c80189",
        "        1g.10gb       9.5 GiB MIG-12def976-5d36-5b07-992e-2ca8931073d2",
    ]


def test_limits_job_and_other_vendors() -> None:
    record = Record(
        python=BARE.python,
        os=BARE.os,
        kernel="6.1.0",
        architecture="x86_64",
        cpu=Cpu(cores=64),
        memory_bytes=256 * 1024**3,
        gpus=(
            Gpu(index=0, name="AMD Instinct MI210", vendor="amd", gfx="gfx90a", uuid="GPU-1"),
            Gpu(index=0, name="Intel GPU 8086:a780", vendor="intel", kernel_driver="i915"),
        ),
        rocm="6.2.4",
        container="apptainer",
        scheduler="slurm",
        cpu_limit=1.5,
        memory_limit_bytes=4 * 1024**3,
    )
    assert emit(record) == (
        "python        3.11.7 (CPython)\n"
        "os            Debian GNU/Linux 12 (bookworm)\n"
        "kernel        6.1.0\n"
        "architecture  x86_64\n"
        "cpu           64 logical cores, limited to 1.5\n"
        "memory        256.0 GiB, limited to 4.0 GiB\n"
        "container     apptainer\n"
        "scheduler     slurm\n"
        "driver        none\n"
        "rocm          6.2.4\n"
        "\n"
        "gpu     model                               memory  compute  mig  pci\n"
        "amd 0   AMD Instinct MI210                       -  gfx90a   -    -\n"
        "        GPU-1\n"
        "intel 0 Intel GPU 8086:a780                      -  -        -    -\n"
        "        i915\n"
    )


def test_nothing_in_a_record_steers_a_terminal() -> None:
    """A record is a file of the project, which anyone may have written."""
    evil = "a\x1b]0;title\x07\u202e\n"
    device = MigDevice(uuid=evil, profile=evil)
    gpu = Gpu(index=0, name=evil, uuid=evil, pci_bus_id=evil, gfx=evil, mig_devices=(device,))
    record = Record(
        name=evil,
        machine_id=evil,
        python=Python(version=evil, implementation=evil),
        os=OperatingSystem(name=evil, id=evil),
        kernel=evil,
        libc=evil,
        architecture=evil,
        cpu=Cpu(model=evil),
        gpus=(gpu, Gpu(index=0, name=evil, vendor="amd", kernel_driver=evil)),
        driver=evil,
        cuda_level=evil,
        gpu_problem=evil,
        rocm=evil,
        variables=(Variable(name=evil, kind="semantic", value=evil),),
    )
    assert all(line.isprintable() for line in emit(record).split("\n"))
