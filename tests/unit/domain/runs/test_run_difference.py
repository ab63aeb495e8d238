import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from envctl.domain.difference import Difference
from envctl.domain.runs.description import Device, RunDescription, Setting
from envctl.domain.runs.devices import seen
from envctl.domain.runs.difference import compare
from envctl.emitters.difference_text import emit
from tests.unit.domain.made_runs import ANY, WHOLE


def named(differences: tuple[Difference, ...]) -> set[tuple[str, str]]:
    return {(each.group, each.subject) for each in differences}


@given(ANY)
def test_nothing_differs_from_itself(run: RunDescription) -> None:
    assert compare(run, run).differences == ()


@given(ANY, ANY)
def test_both_ways_round_the_same_is_named(a: RunDescription, b: RunDescription) -> None:
    there, back = compare(a, b), compare(b, a)
    assert named(there.differences) == named(back.differences)
    assert {(each.before, each.after) for each in there.differences} == {
        (each.after, each.before) for each in back.differences
    }
    assert set(there.remarks) == set(back.remarks)


@given(ANY, ANY)
def test_each_difference_differs_is_named_once_and_has_one_sentence(
    a: RunDescription, b: RunDescription
) -> None:
    found = compare(a, b).differences
    assert len(named(found)) == len(found)
    for each in found:
        assert each.before != each.after
        assert each.reason
        assert not each.reason.endswith(".")


@given(ANY, ANY)
def test_nothing_in_a_value_steers_a_terminal(a: RunDescription, b: RunDescription) -> None:
    text = emit(compare(a, b))
    assert all(line.isprintable() for line in text.split("\n"))


def changed(**parts: Any) -> RunDescription:
    """Change parts of the whole description; ``environment`` and ``machine`` by their own keys."""
    inner = {
        key: replace(getattr(WHOLE, key), **parts.pop(key))
        for key in ("environment", "machine")
        if key in parts
    }
    return replace(WHOLE, **inner, **parts)


def setting(name: str, value: str | None) -> tuple[Setting, ...]:
    return tuple(
        replace(each, value=value) if each.name == name else each for each in WHOLE.variables
    )


def package(name: str, version: str) -> dict[str, Any]:
    return {"packages": {**WHOLE.environment.packages, name: version}, "slice": "sha256:x"}


H100 = (Device(name="NVIDIA H100 80GB HBM3", uuid="GPU-b"),)
RANKED = (
    (changed(commit="b" * 40), "commit"),
    (changed(dirty=True), "uncommitted changes"),
    (changed(environment=package("torch", "2.10.0")), "torch"),
    (changed(environment=package("zz-made-app", "2.0")), "zz-made-app"),
    (changed(environment={"profile": "cu128"}), "profile"),
    (changed(variables=setting("PYTHONHASHSEED", "1")), "PYTHONHASHSEED"),
    (changed(variables=setting("ZZ_EPOCHS", "20")), "ZZ_EPOCHS"),
    (changed(gpus=H100), "gpu"),
    (changed(driver="580.65.06"), "driver"),
    (changed(environment={"cuda": "12.8"}), "cuda"),
    (changed(environment={"python": "3.11.9"}), "python"),
    (changed(machine={"architecture": "aarch64"}), "architecture"),
    (changed(machine={"cpu": "Xeon"}), "cpu"),
    (changed(machine={"os": "Ubuntu 24.04"}), "os"),
    (changed(machine={"libc": "glibc 2.39"}), "libc"),
    (changed(machine={"kernel": "6.8.0"}), "kernel"),
    (changed(variables=setting("CUDA_VISIBLE_DEVICES", "GPU-a")), "CUDA_VISIBLE_DEVICES"),
    (changed(variables=setting("NCCL_DEBUG", "WARN")), "NCCL_DEBUG"),
    (changed(variables=WHOLE.variables[:1] + WHOLE.variables[2:]), "HF_HOME"),
    (changed(machine={"id": "f" * 16}), "machine"),
    (changed(envctl="0.2.0"), "envctl"),
)
"""One change each, and what it is called, in the order of what explains more."""


@pytest.mark.parametrize(("run", "subject"), RANKED, ids=[subject for _, subject in RANKED])
def test_one_change_is_one_difference(run: RunDescription, subject: str) -> None:
    [found] = compare(WHOLE, run).differences
    assert found.subject == subject


def test_all_of_them_at_once_are_ranked() -> None:
    other = replace(
        changed(
            commit="b" * 40,
            dirty=True,
            environment={
                "packages": {"numpy": "2.1.0", "torch": "2.10.0", "zz-made-app": "2.0"},
                "slice": "sha256:x",
                "profile": "cu128",
                "cuda": "12.8",
                "python": "3.11.9",
            },
            machine={
                "architecture": "aarch64",
                "cpu": "Xeon",
                "os": "Ubuntu 24.04",
                "libc": "glibc 2.39",
                "kernel": "6.8.0",
                "id": "f" * 16,
            },
            gpus=H100,
            driver="580.65.06",
            envctl="0.2.0",
        ),
        variables=tuple(
            replace(each, value="other") for each in WHOLE.variables if each.name != "HF_HOME"
        ),
    )
    assert [each.subject for each in compare(WHOLE, other).differences] == [
        subject for _, subject in RANKED
    ]


def test_what_computes_comes_before_what_does_not() -> None:
    versions = {"aardvark": "1", "jaxlib": "1", "nvidia-cublas-cu12": "1", "torchless": "1"}
    a = changed(environment={"packages": versions})
    b = changed(environment={"packages": dict.fromkeys(versions, "2"), "slice": "sha256:x"})
    found = [each.subject for each in compare(a, b).differences]
    assert found == ["jaxlib", "nvidia-cublas-cu12", "aardvark", "torchless"]


def test_a_package_that_only_one_of_them_has() -> None:
    b = changed(environment={"packages": {"numpy": "2.1.0", "torch": "2.9.0"}, "slice": "s"})
    [found] = compare(WHOLE, b).differences
    assert (found.subject, found.before, found.after) == ("zz-made-app", "1.0", None)
    assert "(not there)" in emit(compare(WHOLE, b))


def test_the_same_versions_from_other_files() -> None:
    other = changed(environment={"slice": "sha256:x", "fingerprint": "sha256:y"})
    [found] = compare(WHOLE, other).differences
    assert (found.group, found.subject) == ("files", "slice")
    edited = changed(environment={"fingerprint": "sha256:y"})
    [found] = compare(WHOLE, edited).differences
    assert found.subject == "fingerprint"


def test_a_lock_that_differs_elsewhere_explains_little() -> None:
    assert WHOLE.lock
    other = changed(lock=replace(WHOLE.lock, digest="sha256:x"))
    [found] = compare(WHOLE, other).differences
    assert found.reason == "the locks differ, but not in what was installed here"


def test_the_number_of_gpus_and_other_cards_of_one_model() -> None:
    [gpu] = WHOLE.gpus or ()
    a = replace(WHOLE, variables=())
    [found] = compare(a, replace(a, gpus=(gpu, gpu))).differences
    assert (found.before, found.after) == (
        "1 x NVIDIA A100-SXM4-80GB",
        "2 x NVIDIA A100-SXM4-80GB",
    )
    assert "number" in found.reason
    [found] = compare(a, replace(a, gpus=())).differences
    assert found.after == "none"
    [found] = compare(a, replace(a, gpus=(replace(gpu, uuid="GPU-z"),))).differences
    assert found.subject == "gpu cards"


CARDS = tuple(
    Device(name=name, uuid=f"GPU-{number}", pci_bus_id=f"0000:0{number}:00.0")
    for number, name in enumerate(("A100", "A100", "T4"))
)


def chosen(value: str | None, order: str | None = "PCI_BUS_ID") -> RunDescription:
    """Return a run on a machine of two models that was given these devices."""
    settings = {"CUDA_DEVICE_ORDER": order, "CUDA_VISIBLE_DEVICES": value}
    return replace(
        WHOLE,
        gpus=CARDS,
        variables=tuple(
            Setting(name=name, kind="host", value=each)
            for name, each in settings.items()
            if each is not None
        ),
    )


@pytest.mark.parametrize(
    ("value", "devices"),
    [
        (None, "012"),
        ("0", "0"),
        ("2,1", "21"),
        ("", ""),
        ("1,-1,2", "1"),
        ("GPU-2", "2"),
        ("0,0", ""),
        ("MIG-abc", "012"),  # its GPU is not known
    ],
)
def test_which_gpus_a_run_sees(value: str | None, devices: str) -> None:
    assert seen(chosen(value)) == tuple(CARDS[int(number)] for number in devices)


def test_where_it_is_not_certain_which_gpus_a_run_sees_all_count() -> None:
    assert seen(chosen("0", None)) == CARDS  # which of two models is the fastest only CUDA knows
    assert seen(chosen("GPU-0", None)) == CARDS[:1]
    untold = (Setting(name="CUDA_VISIBLE_DEVICES", kind="host", value=None),)
    assert seen(replace(WHOLE, gpus=CARDS, variables=untold)) == CARDS
    divided = (replace(CARDS[0], mig=True), *CARDS[1:])
    assert seen(replace(chosen("1"), gpus=divided)) == divided
    assert seen(replace(chosen("1"), gpus=None)) is None


def test_the_same_gpus_on_machines_with_other_ones_beside_them() -> None:
    a, b = chosen("0"), replace(chosen("0"), gpus=CARDS[:1])
    assert compare(a, b).differences == ()
    assert [each.subject for each in compare(a, chosen("1")).differences] == [
        "CUDA_VISIBLE_DEVICES",
        "gpu cards",
    ]
    assert [each.subject for each in compare(a, chosen("2")).differences] == [
        "gpu",
        "CUDA_VISIBLE_DEVICES",
    ]
    [found, _] = compare(a, chosen("0,1")).differences
    assert (found.subject, found.before, found.after) == ("gpu", "1 x A100", "2 x A100")


def test_what_one_does_not_tell_is_no_difference_but_is_said() -> None:
    silent = changed(
        commit=None,
        dirty=None,
        lock=None,
        gpus=None,
        driver=None,
        environment={"slice": None, "packages": {}, "fingerprint": None, "cuda": None},
        machine=dict.fromkeys(("id", "name", "os", "kernel", "libc", "architecture", "cpu")),
    )
    found = compare(WHOLE, silent)
    assert found.differences == ()
    [remark] = found.remarks
    for words in ("uncommitted changes", "the commit", "the packages", "the GPUs", "the CPU"):
        assert words in remark


def test_a_variable_that_is_not_told_is_no_less_set() -> None:
    hidden = changed(variables=setting("PYTHONHASHSEED", None))
    [found] = compare(WHOLE, hidden).differences
    assert found.after == "set to a value that is not told"
    assert any("PYTHONHASHSEED" in remark for remark in compare(hidden, hidden).remarks)
    empty = changed(variables=setting("PYTHONHASHSEED", ""))
    assert '0 → ""' in emit(compare(WHOLE, empty))


def test_the_text_says_what_where_and_why() -> None:
    text = emit(compare(WHOLE, changed(driver="580.65.06", commit="b" * 40)))
    assert re.search(r"^1\. code: commit\n   +A a{40}\n   +B b{40}\n   the project's", text)
    assert "2. machine: driver  550.90.07 → 580.65.06\n   the driver" in text
    assert emit(compare(WHOLE, WHOLE)) == "nothing that envctl knows of differs\n"


A4090 = Device(name="NVIDIA GeForce RTX 4090", uuid="GPU-a")
INTEGRATED = Device(name="Intel GPU 8086:9a49", vendor="intel")
AMD = Device(name="AMD Instinct MI250X", vendor="amd", memory_bytes=64 * 1024**3)


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [
        ((A4090,), (INTEGRATED, A4090), False),  # `run` tells of NVIDIA's alone
        ((), (INTEGRATED,), False),
        ((A4090,), (A4090, AMD), False),
        ((), (AMD,), True),
        ((AMD,), (AMD, AMD), True),
        ((), (A4090,), True),
        ((INTEGRATED, A4090), (INTEGRATED,), True),
        ((A4090, AMD), (A4090, INTEGRATED, AMD), False),
        (None, (A4090,), False),
    ],
)
def test_gpus_are_compared_as_far_as_both_tell(
    a: tuple[Device, ...] | None, b: tuple[Device, ...] | None, differ: bool
) -> None:
    for one, two in ((a, b), (b, a)):
        found = compare(changed(gpus=one), changed(gpus=two)).differences
        assert [each.subject for each in found] == (["gpu"] if differ else [])


def test_of_several_vendors_the_variable_chooses_nvidias() -> None:
    run = changed(
        gpus=(A4090, replace(A4090, uuid="GPU-b"), AMD),
        variables=setting("CUDA_VISIBLE_DEVICES", "1"),
    )
    assert [gpu.uuid for gpu in seen(run) or ()] == ["GPU-b", None]
