"""A reading of ``CUDA_VISIBLE_DEVICES`` in plain sentences, and what of it is not certain."""

from collections.abc import Iterator, Sequence
from typing import Any

from envctl.domain.devices.visible import Reading, Target, Token, Why, read
from envctl.domain.gpu.facts import numbers

_MIG_UUIDS = (470, 42, 1)
"""The first driver that gives MIG devices UUIDs of their own (MIG User Guide, CUDA Device Enumeration)."""


def to_json(reading: Reading, uncertain: Sequence[str]) -> dict[str, Any]:
    """Return JSON's types: the sentences and the facts they are made of; ``uncertain``: the doubts."""
    return {
        "value": reading.value,
        "order": reading.order.name,
        "certain": not uncertain,
        "summary": summary(reading),
        "tokens": [
            {
                "text": token.word.text,
                "why": token.why,
                "names": token.target.to_json() if token.target else None,
                "ordinal": ordinal(reading, token),
                "sentence": sentence(reading, token),
            }
            for token in reading.tokens
        ],
        "devices": [
            {"ordinal": number, **device.to_json()} for number, device in enumerate(reading.devices)
        ],
        "hidden": [gpu.index for gpu in reading.hidden],
        "doubts": list(uncertain),
        "notes": list(notes(reading)),
    }


def summary(reading: Reading) -> str:
    """Return the whole in one sentence."""
    have, seen = len(reading.order.gpus), len(reading.devices)
    if not have:
        return "there is no NVIDIA GPU here: whatever the value, CUDA programs see none"
    if reading.value is None:
        start = "it is not set: "
    elif not reading.tokens:
        start = "it is empty: "
    else:
        start = "a device is named twice: " if reading.repeats else ""
    if not seen:
        return f"{start}CUDA programs see no GPU"
    if any(device.mig for device in reading.devices):
        return f"{start}CUDA programs see one MIG device"
    return f"{start}CUDA programs see {seen} of {have} GPU{'s' if have > 1 else ''}"


def named(target: Target) -> str:
    """Return a device in words: its number in nvidia-smi, its model, its part."""
    gpu = f"GPU {target.gpu.index} ({target.gpu.name})"
    return f"the MIG device {target.mig.profile or target.mig.uuid} of {gpu}" if target.mig else gpu


def ordinal(reading: Reading, token: Token) -> int | None:
    """Return the number that CUDA gives to what a word names; ``None``: it is not visible."""
    if token.why != "named" or token.target is None:
        return None
    for number, device in enumerate(reading.devices):
        whole = token.target.mig is None and token.target.gpu == device.gpu
        if device == token.target or whole:
            return number
    return None


def sentence(reading: Reading, token: Token) -> str:
    """Return what became of one word."""
    how = _how(token)
    if token.why == "after-the-end":
        end = reading.cut_by.word.text if reading.cut_by else ""
        return f"not read: the list ends at {f'`{end}`' if end else 'the empty item'}"
    if token.why == "repeated" and token.target:
        return f"{how}{named(token.target)} a second time: that hides every device"
    if token.target:
        return f"{how}{_visibility(reading, token, token.target)}"
    return f"{how}ends the list: {_end(reading, token)}"


def _how(token: Token) -> str:
    word = token.word
    if word.kind == "index" and word.rest:
        return f"read as {word.number}, the rest is ignored: "
    return f"read as {word.number}: " if word.id[:1] in ("+", "-") and word.number >= 0 else ""


def _visibility(reading: Reading, token: Token, target: Target) -> str:
    number = ordinal(reading, token)
    if number is not None:
        device = reading.devices[number]
        parts = "; its first MIG device stands for it" if device != target else ""
        return f"cuda:{number} is {named(device)}{parts}"
    if reading.repeats:
        return f"{named(target)}, hidden: one device is named twice"
    if target.gpu.mig and target.mig is None and not target.gpu.mig_devices:
        return f"{named(target)}, hidden: it is in MIG mode and no MIG device of it is known"
    return f"{named(target)}, hidden: beside a MIG device CUDA shows no other"


def _end(reading: Reading, token: Token) -> str:
    last = len(reading.order.gpus) - 1
    kind = "GPU" if token.word.kind == "gpu" else "MIG device"
    first = "a UUID" if reading.tokens[0].word.is_uuid else "an index"
    sentences: dict[Why, str] = {
        "negative": "a number below 0 is no device",
        "no-number": "it is no number and does not begin with GPU- or MIG-"
        if token.word.id
        else "an empty item is no device",
        "out-of-range": ("there is no GPU", "the only GPU is 0")[last + 1]
        if last < 1
        else f"the GPUs are 0 to {last}",
        "ambiguous": f"it is the beginning of {' and of '.join(map(named, token.others))}",
        "other-kind": f"it began with {first}, and a list has one kind",
        "no-such-uuid": f"no {kind} here has this UUID{_case(reading, token)}",
    }
    return sentences[token.why]


def _case(reading: Reading, token: Token) -> str:
    whole = [Target(gpu=gpu) for gpu in reading.order.gpus]
    parts = [Target(gpu=gpu, mig=part) for gpu in reading.order.gpus for part in gpu.mig_devices]
    uuids = [target.uuid or "" for target in whole + parts]
    close = [uuid for uuid in uuids if uuid.lower().startswith(token.word.id.lower())]
    return f" (`{close[0]}` differs in upper and lower case)" if close and token.word.id[4:] else ""


def notes(reading: Reading) -> Iterator[str]:
    """Give what is worth knowing: what the other order would change."""
    if not (reading.counts and reading.order.mixed):
        return
    flip = reading.order.name == "FASTEST_FIRST"
    other = read(reading.value, reading.order.gpus, order="PCI_BUS_ID" if flip else None)
    where = f"with CUDA_DEVICE_ORDER={other.order.name}"
    if other.order.name == "FASTEST_FIRST":
        where = f"without it (FASTEST_FIRST{'' if other.order.certain else ', estimated'})"
    if other.devices == reading.devices:
        yield f"{where} it means the same"
    else:
        yield f"{where} it means: {_listed(other)}"


def _listed(reading: Reading) -> str:
    devices = [f"cuda:{number} is {named(each)}" for number, each in enumerate(reading.devices)]
    return ", ".join(devices) or "no device"


def doubts(reading: Reading, driver: str | None, problem: str | None) -> Iterator[str]:
    """Give what is not certain, or not the same with every driver; nothing: NVIDIA documents it so.

    ``problem``: what is wrong with the driver; what it said of the devices may be little, or old.
    """
    if problem and reading.order.gpus:
        yield "the driver does not answer as it should: these are the devices that are known all the same"
    if reading.counts and not reading.order.certain:
        yield reading.order.reason
    if reading.repeats:
        yield (
            "what a device that is named twice does, NVIDIA does not document; "
            "PyTorch and nvitop, which follow the driver, count none"
        )
    yield from _undocumented(reading)
    yield from _mig(reading, driver)


def _undocumented(reading: Reading) -> Iterator[str]:
    listed = [token for token in reading.tokens if token.why != "after-the-end"]
    if any(_how(token) for token in listed):
        yield (
            "that a sign before a number counts, and what follows it is ignored, NVIDIA does not "
            "document; PyTorch reads it so"
        )
    if any(token.word.kind == "index" and token.word.text != token.word.id for token in listed):
        yield (
            "that a space beside a number does no harm, NVIDIA does not document; PyTorch reads it so"
        )
    if reading.cut_by and reading.cut_by.why == "other-kind":
        yield (
            "that a list has one kind, indexes or UUIDs, NVIDIA does not document; "
            "nvitop, which follows the driver, ends it there"
        )
    if any(token.word.is_uuid and token.word.text != token.word.id for token in listed):
        yield "spaces beside a UUID: PyTorch does not take them away, and ends the list there"
    if any(token.word.id in ("GPU-", "MIG-") for token in listed):
        yield "a prefix without a digit: NVIDIA asks for as many as make it unique"
    end = reading.cut_by
    indexes = [token.word.number for token in reading.tokens if token.word.kind == "index"]
    if end and end.why == "out-of-range" and len(set(indexes)) < len(indexes):
        yield "a number stands there twice: PyTorch counts no device then, wherever the list ends"


def _mig(reading: Reading, driver: str | None) -> Iterator[str]:
    kinds = {token.word.kind for token in reading.tokens}
    own = numbers(driver) if driver else ()
    said = f"driver {driver}" if driver else "this driver"
    if "mig-place" in kinds and (not own or own >= _MIG_UUIDS):
        yield (
            "MIG-<GPU-UUID>/<instance>/<instance> is the form of drivers before 470.42.01; "
            f"whether {said} still takes it is not documented"
        )
    if "mig" in kinds and own and own < _MIG_UUIDS:
        yield f"{said} is older than 470.42.01 and names MIG devices by their GPU and instances"
    if any(device.mig for device in reading.devices) or reading.dropped:
        yield (
            "one MIG device at most, and no whole GPU beside it, is what NVIDIA documents for "
            "CUDA 11 and 12, and may change with a newer driver"
        )
    if reading.counts and any(gpu.mig for gpu in reading.order.gpus):
        yield "how CUDA counts GPUs in MIG mode is not documented: name devices by their UUIDs"
    unknown = [gpu.index for gpu in reading.order.gpus if gpu.mig and not gpu.mig_devices]
    if unknown and kinds & {"mig", "mig-place"}:
        yield f"the MIG devices of GPU {', '.join(map(str, unknown))} are not known, if there are any"
    nameless = [gpu.index for gpu in reading.order.gpus if not (gpu.uuid or "").startswith("GPU-")]
    if nameless and "gpu" in kinds:
        yield f"the UUID by which CUDA knows GPU {', '.join(map(str, nameless))} is not known"
