import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from envctl.adapters.leases.shared import SharedLeases
from envctl.domain.devices import GpuProcess, GpuUse, Usage
from envctl.domain.devices.lease import Chosen, Demand
from envctl.domain.record import Gpu
from envctl.errors import LeaseError
from envctl.usecases import lease

A, B = "GPU-aaaa", "GPU-bbbb"
BUSY = GpuProcess(pid=4711, name="python")


def usage(*uuids: str, busy: tuple[str, ...] = (), untold: tuple[str, ...] = ()) -> Usage:
    gpus = enumerate(uuids)
    return Usage(
        gpus=tuple(
            GpuUse(
                gpu=Gpu(index=number, name="NVIDIA A100", uuid=uuid),
                told=uuid not in untold,
                processes=(BUSY,) if uuid in busy else (),
            )
            for number, uuid in gpus
        )
    )


@dataclass
class Waiting:
    """One who waits in this process: what happens in its pauses is scripted, and the pauses are kept."""

    path: Path
    looks: list[Usage]
    holding: list[int] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    ends_after: int = 0

    def hold(self, uuid: str) -> None:
        before = self._open()
        SharedLeases(self.path).take(lambda held, ahead: Chosen(devices=(uuid,)), "other")
        self.holding = sorted(self._open() - before)

    def look(self) -> Usage:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        assert len(self.slept) < 100, "it waits for ever"
        if self.holding and len(self.slept) >= self.ends_after:
            for number in self.holding:
                os.close(number)
            self.holding = []

    def wait(self, asked: Demand, first: Usage) -> tuple[str, ...]:
        leases = Outside(self.path)
        return lease.wait(
            *(leases, first, self.look, asked, "train"), say=self.said.append, sleep=self.sleep
        )

    def _open(self) -> set[int]:
        found = set()
        for each in Path("/proc/self/fd").iterdir():
            if each.is_symlink() and str(each.readlink()).startswith(str(self.path)):
                found.add(int(each.name))
        return found


class Outside(SharedLeases):
    """Leases for one who was not started within one, though this process holds some for another's part."""

    def inherited(self) -> frozenset[str]:
        return frozenset()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "leases"
    for number in Waiting(path=tmp_path, looks=[])._open():
        os.close(number)


def test_the_driver_is_asked_only_when_a_lease_has_ended(path: Path) -> None:
    waiting = Waiting(path=path, looks=[usage(A, B)], ends_after=5)
    waiting.hold(A)

    def refused() -> Usage:
        assert not waiting.holding, "asked although nothing can be free"
        return usage(A, B)

    waiting.look = refused  # type: ignore[method-assign]
    assert waiting.wait(Demand(wanted=2), usage(A, B)) == (A, B)
    assert waiting.slept == [0.25] * 5
    assert waiting.said[0].startswith("waiting for 2 GPUs (Ctrl-C gives up)\n  GPU 0: leased to ")
    assert waiting.said[1:] == [f"leased {A}, {B}"]


def test_foreign_load_is_asked_for_less_and_less_often(path: Path) -> None:
    loaded = usage(A, busy=(A,))
    waiting = Waiting(path=path, looks=[loaded] * 10 + [usage(A)])
    assert waiting.wait(Demand(wanted=1), loaded) == (A,)
    assert waiting.slept == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10])


def test_a_driver_that_is_silent_for_a_moment_is_waited_for(path: Path) -> None:
    silent = Usage(problem="the NVIDIA driver did not answer within 5 s")
    waiting = Waiting(path=path, looks=[silent, silent, usage(A)])
    assert waiting.wait(Demand(wanted=1), usage(A, busy=(A,))) == (A,)


def test_a_driver_that_does_not_say_who_uses_it_is_waited_for_and_that_is_said(path: Path) -> None:
    problem = "the NVIDIA driver does not say who uses GPU 0: NVML did not answer within 15 s"
    silent = replace(usage(A, untold=(A,)), use_problem=problem)
    waiting = Waiting(path=path, looks=[silent, silent, usage(A, busy=(A,)), usage(A)])
    assert waiting.wait(Demand(wanted=1), usage(A, busy=(A,))) == (A,)
    assert len(waiting.slept) == 3
    assert waiting.said[1:] == [problem, f"leased {A}"]


def test_what_is_idle_beside_it_is_taken_and_what_is_wrong_is_said(path: Path) -> None:
    found = replace(usage(A, B, untold=(A,)), use_problem="GPU 0 is silent")
    said: list[str] = []
    leases = Outside(path)
    assert lease.take(leases, found, Demand(wanted=1), "train", say=said.append) == (B,)
    assert said == ["GPU 0 is silent"]
    with pytest.raises(LeaseError) as caught:
        lease.take(leases, found, Demand(wanted=1), "train", say=said.append)
    assert any("GPU 0: the driver did not say who uses it" in each for each in caught.value.why)
    assert caught.value.why[-1] == "GPU 0 is silent"


def test_devices_that_a_silent_driver_leaves_out_are_not_gone(path: Path) -> None:
    """It names one of two for the moment; the wait goes on."""
    part = replace(usage(A), problem="the NVIDIA driver answers in part: GPU 1: crashed")
    waiting = Waiting(path=path, looks=[part, usage(A, B)])
    assert waiting.wait(Demand(wanted=2), usage(A, B, busy=(B,))) == (A, B)


class TestWhatCanNeverBe:
    def test_a_lock_that_turned_into_something_else_ends_the_wait(self, path: Path) -> None:
        """Its file was replaced: without this the wait would last until somebody looks."""
        waiting = Waiting(path=path, looks=[usage(A)], ends_after=3)
        waiting.hold(A)

        def sleep(seconds: float) -> None:
            Waiting.sleep(waiting, seconds)
            if not waiting.holding:
                (path / f"{A}.lock").unlink(missing_ok=True)
                os.mkfifo(path / f"{A}.lock")

        with pytest.raises(LeaseError, match="none can be given") as caught:
            lease.wait(
                *(Outside(path), usage(A), waiting.look, Demand(wanted=1), "train"),
                say=waiting.said.append,
                sleep=sleep,
            )
        assert caught.value.hint == f"have `{path}/{A}.lock` removed, or ask for fewer"

    def test_less_memory_is_advised_only_where_memory_was_asked_for(self, path: Path) -> None:
        for min_free, said in ((None, "ask for fewer; "), (1, "ask for fewer, or for less memory")):
            with pytest.raises(LeaseError) as caught:
                lease.take(
                    *(Outside(path), usage(A), Demand(wanted=9, min_free=min_free), "x"), say=print
                )
            assert (caught.value.hint or "").startswith(said)


def test_a_device_that_vanishes_ends_the_wait(path: Path) -> None:
    waiting = Waiting(path=path, looks=[usage(A)])
    with pytest.raises(LeaseError, match="2 GPUs asked for: 1 at most can be given"):
        waiting.wait(Demand(wanted=2), usage(A, B, busy=(B,)))
    assert SharedLeases(path).waiting() == ()


def test_what_is_free_is_taken_without_a_word(path: Path) -> None:
    waiting = Waiting(path=path, looks=[])
    assert waiting.wait(Demand(wanted=1), usage(A)) == (A,)
    assert (waiting.said, waiting.slept) == ([], [])


class TestDemand:
    def test_a_divided_gpu_stands_for_its_parts(self) -> None:
        from tests import machines

        record = machines.load("hpc-a100-mig")
        found = Usage(gpus=tuple(GpuUse(gpu=gpu) for gpu in record.gpus))
        first, second = record.gpus[0].mig_devices
        env = {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        asked = lease.demand(found, env, job=None, wanted=1)
        assert asked.limit == (first.uuid, second.uuid)

    def test_an_index_is_read_in_the_order_that_is_set(self) -> None:
        """NVML's own order is not PCI's, and CUDA's is a third one."""
        gpus = (
            Gpu(index=0, name="T4", uuid=A, pci_bus_id="0000:af:00.0", compute_capability="7.5"),
            Gpu(index=1, name="T4", uuid=B, pci_bus_id="0000:3b:00.0", compute_capability="7.5"),
        )
        found = Usage(gpus=tuple(GpuUse(gpu=gpu) for gpu in gpus))
        env = {"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        assert lease.demand(found, env, job=None, wanted=1).limit == (B,)

    def test_no_device_at_all_is_an_error(self) -> None:
        with pytest.raises(LeaseError, match="there is no NVIDIA GPU here"):
            lease.demand(Usage(), {}, job=None, wanted=1)
        with pytest.raises(LeaseError, match="mismatch"):
            lease.demand(Usage(problem="the driver: mismatch"), {}, job=None, wanted=1)
