from collections.abc import Sequence
from dataclasses import replace

import pytest

from envctl.checks.visible_devices import check
from envctl.domain.finding import Finding
from envctl.domain.record import Gpu, Record
from tests import machines

VALUE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"


def machine(name: str) -> Record:
    return replace(machines.load(name), name=name)


def own(name: str) -> str:
    return machine(name).gpus[0].uuid or ""


LAB, LAPTOP, NONE = machine("lab-v100"), machine("wsl"), machine("no-gpu")
MIXED = replace(
    machine("t4"),
    name="mixed",
    gpus=(
        Gpu(index=0, name="Quadro P400", compute_capability="6.1", pci_bus_id="0000:01:00.0"),
        Gpu(index=1, name="RTX 4090", compute_capability="8.9", pci_bus_id="0000:02:00.0"),
    ),
)


def found(value: str, records: Sequence[Record], order: str | None = None) -> list[Finding]:
    env = {VALUE: value} | ({ORDER: order} if order else {})
    return list(check([env], records))


def codes(value: str, records: Sequence[Record], order: str | None = None) -> list[tuple[str, str]]:
    return [(each.code, each.subject) for each in found(value, records, order)]


def test_nothing_is_declared() -> None:
    assert list(check([{}, {ORDER: "x"}], [LAB, MIXED])) == []


@pytest.mark.parametrize("value", ["", "-1", "0", "0,-1", "0,"])
def test_what_is_meant_so(value: str) -> None:
    assert codes(value, [LAB, LAPTOP, NONE]) == []


def test_an_index_that_a_machine_does_not_have() -> None:
    (finding,) = found("0,1", [LAB, LAPTOP, NONE])
    assert (finding.code, finding.severity, finding.layer) == ("devices-cut", "warning", "fleet")
    assert finding.subject == "wsl"
    assert finding.message == (
        "CUDA_VISIBLE_DEVICES on wsl: `1` ends the list: the only GPU is 0; "
        "CUDA programs see 1 of 1 GPU"
    )


def test_a_uuid_of_another_machine() -> None:
    (finding,) = found(own("wsl"), [LAB, LAPTOP, machine("h100")])
    assert (finding.code, finding.subject) == ("devices-elsewhere", VALUE)
    assert finding.message == (
        f"CUDA_VISIBLE_DEVICES: `{own('wsl')}` is a device of wsl: on lab-v100, h100 it ends the list"
    )


def test_a_word_of_the_laptop_cuts_the_list_of_the_others() -> None:
    listed = f"{own('wsl')},{own('lab-v100')}"
    assert codes(listed, [LAB, LAPTOP]) == [("devices-elsewhere", VALUE)] * 2


def test_a_uuid_of_no_machine() -> None:
    (finding,) = found("GPU-dead", [LAB, LAPTOP])
    assert finding.code == "devices-cut"
    assert (
        "`GPU-dead` is no recorded machine's: on lab-v100, wsl it ends the list" in finding.message
    )


def test_a_device_named_twice_hides_all_everywhere() -> None:
    (finding,) = found("0,00", [])
    assert (finding.code, finding.severity) == ("devices-repeated", "error")
    assert finding.subject == VALUE


def test_a_device_named_twice_on_one_machine() -> None:
    uuid = own("wsl")
    assert codes(f"{uuid},{uuid[:9]}", [LAPTOP]) == [("devices-repeated", "wsl")]


@pytest.mark.parametrize("value", ["0,-1,1", "0,,1", "0,x", "0,GPU-1"])
def test_a_list_that_is_cut_everywhere_is_said_once(value: str) -> None:
    assert codes(value, [LAB, LAPTOP]) == [("devices-cut", VALUE)]


def test_another_kind_after_a_uuid() -> None:
    assert codes(f"{own('wsl')},0", [LAPTOP]) == [("devices-cut", "wsl")]


def test_indexes_on_a_machine_with_several_models() -> None:
    assert codes("1", [MIXED]) == [("devices-order", "mixed")]
    assert codes("1", [MIXED], "FASTEST_FIRST") == [("devices-order", "mixed")]
    assert codes("1", [MIXED], "PCI_BUS_ID") == []


def test_a_scheduler_gives_the_devices_itself() -> None:
    assert codes("7", [replace(LAPTOP, scheduler="slurm")]) == []


def test_profiles_that_declare_the_same_are_one() -> None:
    env = {VALUE: "1"}
    assert len(list(check([env, dict(env), {VALUE: "5"}], [LAPTOP]))) == 2


class TestWhatCudaHalfReads:
    @pytest.mark.parametrize(
        ("value", "advice"),
        [
            ("1O", "correct the list"),
            ("0 1", "write `0,1`"),
            ("0;1", "write `0,1`"),
            ("0.1", "write `0,1`"),
            ("0,1x", "correct the list"),
        ],
    )
    def test_is_said_once_for_all_machines(self, value: str, advice: str) -> None:
        eight = replace(LAB, gpus=LAB.gpus * 4)
        odd = [each for each in found(value, [eight, LAB]) if each.code == "devices-odd"]
        (finding,) = odd
        assert (finding.severity, finding.subject) == ("warning", VALUE)
        assert "the rest is ignored" in finding.message
        assert (finding.advice or "").startswith(advice)

    @pytest.mark.parametrize("value", ["0,1", " 0 , 1 ", "+1", "-1", "0,-1,1x", "GPU-1x"])
    def test_is_not_said_of_what_is_meant_so(self, value: str) -> None:
        assert "devices-odd" not in [code for code, _ in codes(value, [LAB])]

    def test_the_other_words_are_held_against_the_machines(self) -> None:
        assert codes("0 1,7", [LAB]) == [("devices-odd", VALUE), ("devices-cut", LAB.name)]


class TestWhatMigHides:
    record = replace(machine("hpc-a100-mig"), scheduler=None)
    parts = tuple(part.uuid for gpu in record.gpus for part in gpu.mig_devices)

    def test_a_second_part_and_a_whole_gpu_beside_one(self) -> None:
        for value in (f"{self.parts[0]},{self.parts[1]}", "0,1"):
            hidden = found(value, [self.record], "PCI_BUS_ID")
            assert [each.code for each in hidden] == ["devices-hidden"]
            assert "beside a MIG device CUDA shows no other" in hidden[0].message
            assert "CUDA programs see one MIG device" in hidden[0].message

    def test_one_of_them_is_enough(self) -> None:
        assert codes(self.parts[1], [self.record]) == []
        assert codes("0", [self.record], "PCI_BUS_ID") == []
