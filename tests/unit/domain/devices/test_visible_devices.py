"""Each documented example of `CUDA_VISIBLE_DEVICES`, and the reader against a model of another shape."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envctl.domain.devices.order import cuda_order
from envctl.domain.devices.sentences import doubts, notes, sentence, summary, to_json
from envctl.domain.devices.visible import Reading, read
from envctl.domain.record import Gpu, MigDevice

# PyTorch's own test machine (test/test_cuda_nvml_based_avail.py, test_partial_uuid_resolver)
TORCH_UUIDS = (
    "GPU-9942190a-aa31-4ff1-4aa9-c388d80f85f1",
    "GPU-9e8d35e3-a134-0fdd-0e01-23811fdbd293",
    "GPU-e429a63e-c61c-4795-b757-5132caeb8e70",
    "GPU-eee1dfbc-0a0f-6ad8-5ff6-dc942a8b9d98",
    "GPU-bbcd6503-5150-4e92-c266-97cc4390d04e",
    "GPU-472ea263-58d7-410d-cc82-f7fdece5bd28",
    "GPU-e56257c4-947f-6a5b-7ec9-0f45567ccf4e",
    "GPU-1c20e77d-1c1a-d9ed-fe37-18b8466a78ad",
)


def box(*uuids: str) -> tuple[Gpu, ...]:
    return tuple(
        Gpu(
            index=number,
            name="NVIDIA H100",
            uuid=uuid,
            compute_capability="9.0",
            pci_bus_id=f"0000:{number:02x}:00.0",
        )
        for number, uuid in enumerate(uuids)
    )


TORCH = box(*TORCH_UUIDS)
FOUR = TORCH[:4]


def parts(gpu: Gpu, *uuids: str) -> Gpu:
    found = tuple(
        MigDevice(uuid=uuid, profile="1g.10gb", gpu_instance=7 + slot, compute_instance=0)
        for slot, uuid in enumerate(uuids)
    )
    return replace(gpu, mig=True, mig_devices=found)


DIVIDED = (
    parts(FOUR[0], "MIG-c6d4f1ef-42e4-5de3-91c7", "MIG-cba663e8-9bed-5b25-b243"),
    parts(FOUR[1], "MIG-1e099852-3624-56c0-8064"),
    replace(FOUR[2], mig=False),
    replace(FOUR[3], mig=True),
)


def seen(reading: Reading) -> list[int | str]:
    return [each.mig.uuid if each.mig else each.gpu.index for each in reading.devices]


def means(value: str | None, gpus: Sequence[Gpu] = FOUR) -> list[int | str]:
    return seen(read(value, gpus))


class TestProgrammingGuide:
    """CUDA Programming Guide 5.2.1.1."""

    def test_not_set_is_all(self) -> None:
        assert means(None) == [0, 1, 2, 3]

    @pytest.mark.parametrize("value", ["", " ", "\t\n"])
    def test_empty_is_none(self, value: str) -> None:
        assert means(value) == []

    def test_the_order_of_the_list_is_the_order_of_the_devices(self) -> None:
        assert means("2,1") == [2, 1]

    def test_the_first_invalid_index_cuts_the_list(self) -> None:
        reading = read("0,2,-1,1", FOUR)
        assert seen(reading) == [0, 2]
        assert [token.why for token in reading.tokens] == [
            "named",
            "named",
            "negative",
            "after-the-end",
        ]
        assert [sentence(reading, token) for token in reading.tokens] == [
            "cuda:0 is GPU 0 (NVIDIA H100)",
            "cuda:1 is GPU 2 (NVIDIA H100)",
            "ends the list: a number below 0 is no device",
            "not read: the list ends at `-1`",
        ]

    def test_minus_one_is_none(self) -> None:
        assert means("-1") == []

    def test_a_uuid_and_its_beginning_if_it_is_unique(self) -> None:
        gpus = box("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "GPU-8000f937-d72c")
        assert means("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", gpus) == [0]
        assert means("GPU-8932f937", gpus) == [0]
        assert means("GPU-8", gpus) == []
        assert means("GPU-80,GPU-89", gpus) == [1, 0]

    def test_a_uuid_that_is_wholly_there_is_meant_alone(self) -> None:
        assert means("GPU-1", box("GPU-12", "GPU-1")) == [1]


class TestPyTorch:
    """PyTorch's tests of its own reader, `TestVisibleDeviceParses`, on its eight devices."""

    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ("1gpu2,2ampere", [1, 2]),
            ("0, 1, 2, -1, 3", [0, 1, 2]),
            ("0, 1, 2, 1", []),
            ("2, +3, -0, 5", [2, 3, 0, 5]),
            ("one,two,3,4", []),
            ("4,3,two,one", [4, 3]),
            ("GPU-9e8d35e3", [1]),
            ("GPU-e4,GPU-9e8d35e3", [2, 1]),
            ("GPU-9e8d35e3,GPU-1,GPU-47", [1, 7, 5]),
            ("GPU-123,GPU-9e8d35e3", []),
            ("GPU-9e8d35e3,GPU-123,GPU-47", [1]),
            ("GPU-9e8d35e3,GPU-e,GPU-47", [1]),
            ("GPU-9e8d35e3,GPU-47,GPU-9e8", []),
            ("GPU-47, 2", [5]),
        ],
    )
    def test_example(self, value: str, found: list[int]) -> None:
        assert means(value, TORCH) == found

    def test_an_index_out_of_bounds_cuts_the_list(self) -> None:
        assert means("1, 0", TORCH[:2]) == [1, 0]
        assert means("1, 5, 0", TORCH[:2]) == [1]


class TestNvitop:
    """The examples of nvitop's `parse_cuda_visible_devices`."""

    def test_examples(self) -> None:
        ten = box(*(f"GPU-{number}8ef14e9" for number in range(10)))
        assert means("6,5", ten) == [6, 5]
        assert means("0,4", ten) == [0, 4]
        assert means("GPU-58ef14e9,GPU-68ef", ten) == [5, 6]
        assert means("0,0", ten) == []
        assert means("16", ten) == []

    @pytest.mark.parametrize(
        "value",
        [
            "MIG-cba663e8-9bed-5b25-b243",
            "MIG-GPU-9942190a-aa31-4ff1-4aa9-c388d80f85f1/8/0",
            "MIG-GPU-9942190a/8/0",
        ],
    )
    def test_mig_devices(self, value: str) -> None:
        assert means(value, DIVIDED) == ["MIG-cba663e8-9bed-5b25-b243"]


class TestKinds:
    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ("0,GPU-9e8d", [0]),
            ("GPU-9e8d,0", [1]),
            ("0,MIG-c6d4", [0]),
            ("gpu-9e8d", []),
            ("GPU-9E8D", []),
        ],
    )
    def test_a_list_has_one_kind(self, value: str, found: list[int]) -> None:
        assert means(value) == found

    def test_the_token_says_why(self) -> None:
        assert [token.why for token in read("0,GPU-9e8d,1", FOUR).tokens] == [
            "named",
            "other-kind",
            "after-the-end",
        ]
        reading = read("GPU-9E8D", FOUR)
        assert "differs in upper and lower case" in sentence(reading, reading.tokens[0])

    @pytest.mark.parametrize("value", ["0,,1", "0, ,1", "0,x,1", "0,--1,1", "0,+,1", "0,\u0663,1"])
    def test_what_is_no_number_cuts_the_list(self, value: str) -> None:
        assert means(value) == [0]

    @pytest.mark.parametrize("value", ["0x1", "0.9", "00", "0 1", "0;1"])
    def test_only_the_digits_count(self, value: str) -> None:
        assert means(value) == [0]

    def test_a_number_beyond_all_bounds(self) -> None:
        assert means(f"1,{'9' * 6000},0") == [1]
        assert means(f"1,-{'9' * 6000},0") == [1]


class TestMig:
    def test_not_set_is_the_first_part_of_the_first_divided_gpu(self) -> None:
        assert means(None, DIVIDED) == ["MIG-c6d4f1ef-42e4-5de3-91c7"]

    def test_one_mig_device_at_most(self) -> None:
        reading = read("MIG-1e09,MIG-c6d4", DIVIDED)
        assert seen(reading) == ["MIG-1e099852-3624-56c0-8064"]
        assert [each.uuid for each in reading.dropped] == ["MIG-c6d4f1ef-42e4-5de3-91c7"]
        assert "beside a MIG device CUDA shows no other" in sentence(reading, reading.tokens[1])

    def test_no_whole_gpu_beside_it(self) -> None:
        assert means("GPU-e429,MIG-1e09", DIVIDED) == ["MIG-1e099852-3624-56c0-8064"]
        assert means("2,1", DIVIDED) == ["MIG-1e099852-3624-56c0-8064"]

    def test_a_whole_gpu_alone_stays_one(self) -> None:
        assert means("2", DIVIDED) == [2]

    def test_a_divided_gpu_without_parts_is_none(self) -> None:
        reading = read("3,2", DIVIDED)
        assert seen(reading) == [2]
        assert "no MIG device of it is known" in sentence(reading, reading.tokens[0])

    def test_a_divided_gpu_is_named_by_its_first_part(self) -> None:
        reading = read("GPU-9942", DIVIDED)
        assert seen(reading) == ["MIG-c6d4f1ef-42e4-5de3-91c7"]
        assert "its first MIG device stands for it" in sentence(reading, reading.tokens[0])

    def test_ambiguous_and_repeated(self) -> None:
        assert [token.why for token in read("MIG-c", DIVIDED).tokens] == ["ambiguous"]
        assert read("MIG-c6,MIG-c6d4", DIVIDED).repeats
        assert read("MIG-c6d4,MIG-GPU-9942/7/0", DIVIDED).repeats

    def test_the_names_of_old_drivers(self) -> None:
        own = "MIG-GPU-9942190a-aa31-4ff1-4aa9-c388d80f85f1/1/0"
        old = (replace(FOUR[0], mig=True, mig_devices=(MigDevice(uuid=own),)),)
        assert means(own, old) == [own]

    def test_what_depends_on_the_driver_is_said(self) -> None:
        def doubted(value: str, driver: str | None) -> str:
            return " ".join(doubts(read(value, DIVIDED), driver, None))

        assert "may change with a newer driver" in doubted("MIG-1e09", "580.82.07")
        assert "before 470.42.01" in doubted("MIG-GPU-9942/7/0", "580.82.07")
        assert "before 470.42.01" in doubted("MIG-GPU-9942/7/0", None)
        assert "before 470.42.01" not in doubted("MIG-GPU-9942/7/0", "460.32.03")
        assert "is older than 470.42.01" in doubted("MIG-1e09", "460.32.03")
        assert "GPU 3 are not known" in doubted("MIG-ffff", "580.82.07")


class TestOrder:
    SLOW = Gpu(
        index=0,
        name="Quadro P400",
        uuid="GPU-aa",
        compute_capability="6.1",
        pci_bus_id="0000:01:00.0",
    )
    FAST = Gpu(
        index=1,
        name="RTX 4090",
        uuid="GPU-bb",
        compute_capability="8.9",
        pci_bus_id="0000:02:00.0",
    )

    def test_one_model_has_one_order(self) -> None:
        order = cuda_order(reversed(FOUR), None)
        assert order.gpus == FOUR
        assert (order.certain, order.mixed) == (True, False)
        assert list(notes(read("1", FOUR))) == []

    def test_the_fastest_first_is_an_estimate(self) -> None:
        reading = read("0", (self.SLOW, self.FAST))
        assert seen(reading) == [1]
        assert not reading.order.certain
        (doubt,) = doubts(reading, None, None)
        assert "estimated by compute capability, then memory" in doubt
        (note,) = notes(reading)
        assert note == "with CUDA_DEVICE_ORDER=PCI_BUS_ID it means: cuda:0 is GPU 0 (Quadro P400)"

    def test_by_place(self) -> None:
        reading = read("0", (self.SLOW, self.FAST), order="PCI_BUS_ID")
        assert seen(reading) == [0]
        assert list(doubts(reading, None, None)) == []
        (note,) = notes(reading)
        assert note.startswith("without it (FASTEST_FIRST, estimated) it means: cuda:0 is GPU 1")

    def test_uuids_mean_the_same_in_every_order(self) -> None:
        reading = read("GPU-aa", (self.SLOW, self.FAST))
        assert list(doubts(reading, None, None)) == []
        assert list(notes(reading)) == []

    def test_a_card_whose_speed_is_not_known(self) -> None:
        order = cuda_order((replace(self.FAST, compute_capability=None), self.SLOW), None)
        assert [gpu.index for gpu in order.gpus] == [0, 1]
        assert not order.certain
        assert "not known" in order.reason

    def test_a_setting_that_is_none(self) -> None:
        order = cuda_order((self.SLOW, self.FAST), "pci_bus_id")
        assert order.name == "FASTEST_FIRST"
        assert "`pci_bus_id` is no order that CUDA knows" in order.reason

    def test_addresses_are_numbers(self) -> None:
        places = ("0000:0a:00.0", "10000:01:00.0", "0000:09:00.0", None)
        gpus = [replace(self.FAST, index=n, pci_bus_id=place) for n, place in enumerate(places)]
        assert [gpu.index for gpu in cuda_order(gpus, "PCI_BUS_ID").gpus] == [2, 0, 1, 3]

    def test_other_vendors_do_not_count(self) -> None:
        amd = replace(self.SLOW, vendor="amd")
        assert means(None, (amd, self.FAST)) == [1]


class TestWords:
    @pytest.mark.parametrize(
        ("value", "said"),
        [
            (None, "it is not set: CUDA programs see 4 of 4 GPUs"),
            ("", "it is empty: CUDA programs see no GPU"),
            ("2,1", "CUDA programs see 2 of 4 GPUs"),
            ("-1", "CUDA programs see no GPU"),
            ("1,1", "a device is named twice: CUDA programs see no GPU"),
        ],
    )
    def test_summary(self, value: str | None, said: str) -> None:
        assert summary(read(value, FOUR)) == said

    def test_no_gpu_at_all(self) -> None:
        reading = read("0", ())
        assert seen(reading) == []
        assert summary(reading).startswith("there is no NVIDIA GPU here")
        assert sentence(reading, reading.tokens[0]) == "ends the list: there is no GPU"

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("0,0", "named twice"),
            ("1abc", "PyTorch reads it so"),
            ("+1", "PyTorch reads it so"),
            ("GPU-9e8d, GPU-e429", "spaces beside a UUID"),
            ("GPU-", "as many as make it unique"),
            ("0,9,0", "wherever the list ends"),
        ],
    )
    def test_what_nvidia_does_not_document_is_said(self, value: str, said: str) -> None:
        assert said in " ".join(doubts(read(value, FOUR), None, None))

    @pytest.mark.parametrize("value", [None, "", "2,1", "0,2,-1,1", "GPU-9e8d35e3", "-1"])
    def test_what_it_documents_is_certain(self, value: str | None) -> None:
        assert list(doubts(read(value, FOUR), "580.82.07", None)) == []

    def test_the_sentence_for_the_empty_item(self) -> None:
        reading = read("0,,1", FOUR)
        assert [sentence(reading, token) for token in reading.tokens[1:]] == [
            "ends the list: an empty item is no device",
            "not read: the list ends at the empty item",
        ]


# --- A model of another shape: no tokens, no reasons; a regular expression cuts the text, then numbers are looked up.

_LEADING = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")


def model(value: str | None, gpus: Sequence[Gpu]) -> list[int | str]:
    """Return what the rules of the survey (3.4) say, for GPUs of one model in the order of their addresses."""
    if value is None:
        chosen: list[tuple[int, str | None]] = [(number, None) for number in range(len(gpus))]
    else:
        items = [item.strip(" \t\n\v\f\r") for item in value.split(",")]
        by_uuid = items[0][:4] in ("GPU-", "MIG-")
        lookup = _uuid_lookup if by_uuid else _index_lookup
        chosen = []
        for item in items:
            answer = lookup(item, gpus)
            if answer is None:
                break
            chosen.append(answer)
        if len(set(chosen)) != len(chosen):
            return []
    explicit = [uuid for _, uuid in chosen if uuid]
    implied = [
        gpus[number].mig_devices[0].uuid
        for number, _ in chosen
        if gpus[number].mig and gpus[number].mig_devices
    ]
    if explicit or implied:
        return list((explicit or implied)[:1])
    return [number for number, _ in chosen if not gpus[number].mig]


def _index_lookup(item: str, gpus: Sequence[Gpu]) -> tuple[int, None] | None:
    found = _LEADING.match(item)
    inside = found and 0 <= int(found[1]) < len(gpus)
    return (int(found[1]), None) if found and inside else None


def _uuid_lookup(item: str, gpus: Sequence[Gpu]) -> tuple[int, str | None] | None:
    names: dict[str, tuple[int, str | None]] = {}
    for number, gpu in enumerate(gpus):
        names[gpu.uuid or ""] = (number, None)
        for part in gpu.mig_devices:
            names[part.uuid] = (number, part.uuid)
            names[f"MIG-{gpu.uuid}/{part.gpu_instance}/{part.compute_instance}"] = names[part.uuid]
    if item[:4] not in ("GPU-", "MIG-"):
        return None
    if item in names:
        return names[item]
    if "/" in item:  # the old form: only the GPU's UUID may be cut short
        head, _, tail = item.partition("/")
        fits = {
            to for name, to in names.items() if name.startswith(head) and name.endswith("/" + tail)
        }
    else:
        fits = {to for name, to in names.items() if name.startswith(item) and "/" not in name}
    return fits.pop() if len(fits) == 1 else None


_HEX = "01"  # so few that UUIDs share beginnings, and lists name devices twice


@st.composite
def boxes(draw: st.DrawFn) -> tuple[Gpu, ...]:
    uuids = draw(
        st.lists(
            st.text(_HEX, min_size=1, max_size=3),
            min_size=draw(st.sampled_from([0, 1, 2, 3])),
            max_size=4,
            unique=True,
        )
    )
    gpus = list(box(*(f"GPU-{uuid}" for uuid in uuids)))
    for number, gpu in enumerate(gpus):
        mig = draw(st.sampled_from([None, False, True, True]))
        gpus[number] = replace(gpu, mig=mig)
        if mig:
            slots = draw(st.integers(0, 2))
            gpus[number] = parts(gpu, *(f"MIG-{number}{slot}{_HEX}" for slot in range(slots)))
    return tuple(gpus)


ODD_INDEXES = ["+1", "-0", "1abc", "0x1", "007", " 2", "3\t", "", "x", "+", "--1", "1 2", "-1", "9"]
ODD_UUIDS = [" GPU-0", "MIG-", "gpu-0", "GPU-0/1", "GPU-1110", "MIG-9", "MIG-GPU-0/9/0", "GPU-"]


def names(gpus: Sequence[Gpu]) -> list[str]:
    """Return all that a list can call the devices, in full."""
    found = [gpu.uuid or "" for gpu in gpus]
    for gpu in gpus:
        for part in gpu.mig_devices:
            found += [part.uuid, f"MIG-{gpu.uuid}/{part.gpu_instance}/{part.compute_instance}"]
    return found


@st.composite
def lists(draw: st.DrawFn, gpus: Sequence[Gpu]) -> list[str]:
    """Give words that mostly name a device of this machine, and mostly of one kind."""
    index = st.integers(0, len(gpus)).map(str)
    whole = st.sampled_from(names(gpus) or ["GPU-0"])
    begun = st.tuples(whole, st.integers(4, 8)).map(lambda at: at[0][: at[1]])
    indexes = st.one_of(index, index, index, st.sampled_from(ODD_INDEXES))
    uuids = st.one_of(whole, whole, begun, st.sampled_from(ODD_UUIDS))
    kind = draw(st.sampled_from([indexes, uuids, uuids, indexes | uuids]))
    return draw(st.lists(kind, min_size=0, max_size=5))


@st.composite
def asked(draw: st.DrawFn) -> tuple[tuple[Gpu, ...], str | None]:
    gpus = draw(boxes())
    return gpus, draw(st.none() | lists(gpus).map(",".join) | lists(gpus).map(",".join))


@st.composite
def continued(draw: st.DrawFn) -> tuple[tuple[Gpu, ...], list[str], list[str]]:
    gpus = draw(boxes())
    return gpus, draw(lists(gpus)), draw(lists(gpus))


@settings(max_examples=500)
@given(asked())
def test_the_model_says_the_same(question: tuple[tuple[Gpu, ...], str | None]) -> None:
    gpus, value = question
    assert seen(read(value, gpus)) == model(value, gpus)


@given(asked())
def test_no_device_twice_and_none_that_is_not_there(
    question: tuple[tuple[Gpu, ...], str | None],
) -> None:
    gpus, value = question
    found = read(value, gpus).devices
    assert len(found) == len(set(found))
    for device in found:
        assert device.gpu in gpus
        assert device.mig is None or device.mig in device.gpu.mig_devices
    assert len(found) <= 1 or not any(device.mig for device in found)


@given(continued())
def test_what_follows_the_cut_changes_nothing(
    question: tuple[tuple[Gpu, ...], list[str], list[str]],
) -> None:
    gpus, listed, more = question
    reading = read(",".join(listed), gpus)
    longer = read(",".join([*listed, *more]), gpus)
    if reading.cut_by is not None:
        assert longer.devices == reading.devices
        assert longer.cut_by == reading.cut_by


@given(continued())
def test_each_word_changes_only_what_comes_after_it(
    question: tuple[tuple[Gpu, ...], list[str], list[str]],
) -> None:
    gpus, listed, more = question
    short, whole = (read(",".join(words), gpus) for words in (listed, [*listed, *more]))
    found = [token.why for token in short.tokens]
    assert [token.why for token in whole.tokens][: len(found)] == found


@given(boxes(), st.text(max_size=40), st.sampled_from([None, "PCI_BUS_ID", "x"]))
def test_any_text_has_a_meaning_and_a_sentence_for_each_word(
    gpus: tuple[Gpu, ...], value: str, order: str | None
) -> None:
    reading = read(value, gpus, order=order)
    said = to_json(reading, list(doubts(reading, "580.82.07", None)))
    assert [token["text"] for token in said["tokens"]] in ([], value.split(","))
    assert all(token["sentence"] for token in said["tokens"])
    assert [device["ordinal"] for device in said["devices"]] == list(range(len(reading.devices)))


PAGE = Path(__file__).parents[4] / "docs/how-to/gpus.md"
EIGHT = TORCH
EXAMPLES: dict[str, list[tuple[str | None, tuple[Gpu, ...]]]] = {
    "not set": [(None, FOUR)],
    "empty": [("", FOUR)],
    "`2,1`": [("2,1", FOUR)],
    "`0,2,-1,1`": [("0,2,-1,1", FOUR)],
    "`-1`": [("-1", FOUR)],
    "`9` where there are 8": [("9", EIGHT)],
    "`GPU-8932f937`": [("GPU-9942190a", FOUR), ("GPU-9942190a,GPU-e4", FOUR), ("GPU-9", FOUR)],
    "`0,0`": [("0,0", FOUR), ("GPU-99,GPU-99", FOUR)],
    "`1abc`, `+1`, ` 1`": [("1abc", FOUR), ("+1", FOUR), (" 1", FOUR), ("0, 1", FOUR)],
    "`0,GPU-8932f937`": [("0,GPU-9942190a", FOUR), ("GPU-9942190a,1", FOUR)],
    "a divided GPU": [("0", DIVIDED)],
    "`MIG-c6d4f1ef-…`": [("MIG-c6d4f1ef", DIVIDED)],
    "`MIG-GPU-8932f937-…/1/0`": [(f"MIG-{TORCH_UUIDS[0]}/7/0", DIVIDED)],
    "a MIG device and anything else": [("MIG-c6d4f1ef,MIG-cba663e8", DIVIDED)],
}
"""What each row of the page's table stands for."""


def test_each_rule_of_the_page_is_as_certain_as_its_source() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index("| value | meaning | source |")
    rows = [line.strip("| ").split(" | ") for line in lines[start + 2 :]]
    table = {
        row[0]: row[-1] for row in rows[: next(n for n, row in enumerate(rows) if row == [""])]
    }
    assert set(table) == set(EXAMPLES)
    for cell, source in table.items():
        for value, gpus in EXAMPLES[cell]:
            uncertain = list(doubts(read(value, gpus), "580.82.07", None))
            if source == "seen":
                assert uncertain, value
            elif gpus != DIVIDED:  # what MIG does depends on the driver
                assert (source, uncertain) == ("NVIDIA", []), value
