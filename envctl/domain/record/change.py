"""What has changed on a machine since its record was saved, as far as the record is there for it."""

from collections import Counter
from collections.abc import Iterator

from envctl.domain.record import Record

_FACTS = (("libc", "the C library"), ("driver", "the driver"), ("cuda_compat", "cuda-compat"))


def changes(saved: Record, now: Record) -> Iterator[tuple[str, str, str]]:
    """Yield what is another than it was: its name, before and now, in words.

    What a container or a scheduler's job shows is not the machine, and a driver that does not answer says nothing.
    """
    same_view = (saved.container, saved.scheduler) == (now.container, now.scheduler)
    if not same_view or saved.gpu_problem or now.gpu_problem:
        return
    for field, name in _FACTS:
        before, after = getattr(saved, field), getattr(now, field)
        if before != after:
            yield name, before or "none", after or "none"
    if _cards(saved) != _cards(now):
        yield "its set of GPUs", _listed(saved), _listed(now)


def _cards(record: Record) -> Counter[tuple[str, bool]]:
    """Count the devices by model; which of them is which says nothing of what runs there."""
    return Counter((gpu.name, bool(gpu.mig)) for gpu in record.gpus)


def _listed(record: Record) -> str:
    found = _cards(record)
    each = (f"{found[key]} x {key[0]}{', divided' if key[1] else ''}" for key in sorted(found))
    return "; ".join(each) or "none"
