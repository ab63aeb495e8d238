from envctl.domain.record import Cpu, Gpu, OperatingSystem, Python, Record
from envctl.domain.variables import Variable
from envctl.emitters.record_text import emit

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
    assert "    GPU-5a5a5a5a-0000-1111-2222-333333333333" in text
    assert "CUDA_VISIBLE_DEVICES              host         ''" in text
    assert "HF_HOME                           location     (set)" in text
