"""What changed in a contract, as a person reads it."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from envctl.domain.contract import Contract, LockedPackage, derive
from envctl.domain.contract.change import Effect, effects
from envctl.domain.record import Gpu, OperatingSystem, Python, Record
from envctl.domain.verdict import judge

MACHINE = Record(
    python=Python(version="3.11.7", implementation="CPython"),
    os=OperatingSystem(name="Debian", id="debian"),
    kernel="6.1",
    architecture="x86_64",
    driver="999",
)


def torch(version: str, *tags: str) -> LockedPackage:
    names = tuple(
        f"torch-{version}-cp311-cp311-{tag}.whl" for tag in tags or ("manylinux_2_28_x86_64",)
    )
    return ("torch", version, names)


def changed(old: LockedPackage, new: LockedPackage) -> dict[str, Effect]:
    found = effects(derive([old]), derive([new]))
    return {
        f"{each.aspect} {each.old}" if each.aspect == "kernels" else each.aspect: each
        for each in found
    }


def test_another_cuda_minor() -> None:
    found = changed(torch("2.9.1+cu126"), torch("2.9.1+cu128"))
    assert found["cuda"] == Effect(
        aspect="cuda", old="12.6", new="12.8", sentence="CUDA 12.6 → 12.8", worse=True
    )
    assert "driver" not in found
    full = found["driver-full"]
    assert (full.old, full.new, full.worse) == ("560.28.03", "570.26", True)
    assert "without PTX" in full.sentence


def test_another_cuda_major_raises_the_floor() -> None:
    found = changed(torch("2.9.1+cu128"), torch("2.9.1+cu130"))
    assert "another major" in found["cuda"].sentence
    assert found["driver"].sentence == (
        "needs driver 580 or newer, before 525.60.13: older drivers cannot run it"
    )
    assert found["driver"].worse
    back = changed(torch("2.9.1+cu130"), torch("2.9.1+cu128"))
    assert back["driver"].sentence == "needs only driver 525.60.13 or newer, before 580"
    assert not back["driver"].worse


def test_dropped_gpus_have_names() -> None:
    found = changed(torch("2.10.0+cu128"), torch("2.11.0+cu128"))
    assert found == {
        "kernels kernels": Effect(
            aspect="kernels",
            old="kernels",
            new="none",
            sentence="no kernels any more for compute capability 7.0 (Volta: V100, Quadro GV100, TITAN V)",
            worse=True,
        )
    }


def test_a_cubin_of_a_lower_minor_still_serves() -> None:
    old = Contract(accelerator="cuda", cuda="12.8", compute_capabilities=("8.0", "8.6", "9.0"))
    new = replace(old, compute_capabilities=("8.0", "9.0"))
    assert effects(old, new) == ()
    assert effects(new, replace(new, compute_capabilities=("8.6", "9.0")))[0].sentence == (
        "no kernels any more for compute capability 8.0 (Ampere: A100, A30)"
    )


def test_ptx_is_between() -> None:
    old = Contract(
        accelerator="cuda", cuda="12.8", driver_full="570.26", compute_capabilities=("9.0", "12.0")
    )
    new = replace(old, compute_capabilities=("9.0",), ptx=("9.0",))
    found = effects(old, new)
    assert {(each.old, each.new, each.worse) for each in found} == {
        ("kernels", "PTX", True),
        ("none", "PTX", False),
    }
    assert all("needs driver 570.26 or newer" in each.sentence for each in found)


def test_the_accelerator_comes_and_goes() -> None:
    cpu, cuda = torch("2.9.1+cpu"), torch("2.9.1+cu128")
    found = changed(cuda, cpu)
    assert set(found) == {"accelerator"}
    assert found["accelerator"].worse
    assert found["accelerator"].sentence == (
        "CUDA 12.8 is gone from the lock: GPUs are not used any more"
    )
    back = changed(cpu, cuda)["accelerator"]
    assert not back.worse
    assert back.sentence == (
        "the lock now brings CUDA 12.8, where it had no accelerator: "
        "GPUs are used, from driver 525.60.13 on"
    )


def test_libc_and_machines() -> None:
    old = torch("2.9.1+cpu", "manylinux_2_17_x86_64", "manylinux_2_17_aarch64")
    new = torch("2.9.1+cpu", "manylinux_2_28_x86_64")
    found = changed(old, new)
    assert found["libc"].sentence == "needs glibc 2.28 or newer, before 2.17"
    assert found["libc"].worse
    assert found["machine"] == Effect(
        aspect="machine",
        old="aarch64",
        new=None,
        sentence="not every package has a wheel for aarch64 any more",
        worse=True,
    )
    assert not any(each.worse for each in changed(new, old).values())


def test_two_majors_and_unknown_drivers() -> None:
    both = [torch("2.9.1+cu128"), ("nvidia-cuda-runtime", "13.0.96", ())]
    (conflict,) = effects(derive(both[:1]), derive(both))
    assert conflict.worse
    assert conflict.sentence.startswith("no machine can run both: CUDA 12 (torch 2.9.1+cu128) and")
    assert effects(derive(both), derive(both[:1]))[0].sentence.startswith("solved: ")
    new = derive([("nvidia-cuda-runtime", "15.0.1", ())])
    driver = next(e for e in effects(derive(both[:1]), new) if e.aspect == "driver")
    assert driver.sentence == "nothing is known about the driver that CUDA 15.0 needs"
    assert driver.worse


def test_unknown_kernels_are_said() -> None:
    known = Contract(accelerator="cuda", cuda="12.8", compute_capabilities=("9.0",))
    (found,) = effects(known, replace(known, compute_capabilities=()))
    assert found.sentence == "for which GPUs the new wheels have kernels is not known"
    assert effects(replace(known, compute_capabilities=()), known) == ()


def test_nothing_to_compare_with() -> None:
    assert effects(None, derive([torch("2.9.1+cu128")])) == ()


capabilities = st.lists(
    st.sampled_from(["5.0", "6.1", "7.0", "7.5", "8.0", "8.6", "9.0", "12.0", "13.7"]), unique=True
).map(tuple)
drivers = st.sampled_from([None, "450.80.02", "525.60.13", "580", "580.65.06", "595.45.04"])
contracts = st.builds(
    Contract,
    accelerator=st.sampled_from(["cpu", "cuda"]),
    cuda=st.sampled_from([None, "11.8", "12", "12.6", "13.0", "13.10"]),
    driver_limited=drivers,
    driver_full=drivers,
    compute_capabilities=capabilities,
    ptx=capabilities,
    libc=st.sampled_from([None, (2, 5), (2, 17), (2, 28)]),
    machines=st.lists(st.sampled_from(["x86_64", "aarch64"]), unique=True).map(tuple),
    conflicts=st.lists(st.sampled_from(["a", "b"]), unique=True).map(tuple),
)


@settings(deadline=None)
@given(contracts)
def test_no_change_no_effect(contract: Contract) -> None:
    assert effects(contract, contract) == ()


@settings(deadline=None)
@given(contracts, contracts)
def test_the_way_back_is_the_opposite(one: Contract, other: Contract) -> None:
    there = {(e.aspect, e.old, e.new): e.worse for e in effects(one, other)}
    back = {(e.aspect, e.new, e.old): not e.worse for e in effects(other, one)}
    # What is not known can be neither better nor worse.
    there = {key: worse for key, worse in there.items() if "known" not in key}
    back = {key: worse for key, worse in back.items() if "known" not in key}
    assert there == back


@settings(deadline=None)
@given(contracts, contracts)
def test_every_sentence_names_what_it_compares(one: Contract, other: Contract) -> None:
    for effect in effects(one, other):
        assert "None" not in effect.sentence
        assert effect.sentence.strip() == effect.sentence
        if effect.aspect in ("driver", "driver-full", "libc", "machine", "conflict"):
            assert all(value in effect.sentence for value in (effect.new,) if value)


@settings(deadline=None)
@given(contracts, contracts, st.sampled_from(["5.2", "6.1", "7.0", "8.6", "8.9", "9.0", "12.1"]))
def test_kernels_agree_with_the_verdict(one: Contract, other: Contract, capability: str) -> None:
    """Whoever passed before and fails now is named, and only such are called dropped."""

    def judged(contract: Contract) -> str:
        if not (contract.compute_capabilities or contract.ptx):
            return "no list to compare"
        made = replace(
            contract, accelerator="cuda", cuda="12.8", driver_full="1", driver_limited="1"
        )
        gpu = Gpu(index=0, name="a GPU", compute_capability=capability)
        [kind] = [
            v.kind for v in judge(made, replace(MACHINE, gpus=(gpu,))) if v.aspect == "kernels"
        ]
        return kind

    if one.accelerator == other.accelerator == "cuda":
        found = [e for e in effects(one, other) if e.aspect == "kernels" and e.new == "none"]
        dropped = any(f" {capability}" in e.sentence for e in found)
        assert dropped == ((judged(one), judged(other)) == ("pass", "fail"))
