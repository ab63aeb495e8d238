"""The sentence for the whole fleet: what would do for all, and for whom nothing in the lock would."""

from dataclasses import replace

import pytest

from envctl.checks import fleet as fleet_check
from envctl.domain.finding import Finding
from envctl.domain.fleet import fits
from envctl.domain.fleet.room import allowed, doubts
from envctl.domain.fleet.view import Offer, oldest_python
from envctl.domain.fleet.words import advice, few, joined, refusal
from envctl.domain.record import Record
from envctl.usecases import load
from tests import machines
from tests.unit.domain.cuda_locks import lock, package
from tests.unit.domain.fleet.test_fleet import (
    PLAIN,
    PROFILES,
    changed,
    plain,
    profiles,
    team,
)

OLDER = PLAIN.replace('python = "3.11"\n', "")


def said(offers: tuple[Offer, ...], *records: Record) -> str:
    return refusal(offers, fits(offers, records)) or ""


def found(offers: tuple[Offer, ...], record: Record) -> list[Finding]:
    [fit] = fits(offers, [record])
    return list(fleet_check.check([fit], (), mended=(), advised=lambda each: advice(offers, each)))


# What holds for this project: its Python, its GPUs, the C library


@pytest.mark.parametrize(
    ("python", "requires", "newest"),
    [
        ('python = "3.11"\n', "", "newest that runs on all: torch 2.0 with cu118"),
        ('python = "3.13"\n', "", "no build of torch for Python 3.13 runs on t4"),
        ("", ">=3.13", "no build of torch for Python 3.13 runs on t4"),
        ("", ">=3.11.4", "newest that runs on all: torch 2.0 with cu118"),
        ("", ">=3.8,<3.12", "newest that runs on all: torch 2.0 with cu118"),
        ("", "", "newest that runs on all: torch 2.0 with cu118"),
    ],
)
def test_the_sentence_and_the_advice_heed_the_python(
    python: str, requires: str, newest: str
) -> None:
    text = PLAIN.replace('python = "3.11"\n', python)
    if requires:
        text = text.replace(
            'name = "vision"\n', f'name = "vision"\nrequires-python = "{requires}"\n'
        )
    offers = plain("2.11.0", text, tag="cp38-abi3-manylinux_2_28_x86_64")
    assert newest in said(offers, *team("t4"))
    way = advice(offers, fits(offers, team("t4"))[0]) or ""
    assert ("torch 2.0 with cu118" in way) is ("torch 2.0" in newest)


@pytest.mark.parametrize(
    ("requires", "oldest"),
    [(">=3.13", "3.13"), (">=3.11.4", "3.11"), ("==3.12.*", "3.12"), ("", None), (">=4", None)],
)
def test_the_oldest_python_of_a_lock(requires: str, oldest: str | None) -> None:
    text = OLDER
    if requires:
        text = text.replace(
            'name = "vision"\n', f'name = "vision"\nrequires-python = "{requires}"\n'
        )
    assert oldest_python(plain("2.11.0", text)[0]) == oldest


FOUR = PLAIN + "[tool.envctl.gpu]\nrequired = true\ncount = 4\n"


def test_a_torch_that_runs_on_all_runs_on_as_many_gpus_as_are_needed() -> None:
    assert said(plain("2.10.0", FOUR), *team("rtx4090", "no-gpu")) == (
        "torch 2.10 needs 4 GPUs: fails on rtx4090 (2 GPUs, 4 GPUs needed) and no-gpu (no GPU)"
    )
    both = said(plain("2.11.0", FOUR), *team("hpc-a100", "rtx4090", "no-gpu", "h100"))
    assert both.startswith("torch 2.11 needs driver ≥ 580: fails on hpc-a100 (driver 550), rtx4090")
    assert both.endswith("; newest that runs on the others: torch 2.14 with cu126")


def test_a_torch_that_runs_on_all_has_wheels_for_their_c_library() -> None:
    old = changed("no-gpu", name="old", libc="glibc 2.17")
    both = said(plain("2.11.0"), *team("hpc-a100"), old)
    assert "old (glibc 2.17); newest that runs on the others: torch 2.14 with cu126" in both
    # wheels that the old one can install now, as no torch from 2.7 on has
    two = said(plain("2.11.0", tag="cp311-cp311-manylinux2014_x86_64"), *team("hpc-a100"), old)
    assert two.endswith("hpc-a100 (driver 550); newest that runs on all: torch 2.4 with cu124")


# Machines whose driver does not answer


def test_a_driver_that_does_not_answer_is_a_warning() -> None:
    [finding] = found(plain("2.9.1+cu128"), team("broken-driver")[0])
    assert (finding.code, finding.severity) == ("gpu-unused", "warning")
    assert finding.message.startswith("broken-driver: runs on the CPU: the NVIDIA driver does not")
    assert (finding.advice or "").startswith("the driver must answer first")


def test_a_driver_that_does_not_answer_where_a_gpu_is_needed() -> None:
    one = PLAIN + "[tool.envctl.gpu]\nrequired = true\n"
    [finding] = found(plain("2.9.1+cu128", one), team("broken-driver")[0])
    assert (finding.code, finding.severity) == ("gpu-missing", "error")
    assert said(plain("2.9.1+cu128", one), *team("broken-driver")) == (
        "torch 2.9+cu128 needs 1 GPU: fails on broken-driver (driver does not answer)"
    )


def test_a_driver_that_does_not_answer_leaves_the_gpus_of_a_profile_unused() -> None:
    offers = profiles(PLAIN + PROFILES, cpu="2.11.0+cpu", cu126="2.11.0+cu126")
    [fit] = fits(offers, team("broken-driver"))
    assert (fit.chosen.profile if fit.chosen else None, fit.idle) == ("cpu", True)
    [finding] = found(offers, team("broken-driver")[0])
    assert (finding.code, finding.severity) == ("gpu-unused", "warning")
    assert (finding.advice or "").startswith("the driver must answer first")


# What is not known is a note


@pytest.mark.parametrize(
    ("version", "record"),
    [
        ("2.5.1+cu121", team("hpc-a100")[0]),
        (
            "2.11.0",
            replace(
                machines.load("h100"),
                name="odd",
                gpus=(
                    replace(
                        machines.load("h100").gpus[0], name="NVIDIA X1", compute_capability=None
                    ),
                ),
            ),
        ),
    ],
    ids=["kernels of the torch", "capability of the card"],
)
def test_what_nobody_knows_is_said(version: str, record: Record) -> None:
    findings = {each.code: each for each in found(plain(version), record)}
    assert findings["kernels-unknown"].severity == "note"
    assert findings["kernels-unknown"].advice == "run it there once: the tables cannot tell"


@pytest.mark.parametrize("version", ["2.5.1+cu121", "2.6.0+cu124", "2.7.1+cu126", "2.7.1+cu118"])
def test_an_old_torch_does_not_run_on_blackwell(version: str) -> None:
    rtx = machines.load("rtx4090")
    gpus = tuple(
        replace(g, name="NVIDIA GeForce RTX 5090", compute_capability="12.0") for g in rtx.gpus
    )
    five = replace(rtx, name="rtx5090", gpus=gpus)
    sentence = said(plain(version), five, *team("b200", "h100"))
    assert sentence.startswith(
        f"torch {version[:3]}+{version.partition('+')[2]} does not have kernels for every GPU: "
        "fails on rtx5090 (no kernels for sm_120) and b200 (no kernels for sm_100); newest"
    )


def test_cuda_13_without_torch_does_not_run_on_volta() -> None:
    packages = package("jax-cuda13-plugin", "0.10.2"), package("nvidia-cuda-runtime", "13.0.48")
    offers = (Offer(manifest=load.parsed(PLAIN), lock=lock(*packages)),)
    record = changed("lab-v100", driver="580.95.05", cuda_level="13.0")
    [finding] = found(offers, record)
    assert finding.code == "no-kernel-for-gpu"
    assert finding.advice == "lock packages for CUDA 12 instead (such as jax[cuda12])"


# Numbers that are not Linux's


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        (
            team("jetson-orin"),
            "torch 2.11 needs a driver for CUDA 13.0: fails on jetson-orin (CUDA 12.6)",
        ),
        (
            [changed("wsl", driver="472.50", cuda_level="11.4")],
            "torch 2.11 needs a driver for CUDA 13.0: fails on wsl (CUDA 11.4)",
        ),
        (
            [*team("hpc-a100"), changed("wsl", driver="472.50", cuda_level=None)],
            "torch 2.11 needs a driver for CUDA 13.0 (driver ≥ 580): fails on hpc-a100 (driver 550) and wsl (CUDA 11.",
        ),
    ],
)
def test_wsl_and_jetson_go_by_the_cuda_that_their_driver_speaks(
    records: list[Record], sentence: str
) -> None:
    one = package("torch", "2.11.0")
    one["wheels"] += package("torch", "2.11.0", tag="manylinux_2_28_aarch64")["wheels"]
    packages = (
        one,
        package(
            "nvidia-cuda-runtime", "13.0.48", tag="manylinux_2_28_x86_64.manylinux_2_28_aarch64"
        ),
    )
    text = PLAIN.replace('["linux-x86_64"]', '["linux-x86_64", "linux-aarch64"]')
    offers = (Offer(manifest=load.parsed(text), lock=lock(*packages)),)
    assert said(offers, *(replace(r, name=r.name) for r in records)).startswith(sentence)


# Many machines


def test_no_sentence_names_hundreds() -> None:
    many = [replace(machines.load("t4"), name=f"n{number:03}") for number in range(300)]
    text = PLAIN.replace('"3.11"', '"3.13"')
    sentence = said(plain("2.11.0", text, tag="cp38-abi3-manylinux_2_28_x86_64"), *many)
    assert "for Python 3.13 runs on n000, n001, n002, n003, n004, n005 and 294 more (" in sentence
    assert len(sentence) < 500
    assert joined(few([str(n) for n in range(6)])) == "0, 1, 2, 3, 4 and 5"
    assert joined(few([str(n) for n in range(7)])) == "0, 1, 2, 3, 4, 5 and 1 more"


# Is there room for an older torch?


@pytest.mark.parametrize(
    ("asked", "platforms", "room"),
    [
        ("torch>=2.11; sys_platform == 'win32'", '["linux-x86_64"]', True),
        ("torch>=2.11; sys_platform == 'win32'", '["linux-x86_64", "windows-x86_64"]', False),
        ("torch>=2.11; sys_platform == 'win32'", "", False),
        ("torch>=2.11; platform_machine == 'aarch64'", '["linux-x86_64"]', True),
        ("torch>=2.11; sys_platform == 'linux'", '["linux-x86_64"]', False),
        ("torch>=2.11; python_version < '3.9'", '["linux-x86_64"]', False),
    ],
)
def test_a_requirement_for_elsewhere_takes_no_room(asked: str, platforms: str, room: bool) -> None:
    text = OLDER.replace('platforms = ["linux-x86_64"]\n', "")
    text = text.replace('name = "vision"\n', f'name = "vision"\ndependencies = ["{asked}"]\n')
    text += f"platforms = {platforms}\n" if platforms else ""
    assert allowed(plain("2.11.0", text)[0], "2.10") is room


@pytest.mark.parametrize(
    ("name", "edge", "doubt"),
    [
        ("zz-made-net", "torch>=2.11", ["`zz-made-net` 3.0 needs `torch>=2.11`"]),
        ("zz-made-net", "torch", ["`zz-made-net` 3.0 needs `torch`"]),  # as uv's locks say it
        ("zz-made-net", "torch; sys_platform == 'linux'", ["`zz-made-net` 3.0 needs `torch`"]),
        ("zz-made-net", "torch>=2.9", []),
        ("zz-made-net", "torch>=2.11; sys_platform == 'win32'", []),
        ("zz-made-net", "torchvision>=2.11", []),
        ("zz-made-net", "torch @ https://index.example/torch.whl", []),
        ("triton", "torch==2.11.0", []),  # comes and goes with torch
        ("torchvision", "torch", []),  # has a release for each
    ],
)
def test_a_locked_package_may_want_a_newer_torch(name: str, edge: str, doubt: list[str]) -> None:
    made = lock(package("torch", "2.11.0"), package(name, "3.0"), edges={name: [edge]})
    offer = Offer(manifest=load.parsed(PLAIN), lock=made)
    assert list(doubts(offer, "2.10")) == doubt
