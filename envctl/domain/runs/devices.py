"""Which of a machine's GPUs a run could see, and how those of two runs differ."""

from collections import Counter
from collections.abc import Iterable, Iterator

from envctl.domain.devices import visible as visible_devices
from envctl.domain.difference import Difference
from envctl.domain.record import Gpu
from envctl.domain.runs.description import Device, RunDescription

_CHOICE, _ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"
_MODEL = "another model has other kernels and another order of sums"
_NUMBER = "another number of GPUs: work is divided, and results are summed, otherwise"
_CARD = "other cards of the same model: only a faulty one computes otherwise"


def models(a: RunDescription, b: RunDescription) -> Iterator[Difference]:
    """Yield that the models or the number of the GPUs differ."""
    one, two = _comparable(a, b)
    if one is None or two is None:
        return
    old, new = _models(one), _models(two)
    if old != new:
        reason = _NUMBER if old.keys() == new.keys() else _MODEL
        yield _difference("gpu", _listed(old), _listed(new), reason)


def cards(a: RunDescription, b: RunDescription) -> Iterator[Difference]:
    """Yield that the GPUs are others of the same models."""
    one, two = _comparable(a, b)
    if one is None or two is None or _models(one) != _models(two):
        return
    old, new = (sorted(gpu.uuid or "" for gpu in gpus) for gpus in (one, two))
    if old != new and all(old) and all(new):
        yield _difference("gpu cards", ", ".join(old), ", ".join(new), _CARD)


def _comparable(
    a: RunDescription, b: RunDescription
) -> tuple[tuple[Device, ...] | None, tuple[Device, ...] | None]:
    """Return what two descriptions tell of the same kinds of GPUs.

    ``run`` tells of NVIDIA's alone, ``describe`` of others too; so others count where both tell of some, or one says
    that there is no GPU at all.
    """
    one, two = seen(a), seen(b)
    if one is None or two is None:
        return one, two
    if all(run.gpus == () or any(map(_is_other, run.gpus or ())) for run in (a, b)):
        return one, two
    return tuple(filter(_is_nvidia, one)), tuple(filter(_is_nvidia, two))


def _is_nvidia(gpu: Device) -> bool:
    return gpu.vendor == "nvidia"


def _is_other(gpu: Device) -> bool:
    """Whether it is another vendor's that computes: an integrated one of Intel's has no memory of its own."""
    return not _is_nvidia(gpu) and not (gpu.vendor == "intel" and gpu.memory_bytes is None)


def seen(run: RunDescription) -> tuple[Device, ...] | None:
    """Return the GPUs that ``CUDA_VISIBLE_DEVICES`` left; all of them where that cannot be told for certain."""
    if run.gpus is None:
        return None
    others = tuple(filter(_is_other, run.gpus))
    return _visible(run, tuple(filter(_is_nvidia, run.gpus))) + others


def _visible(run: RunDescription, gpus: tuple[Device, ...]) -> tuple[Device, ...]:
    """Return those of NVIDIA's GPUs that the variable left."""
    if any(gpu.mig for gpu in gpus):
        return gpus
    settings = {each.name: each.value for each in run.variables}
    untold = any(settings.get(name, "") is None for name in (_CHOICE, _ORDER))
    known = [_gpu(number, gpu) for number, gpu in enumerate(gpus)]
    reading = visible_devices.read(settings.get(_CHOICE), known, order=settings.get(_ORDER))
    guessed = reading.counts and not reading.order.certain
    lost = any(token.why == "no-such-uuid" for token in reading.tokens)  # a MIG device, say
    if untold or guessed or lost:
        return gpus
    return tuple(gpus[target.gpu.index] for target in reading.devices)


def _gpu(number: int, gpu: Device) -> Gpu:
    return Gpu(
        index=number,
        name=gpu.name,
        uuid=gpu.uuid,
        memory_bytes=gpu.memory_bytes,
        compute_capability=gpu.compute_capability,
        pci_bus_id=gpu.pci_bus_id,
    )


def _models(gpus: Iterable[Device]) -> Counter[str]:
    return Counter(gpu.name for gpu in gpus)


def _listed(found: Counter[str]) -> str:
    return ", ".join(f"{found[name]} x {name}" for name in sorted(found)) or "none"


def _difference(subject: str, before: str, after: str, reason: str) -> Difference:
    return Difference(group="machine", subject=subject, before=before, after=after, reason=reason)
