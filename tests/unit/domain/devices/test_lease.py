from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envctl.domain.devices import GpuProcess, GpuUse, MigUse, Usage
from envctl.domain.devices.lease import (
    GIB,
    Chosen,
    Demand,
    Lease,
    Refused,
    Waiter,
    awaited,
    choose,
    holder,
    possible,
    size,
)
from envctl.domain.devices.units import Unit, units
from envctl.domain.record import Gpu
from envctl.errors import UsageError
from tests import machines

TRAIN = GpuProcess(pid=33, name="python", user="bob", memory_bytes=20 * GIB)
SCREEN = GpuProcess(pid=44, name="Xorg", user="root", memory_bytes=3 * GIB, graphics=True)


def use(
    number: int,
    *,
    name: str = "NVIDIA A100",
    memory: int | None = 80 * GIB,
    used: int | None = 0,
    processes: tuple[GpuProcess, ...] = (),
    uuid: str | None = "",
    bus: str | None = "",
    told: bool = True,
) -> GpuUse:
    gpu = Gpu(
        index=number,
        name=name,
        uuid=f"GPU-{number}" if uuid == "" else uuid,
        memory_bytes=memory,
        pci_bus_id=f"0000:{number:02x}:00.0" if bus == "" else bus,
    )
    return GpuUse(gpu=gpu, told=told, memory_used_bytes=used, processes=processes)


def box(*uses: GpuUse) -> Usage:
    return Usage(gpus=uses)


FOUR = box(*(use(number) for number in range(4)))


def taken(choice: Chosen | Refused) -> tuple[str, ...]:
    assert isinstance(choice, Chosen), choice
    return choice.devices


def refused(choice: Chosen | Refused) -> Refused:
    assert isinstance(choice, Refused), choice
    return choice


class TestWhatIsTaken:
    def test_idle_devices_by_pci_address_not_in_nvmls_order(self) -> None:
        usage = box(use(0, bus="0000:af:00.0"), use(1, bus="0000:3b:00.0"))
        assert taken(choose(usage, {}, Demand(wanted=2))) == ("GPU-1", "GPU-0")

    def test_none_that_is_leased(self) -> None:
        held = {"GPU-0": Lease(uuid="GPU-0"), "GPU-2": Lease(uuid="GPU-2")}
        assert taken(choose(FOUR, held, Demand(wanted=2))) == ("GPU-1", "GPU-3")

    def test_in_the_order_of_the_limit(self) -> None:
        demand = Demand(wanted=2, limit=("GPU-3", "GPU-0", "GPU-3", "GPU-gone"))
        assert taken(choose(FOUR, {}, demand)) == ("GPU-3", "GPU-0")

    def test_of_one_model_where_there_are_enough(self) -> None:
        usage = box(use(0, name="T4"), use(1), use(2, name="T4"), use(3))
        assert taken(choose(usage, {}, Demand(wanted=2))) == ("GPU-0", "GPU-2")
        assert taken(choose(usage, {}, Demand(wanted=2, limit=("GPU-1", "GPU-2", "GPU-3")))) == (
            "GPU-1",
            "GPU-3",
        )

    def test_of_several_models_where_there_are_not(self) -> None:
        usage = box(use(0, name="T4"), use(1))
        assert taken(choose(usage, {}, Demand(wanted=2))) == ("GPU-0", "GPU-1")

    def test_none_that_others_wait_for(self) -> None:
        choice = choose(FOUR, {}, Demand(wanted=3), ahead={"GPU-0", "GPU-1"})
        assert refused(choice) == Refused(
            free=2,
            most=4,
            never=False,
            reasons=(
                "GPU 0: free, but others wait for it already",
                "GPU 1: free, but others wait for it already",
            ),
        )
        assert refused(choose(FOUR, {}, Demand(wanted=1), ahead=None)).free == 0

    def test_a_device_of_another_vendor_is_none(self) -> None:
        amd = use(0)
        usage = box(replace(amd, gpu=replace(amd.gpu, vendor="amd")), use(1))
        assert taken(choose(usage, {}, Demand(wanted=1))) == ("GPU-1",)
        assert refused(choose(usage, {}, Demand(wanted=2))).never


class TestForeignLoad:
    @pytest.mark.parametrize(
        ("found", "why"),
        [
            (
                use(0, used=20 * GIB, processes=(TRAIN,)),
                "20.0 GiB in use by python of bob (pid 33)",
            ),
            (use(0, used=None, processes=(TRAIN,)), "in use by python of bob (pid 33)"),
            # A program that has only just started.
            (use(0, used=0, processes=(GpuProcess(pid=7),)), "0.0 GiB in use by a process (pid 7)"),
            (use(0, used=2 * GIB), "2.0 GiB in use by processes that cannot be seen from here"),
            (use(0, memory=8 * GIB, used=GIB // 2 + 1), "0.5 GiB in use by processes that cannot"),
        ],
    )
    def test_is_left_alone(self, found: GpuUse, why: str) -> None:
        (reason,) = refused(choose(box(found), {}, Demand(wanted=1))).reasons
        assert reason.startswith(f"GPU 0: {why}")

    @pytest.mark.parametrize(
        "found",
        [
            use(0, used=600 * 1024**2),  # what the driver keeps on a large card
            use(0, memory=8 * GIB, used=300 * 1024**2),
            use(0, used=3 * GIB + 1, processes=(SCREEN,)),
            use(0, memory=None, used=None),
        ],
    )
    def test_a_screen_and_the_drivers_own_are_none(self, found: GpuUse) -> None:
        assert taken(choose(box(found), {}, Demand(wanted=1))) == ("GPU-0",)

    def test_what_nobody_told_is_not_idle(self) -> None:
        """A driver that is silent often is so because the machine is loaded."""
        silent = use(0, used=None, told=False)
        choice = refused(choose(box(silent), {}, Demand(wanted=1)))
        assert choice.reasons == ("GPU 0: the driver did not say who uses it",)
        assert not choice.never
        choice = refused(choose(box(silent), {}, Demand(wanted=1, min_free=GIB)))
        assert choice.reasons == ("GPU 0: the driver did not say who uses it",)
        assert not choice.never
        # The memory is told, who computes is not: enough for who asks for memory only.
        half = use(0, used=GIB // 2, told=False)
        assert not refused(choose(box(half), {}, Demand(wanted=1))).never
        assert taken(choose(box(half), {}, Demand(wanted=1, min_free=GIB))) == ("GPU-0",)

    def test_enough_free_memory_is_enough(self) -> None:
        usage = box(use(0, used=20 * GIB, processes=(TRAIN,)))
        assert taken(choose(usage, {}, Demand(wanted=1, min_free=60 * GIB))) == ("GPU-0",)
        choice = refused(choose(usage, {}, Demand(wanted=1, min_free=60 * GIB + 1)))
        assert choice.reasons == ("GPU 0: 60.0 GiB free, 60.0 GiB are wanted",)
        assert not choice.never

    def test_a_lease_counts_however_much_is_free(self) -> None:
        held = {"GPU-0": Lease(uuid="GPU-0", user="eve")}
        choice = choose(box(use(0)), held, Demand(wanted=1, min_free=GIB))
        assert refused(choice).reasons == ("GPU 0: leased to eve",)


class TestWhatCanNeverBe:
    def test_more_than_there_are(self) -> None:
        choice = refused(choose(FOUR, {}, Demand(wanted=5)))
        assert (choice.never, choice.most, choice.reasons) == (True, 4, ())

    def test_more_than_the_limit_names(self) -> None:
        assert refused(choose(FOUR, {}, Demand(wanted=2, limit=("GPU-1",)))).never

    def test_more_memory_than_a_device_has_or_tells(self) -> None:
        usage = box(use(0), use(1, memory=16 * GIB), use(2, used=None))
        choice = refused(choose(usage, {}, Demand(wanted=2, min_free=20 * GIB)))
        assert choice.never
        assert choice.reasons == (
            "GPU 1: it has 16.0 GiB in all, 20.0 GiB are wanted",
            "GPU 2: it does not tell how much of its memory is free",
        )

    def test_a_device_that_nobody_can_hold(self) -> None:
        held = {"GPU-0": Lease(uuid="GPU-0", problem="its lock's file is a link")}
        choice = refused(choose(box(use(0)), held, Demand(wanted=1)))
        assert (choice.never, choice.reasons) == (True, ("GPU 0: its lock's file is a link",))

    @pytest.mark.parametrize(
        "uuid", [None, "GPU-????????-????", "GPU-1,GPU-2", "../queue", "a" * 200]
    )
    def test_a_device_without_a_name(self, uuid: str | None) -> None:
        choice = refused(choose(box(use(0, uuid=uuid)), {}, Demand(wanted=1)))
        assert (choice.never, choice.reasons) == (
            True,
            ("GPU 0: the driver does not tell its UUID",),
        )


class TestMig:
    record = machines.load("hpc-a100-mig")
    usage = Usage(
        gpus=tuple(
            GpuUse(
                gpu=gpu,
                told=True,
                memory_used_bytes=0,
                mig=tuple(
                    MigUse(device=part, told=True, memory_used_bytes=0) for part in gpu.mig_devices
                ),
            )
            for gpu in record.gpus
        )
    )
    parts = tuple(part.uuid for gpu in record.gpus for part in gpu.mig_devices)

    def test_whole_gpus_first_then_parts_one_by_one(self) -> None:
        held: dict[str, Lease] = {}
        got = []
        while isinstance(choice := choose(self.usage, held, Demand(wanted=1)), Chosen):
            (uuid,) = choice.devices
            held[uuid] = Lease(uuid=uuid)
            got.append(uuid)
        whole = [gpu.uuid for gpu in self.record.gpus if gpu.mig is False]
        assert got == [*whole, *self.parts]

    def test_several_are_never_parts(self) -> None:
        choice = refused(choose(self.usage, {}, Demand(wanted=2, limit=self.parts)))
        assert choice.never
        assert "a program sees one MIG device at most" in choice.reasons[0]
        assert not any(
            uuid in self.parts for uuid in taken(choose(self.usage, {}, Demand(wanted=5)))
        )

    def test_a_gpu_in_mig_mode_without_parts(self) -> None:
        empty = next(gpu for gpu in self.record.gpus if gpu.mig and not gpu.mig_devices)
        choice = refused(choose(self.usage, {}, Demand(wanted=1, limit=(empty.uuid or "",))))
        assert choice.reasons == ("GPU 2: it is in MIG mode and has no MIG device yet",)

    def test_a_parts_own_use_counts_not_its_neighbours(self) -> None:
        first, second = self.record.gpus[0].mig_devices
        gpu = self.record.gpus[0]
        busy = MigUse(device=first, told=True, memory_used_bytes=20 * GIB, processes=(TRAIN,))
        idle = MigUse(device=second, told=True, memory_used_bytes=10**7)
        found = GpuUse(gpu=gpu, memory_used_bytes=20 * GIB, processes=(TRAIN,), mig=(busy, idle))
        assert taken(choose(box(found), {}, Demand(wanted=1))) == (second.uuid,)
        assert refused(choose(box(found), {}, Demand(wanted=1, limit=(first.uuid,)))).reasons == (
            f"{first.uuid} (3g.40gb of GPU 0): 20.0 GiB in use by python of bob (pid 33)",
        )

    def test_of_a_part_that_nobody_asked_the_whole_tells_or_nobody(self) -> None:
        """`nvidia-smi` knows the whole GPU only."""
        gpu, part = self.record.gpus[0], self.record.gpus[0].mig_devices[0]
        whole = GpuUse(gpu=gpu, told=True, memory_used_bytes=79 * GIB, processes=(TRAIN,))
        limit = Demand(wanted=1, limit=(part.uuid,))
        for mig in ((), tuple(MigUse(device=each) for each in gpu.mig_devices)):
            used = replace(whole, mig=mig)
            (reason,) = refused(choose(box(used), {}, limit)).reasons
            assert reason.endswith(": in use by python of bob (pid 33)")
            idle = replace(used, memory_used_bytes=0, processes=())
            (reason,) = refused(choose(box(idle), {}, limit)).reasons
            assert reason.endswith(": the driver did not say who uses it")


class TestHolder:
    def test_says_what_is_known(self) -> None:
        lease = Lease(uuid="x", user="eve", pid=12, command="python", since="2026-11-21T10:00:00Z")
        assert holder(lease) == "eve: python, pid 12, since 2026-11-21T10:00:00Z"
        assert holder(Lease(uuid="x", pid=12)) == "pid 12"
        assert holder(Waiter(user="eve")) == "eve"
        assert holder(Lease(uuid="x")) == "somebody unknown"

    def test_one_that_has_ended_is_said(self) -> None:
        held = {"GPU-0": Lease(uuid="GPU-0", user="eve", left=True)}
        assert refused(choose(box(use(0)), held, Demand(wanted=1))).reasons == (
            "GPU 0: leased to eve; it has ended, and a process that it left running holds it",
        )


class TestAwaited:
    def test_all_that_any_waits_for(self) -> None:
        one, two = Waiter(devices=frozenset({"a", "b"})), Waiter(devices=frozenset({"b", "c"}))
        assert awaited([one, two]) == frozenset("abc")
        assert awaited([]) == frozenset()

    def test_one_that_does_not_say_stands_for_all(self) -> None:
        assert awaited([Waiter(devices=frozenset({"a"})), Waiter(devices=None)]) is None


class TestSize:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("20GiB", 20 * 1024**3),
            ("20 GiB", 20 * 1024**3),
            ("20GB", 20 * 1000**3),
            ("512MiB", 512 * 1024**2),
            ("1.5TiB", 3 * 1024**4 // 2),
            ("80kB", None),
            ("20G", None),
            ("20", None),
            ("-1GiB", None),
            ("1e3GiB", None),
            ("", None),
            ("\u0662GiB", None),
        ],
    )
    def test_has_a_unit(self, text: str, number: int | None) -> None:
        if number is None:
            with pytest.raises(UsageError, match="is not an amount of memory"):
                size(text)
        else:
            assert size(text) == number


def _uuids(number: int) -> list[str]:
    return [f"GPU-{each}" for each in range(number)]


UUID = st.sampled_from([*_uuids(6), "GPU-gone"])
PROCESS = st.builds(
    GpuProcess,
    pid=st.integers(1, 99),
    memory_bytes=st.none() | st.integers(0, 90 * GIB),
    graphics=st.booleans(),
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    uses = []
    for number in range(draw(st.integers(0, 6))):
        part = st.builds(
            MigUse,
            device=st.builds(
                machines_part,
                st.just(number),
                st.integers(0, 3),
                st.none() | st.integers(0, 40 * GIB),
            ),
            told=st.booleans(),
            memory_used_bytes=st.none() | st.integers(0, 40 * GIB),
            processes=st.lists(PROCESS, max_size=1).map(tuple),
        )
        mig = draw(st.lists(part, max_size=2)) if draw(st.booleans()) else []
        one = use(
            number,
            name=draw(st.sampled_from(["A", "B"])),
            memory=draw(st.none() | st.integers(0, 80 * GIB)),
            used=draw(st.none() | st.integers(0, 80 * GIB)),
            processes=tuple(draw(st.lists(PROCESS, max_size=2))),
            told=draw(st.booleans()),
        )
        uses.append(replace(one, mig=tuple(mig), gpu=replace(one.gpu, mig=bool(mig))))
    return Usage(gpus=tuple(draw(st.permutations(uses))))


def machines_part(gpu: int, slot: int, memory: int | None) -> object:
    from envctl.domain.record import MigDevice

    return MigDevice(uuid=f"MIG-{gpu}-{slot}", memory_bytes=memory)


HELD = st.dictionaries(UUID, st.booleans(), max_size=6).map(
    lambda found: {
        uuid: Lease(uuid=uuid, problem="a link" if bad else None) for uuid, bad in found.items()
    }
)
DEMAND = st.builds(
    Demand,
    wanted=st.integers(1, 6),
    limit=st.none() | st.lists(UUID, max_size=6).map(tuple),
    min_free=st.none() | st.integers(0, 80 * GIB),
)
AHEAD = st.none() | st.sets(UUID, max_size=4)


def _named(usage: Usage) -> dict[str, Unit]:
    return {unit.uuid: unit for unit in units(usage)}


@given(usages(), HELD, DEMAND, AHEAD)
def test_what_is_chosen_is_what_was_asked_for(
    usage: Usage, held: dict[str, Lease], demand: Demand, ahead: set[str] | None
) -> None:
    choice = choose(usage, held, demand, ahead=ahead)
    if isinstance(choice, Refused):
        return
    devices = choice.devices
    assert len(devices) == len(set(devices)) == demand.wanted
    assert not set(devices) & held.keys()
    assert ahead is not None
    assert not set(devices) & ahead
    assert demand.limit is None or set(devices) <= set(demand.limit)
    assert set(devices) <= possible(usage, held, demand)
    chosen = [_named(usage)[uuid] for uuid in devices]
    assert demand.wanted == 1 or not any(unit.part for unit in chosen)
    for unit in chosen:
        if demand.min_free is None:
            assert unit.told
            assert all(process.graphics for process in unit.processes)
        else:
            assert unit.memory_bytes is not None
            assert unit.used_bytes is not None
            assert unit.memory_bytes - unit.used_bytes >= demand.min_free


@given(usages(), HELD, DEMAND, AHEAD)
def test_a_refusal_counts_what_could_be_given(
    usage: Usage, held: dict[str, Lease], demand: Demand, ahead: set[str] | None
) -> None:
    choice = choose(usage, held, demand, ahead=ahead)
    if isinstance(choice, Chosen):
        return
    assert choice.free < demand.wanted
    assert choice.free <= choice.most == len(possible(usage, held, demand))
    assert choice.never == (choice.most < demand.wanted)
    # Each device that is not free has its line.
    assert len(choice.reasons) == len(units(usage, demand.limit)) - choice.free
    if choice.free:  # so many can be had
        fewer = replace(demand, wanted=choice.free)
        if choice.free > 1 or not any(unit.part for unit in units(usage, demand.limit)):
            assert isinstance(choose(usage, held, fewer, ahead=ahead), Chosen)


def _emptied(use: GpuUse) -> GpuUse:
    """Return the device when it is idle; what was silent tells all of it then."""

    def used(told: bool, before: int | None) -> int | None:
        return None if told and before is None else 0

    def size(told: bool, before: int | None) -> int | None:
        return before if told or before is not None else 80 * GIB

    return replace(
        use,
        gpu=replace(use.gpu, memory_bytes=size(use.told, use.gpu.memory_bytes)),
        told=True,
        memory_used_bytes=used(use.told, use.memory_used_bytes),
        processes=(),
        mig=tuple(
            MigUse(
                device=replace(part.device, memory_bytes=size(part.told, part.device.memory_bytes)),
                told=True,
                memory_used_bytes=used(part.told, part.memory_used_bytes),
            )
            for part in use.mig
        ),
    )


@given(usages(), HELD, DEMAND)
def test_when_all_leases_have_ended_and_all_is_idle_a_wait_ends(
    usage: Usage, held: dict[str, Lease], demand: Demand
) -> None:
    """So that nobody waits for what can never be."""
    choice = choose(usage, held, demand)
    if isinstance(choice, Chosen) or choice.never:
        return
    idle = Usage(gpus=tuple(_emptied(each) for each in usage.gpus))
    ended = {uuid: lease for uuid, lease in held.items() if lease.problem}
    assert isinstance(choose(idle, ended, demand), Chosen)
