"""Extras that exclude each other, other architectures, wheels of other Pythons: what a machine really gets."""

from dataclasses import replace

import pytest
from packaging.pylock import Pylock

from envctl.checks import fleet as fleet_check
from envctl.checks.machine import check
from envctl.domain.fleet import fits, seen_here
from envctl.domain.fleet.hold import Hold, hold
from envctl.domain.fleet.view import Offer
from envctl.domain.fleet.words import refusal
from envctl.domain.lock import Lock
from envctl.domain.lock.contract import contract_of
from envctl.domain.record import Record
from envctl.domain.verdict import judge, worst
from envctl.usecases import load
from envctl.usecases.choice import contract_here
from tests import machines
from tests.unit.domain.cuda_locks import lock, package
from tests.unit.domain.fleet.test_fleet import PLAIN, changed, team

EXCLUSIVE = lock(
    package("torch", "2.11.0+cu126", "'cu126' in extras and 'cu130' not in extras"),
    package("torch", "2.11.0+cu130", "'cu130' in extras and 'cu126' not in extras"),
    package("zz-made-lib", "1.0"),
    extras=["cu126", "cu130", "docs"],
)
PLAINLY = lock(
    package("torch", "2.11.0+cu126", "'cu126' in extras"),
    package("torch", "2.11.0+cu130", "'cu130' in extras"),
    extras=["cu126", "cu130"],
)
SWITCHED = lock(
    package("torch", "2.11.0+cpu", "'gpu' not in dependency_groups"),
    package("torch", "2.11.0+cu130", "'gpu' in dependency_groups"),
    groups=["dev", "gpu"],
)


def offer(made: Lock, text: str = PLAIN) -> Offer:
    return Offer(manifest=load.parsed(text), lock=made)


@pytest.mark.parametrize("made", [EXCLUSIVE, PLAINLY], ids=["excluded by markers", "by nobody"])
@pytest.mark.parametrize(
    ("name", "way", "refused"),
    [
        ("hpc-a100", "extra cu126", ["extra cu130: CUDA 13.0 needs driver 580 or newer"]),
        (
            "lab-v100",
            "extra cu126",
            ["extra cu130: CUDA 13.0 needs", "extra cu130: no kernels for"],
        ),
        ("b200", "extra cu130", ["extra cu126: no kernels for NVIDIA B200"]),
        ("h100", "extra cu130", []),
        ("no-gpu", "extra cu130", []),
    ],
)
def test_each_of_two_extras_is_tried_and_the_other_is_said(
    made: Lock, name: str, way: str, refused: list[str]
) -> None:
    offers = (offer(made),)
    [fit] = fits(offers, team(name))
    assert fit.chosen is not None
    assert (fit.chosen.way, len(fit.trials)) == (way, 2)
    every = fleet_check.check([fit], (), mended=(), advised=lambda _: None)
    findings = [each for each in every if each.code != "python-version"]
    said = [each.message for each in findings if way not in each.message]
    assert len(said) == len(refused)
    for message, words in zip(said, refused, strict=True):
        assert message.startswith(f"{name}: {words}")
    assert {each.severity for each in findings} <= {"note"}


def test_where_no_extra_runs_each_is_named() -> None:
    offers = (offer(EXCLUSIVE),)
    found = fits(offers, team("t4", "b200"))
    assert [fit.chosen is None for fit in found] == [True, False]
    assert (refusal(offers, found) or "").startswith(
        "torch 2.11+cu130 needs driver ≥ 580: fails on t4 (driver 470); "
    )
    [v100] = fits((offer(EXCLUSIVE),), [changed("lab-v100", driver="470.57.02", cuda_level="11.4")])
    assert "extra cu126: driver 470; extra cu130: driver 470, no kernels" in (
        refusal(offers, [v100]) or ""
    )


def test_a_build_without_the_extra_is_a_way_too() -> None:
    offers = (offer(SWITCHED),)
    found = {fit.name: fit for fit in fits(offers, team("h100", "t4", "no-gpu"))}
    chosen = {name: fit.chosen.way if fit.chosen else None for name, fit in found.items()}
    assert chosen == {"h100": "group gpu", "t4": "no extra", "no-gpu": "group gpu"}
    assert found["t4"].idle
    [first, *_] = fleet_check.check([found["t4"]], (), mended=(), advised=lambda _: None)
    assert first.message.startswith("t4: group gpu: CUDA 13.0 needs driver 580 or newer")


def test_both_builds_are_held_back_together() -> None:
    made = lock(
        package("torch", "2.11.0+cu128", "'cu128' in extras"),
        package("torch", "2.11.0+cu130", "'cu130' in extras"),
        extras=["cu128", "cu130"],
    )
    offers, records = (offer(made),), team("lab-v100", "h100")
    now = fits(offers, records)
    assert [fit.chosen is None for fit in now] == [True, False]
    held = hold(offers, records, now, Hold())
    assert held is not None
    assert (held.limit, held.machines) == ("torch<2.11", ("lab-v100",))


# Another architecture than x86_64


def arm(card: str, capability: str) -> Record:
    orin, gpu = machines.load("jetson-orin"), machines.load("h100").gpus[0]
    gpus = (replace(gpu, name=card, compute_capability=capability),)
    kernel = "6.8.0-1018-nvidia-64k"
    return replace(
        orin, kernel=kernel, driver="580.95.05", cuda_level="13.0", gpus=gpus, name="arm"
    )


def both(version: str) -> Lock:
    one = package("torch", version)
    one["wheels"] += package("torch", version, tag="manylinux_2_28_aarch64")["wheels"]
    made = lock(one)
    return replace(made, contract=contract_of(made))


@pytest.mark.parametrize(
    ("card", "capability", "runs"),
    [("NVIDIA Thor", "11.0", True), ("NVIDIA T4G", "7.5", False), ("NVIDIA GH200", "9.0", True)],
)
def test_every_layer_judges_by_the_machines_own_wheels(
    card: str, capability: str, runs: bool
) -> None:
    made, record = both("2.11.0+cu130"), arm(card, capability)
    manifest = load.parsed(PLAIN.replace('["linux-x86_64"]', '["linux-x86_64", "linux-aarch64"]'))
    [fit] = fits((Offer(manifest=manifest, lock=made),), [record])
    contract, torch = contract_here(manifest, made, record)
    assert contract.compute_capabilities == ("8.0", "9.0", "10.0", "11.0", "12.0")
    assert torch == "2.11.0+cu130"
    assert (fit.chosen is not None) is runs
    assert (worst(judge(contract, record)) != "fail") is runs
    codes = [each.code for each in check(contract, record, manifest.gpu, torch=torch)]
    assert codes == ([] if runs else ["no-kernel-for-gpu"])


def test_a_lock_that_has_nothing_for_a_machine_has_the_contract_that_it_carries() -> None:
    made = lock(package("torch", "2.11.0+cu130"), environments=["sys_platform == 'win32'"])
    made = replace(made, contract=contract_of(made))
    contract, torch = contract_here(load.parsed(PLAIN), made, machines.load("h100"))
    assert (contract.cuda, torch) == ("13.0", "2.11.0+cu130")


# Wheels of another Python


def pythons(*tags: str) -> Lock:
    """Make a lock of one package with wheels for several Pythons, each with its own C library."""
    files = [f"zz_made_c-1.0-{tag}.whl" for tag in tags]
    wheels = [
        {"name": f, "url": f"https://index.example/{f}", "hashes": {"sha256": "00"}} for f in files
    ]
    table = {"name": "zz-made-c", "version": "1.0", "wheels": wheels}
    return Lock(
        pylock=Pylock.from_dict({"lock-version": "1.0", "created-by": "t", "packages": [table]})
    )


@pytest.mark.parametrize(
    ("tags", "floor"),
    [
        (("cp310-cp310-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_34_x86_64"), (2, 34)),
        (("cp38-abi3-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_34_x86_64"), (2, 17)),
        (("cp312-abi3-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_34_x86_64"), (2, 34)),
        (("py3-none-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_34_x86_64"), (2, 17)),
        (("cp311-cp311t-manylinux_2_17_x86_64", "cp311-cp311-manylinux_2_34_x86_64"), (2, 34)),
        (("cp39.cp311-none-manylinux_2_17_x86_64",), (2, 17)),
    ],
)
def test_the_c_library_is_that_of_the_wheels_for_the_locks_python(
    tags: tuple[str, ...], floor: tuple[int, int]
) -> None:
    record = changed("no-gpu", libc="glibc 2.17")
    seen = seen_here(offer(pythons(*tags)), record)
    assert seen.contract is not None
    assert seen.contract.libc == floor
    assert (seen.kind == "fail") is (floor > (2, 17))
