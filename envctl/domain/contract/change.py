"""What an upgrade does to the contract: the same words for the table that ``lock`` prints and for its JSON."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from envctl.domain.contract import Contract
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import numbers

Aspect = Literal[
    "accelerator", "cuda", "driver", "driver-full", "kernels", "libc", "machine", "conflict"
]
_ACCELERATORS = {"cpu": "no accelerator", "cuda": "CUDA", "rocm": "ROCm"}
_LEVELS = ("none", "PTX", "kernels")


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """One thing that a machine must offer and that has changed; ``old`` and ``new`` are ``None`` where none is named.

    ``worse``: some machine that could run the old lock may not run the new one, or not with its GPU.
    """

    aspect: Aspect
    old: str | None
    new: str | None
    sentence: str
    worse: bool


def effects(old: Contract | None, new: Contract) -> tuple[Effect, ...]:
    """Compare two contracts; nothing is said where one of them does not tell, nor without an old one."""
    if old is None:
        return ()
    found: list[Effect] = []
    if old.accelerator != new.accelerator:
        found.append(_accelerator(old, new))
    elif new.accelerator != "cpu":
        found += [*_toolkit(old, new), *_driver(old, new), *_driver_full(old, new)]
        found += _kernels(old, new)
    return (*found, *_libc(old, new), *_machines(old, new), *_conflicts(old, new))


def _accelerator(old: Contract, new: Contract) -> Effect:
    before, after = _ACCELERATORS.get(old.accelerator), _ACCELERATORS.get(new.accelerator)
    if new.accelerator == "cpu":
        had = f"{before} {old.cuda}" if old.cuda else str(before)
        sentence = f"{had} is gone from the lock: GPUs are not used any more"
    else:
        comes = f"{after} {new.cuda}" if new.cuda else str(after)
        floor = f", from driver {new.driver_limited} on" if new.driver_limited else ""
        sentence = f"the lock now brings {comes}, where it had {before}: GPUs are used{floor}"
    return Effect(
        aspect="accelerator",
        old=old.accelerator,
        new=new.accelerator,
        sentence=sentence,
        worse=old.accelerator != "cpu",
    )


def _toolkit(old: Contract, new: Contract) -> Iterator[Effect]:
    if old.cuda is None or new.cuda is None or old.cuda == new.cuda:
        return
    before, after = numbers(old.cuda), numbers(new.cuda)
    change = f"CUDA {old.cuda} → {new.cuda}"
    major = ", another major: what was compiled against the old one does not fit"
    yield Effect(
        aspect="cuda",
        old=old.cuda,
        new=new.cuda,
        sentence=change + (major if before[0] != after[0] else ""),
        worse=after > before,
    )


def _driver(old: Contract, new: Contract) -> Iterator[Effect]:
    before, after = old.driver_limited, new.driver_limited
    if _drivers(before) == _drivers(after):
        return
    if after is None:
        sentence = f"nothing is known about the driver that {_cuda(new)} needs"
    elif _drivers(after) > _drivers(before):
        sentence = f"needs driver {after} or newer, before {before}: older drivers cannot run it"
    else:
        sentence = f"needs only driver {after} or newer" + (f", before {before}" if before else "")
    yield Effect(
        aspect="driver",
        old=before,
        new=after,
        sentence=sentence,
        worse=_drivers(after) > _drivers(before),
    )


def _driver_full(old: Contract, new: Contract) -> Iterator[Effect]:
    before, after = old.driver_full, new.driver_full
    if before is None or after is None or numbers(before) == numbers(after):
        return
    verb = "speak" if numbers(after) > numbers(before) else "now speak"
    yield Effect(
        aspect="driver-full",
        old=before,
        new=after,
        sentence=f"drivers {verb} {_cuda(new)} itself from {after} on, before from {before}: "
        "below that it runs by minor-version compatibility, without PTX",
        worse=numbers(after) > numbers(before),
    )


def _cuda(contract: Contract) -> str:
    return f"CUDA {contract.cuda}" if contract.cuda else "the lock's CUDA"


def _drivers(version: str | None) -> tuple[float, ...]:
    """Order drivers; one that nobody knows is newer than all."""
    return (float("inf"),) if version is None else numbers(version)


def _kernels(old: Contract, new: Contract) -> Iterator[Effect]:
    """Say which GPUs gain and lose kernels, by the rule of ``verdict``: a cubin also serves later minors."""
    if not (old.compute_capabilities or old.ptx):
        return
    if not (new.compute_capabilities or new.ptx):
        sentence = "for which GPUs the new wheels have kernels is not known"
        yield Effect(aspect="kernels", old="known", new=None, sentence=sentence, worse=False)
        return
    changed: dict[tuple[int, int], list[str]] = {}
    for capability in _capabilities(old, new):
        levels = _level(old, capability), _level(new, capability)
        if levels[0] != levels[1]:
            changed.setdefault(levels, []).append(capability)
    for (before, after), capabilities in sorted(changed.items()):
        gpus = "; ".join(map(_named, capabilities))
        needs = f": needs driver {new.driver_full} or newer" if new.driver_full else ""
        yield Effect(
            aspect="kernels",
            old=_LEVELS[before],
            new=_LEVELS[after],
            sentence=_KERNELS[before, after] + gpus + (needs if after == 1 else ""),
            worse=after < before,
        )


_KERNELS = {
    (2, 0): "no kernels any more for compute capability ",
    (1, 0): "no PTX any more, and no kernels, for compute capability ",
    (2, 1): "only PTX is left for compute capability ",
    (0, 2): "kernels now also for compute capability ",
    (1, 2): "kernels, where there was only PTX, for compute capability ",
    (0, 1): "PTX now also for compute capability ",
}


def _capabilities(*contracts: Contract) -> list[str]:
    """Return the compute capabilities worth a word: those of the wheels and of the GPUs that the tables know."""
    known = {
        str(row["compute_capability"])
        for row in gpu_facts.rows("devices")
        if not all(name.startswith("Jetson") for name in row["names"])  # torch has no wheels there
    }
    own = (capability for c in contracts for capability in (*c.compute_capabilities, *c.ptx))
    return sorted({*known, *own}, key=numbers)


def _level(contract: Contract, capability: str) -> int:
    device = numbers(capability)
    if any(_serves(numbers(cubin), device) for cubin in contract.compute_capabilities):
        return 2
    return int(any(numbers(ptx) <= device for ptx in contract.ptx))


def _serves(cubin: gpu_facts.Numbers, device: gpu_facts.Numbers) -> bool:
    return cubin[:1] == device[:1] and cubin <= device


def _named(capability: str) -> str:
    """Return ``7.0 (Volta: V100, Quadro GV100, TITAN V)``, as far as the tables know it."""
    generations = (
        str(row["name"])
        for row in gpu_facts.rows("architectures")
        if capability in row["compute_capabilities"]
    )
    models = (
        ", ".join(row["names"])
        for row in gpu_facts.rows("devices")
        if row["compute_capability"] == capability
    )
    words = ": ".join([*generations, *models])
    return f"{capability} ({words})" if words else capability


def _libc(old: Contract, new: Contract) -> Iterator[Effect]:
    if old.libc == new.libc:
        return
    before, after = _glibc(old.libc), _glibc(new.libc)
    yield Effect(
        aspect="libc",
        old=before,
        new=after,
        sentence=f"needs glibc {after} or newer, before {before or 'any'}"
        if after
        else f"needs no certain glibc any more, before {before}",
        worse=(new.libc or (0, 0)) > (old.libc or (0, 0)),
    )


def _glibc(libc: tuple[int, int] | None) -> str | None:
    return f"{libc[0]}.{libc[1]}" if libc else None


def _machines(old: Contract, new: Contract) -> Iterator[Effect]:
    if not (old.machines and new.machines):
        return
    for name in sorted({*old.machines} - {*new.machines}):
        sentence = f"not every package has a wheel for {name} any more"
        yield Effect(aspect="machine", old=name, new=None, sentence=sentence, worse=True)
    for name in sorted({*new.machines} - {*old.machines}):
        sentence = f"every package now has a wheel for {name} too"
        yield Effect(aspect="machine", old=None, new=name, sentence=sentence, worse=False)


def _conflicts(old: Contract, new: Contract) -> Iterator[Effect]:
    yield from (_conflict(None, text) for text in _only(new.conflicts, old.conflicts))
    yield from (_conflict(text, None) for text in _only(old.conflicts, new.conflicts))


def _conflict(old: str | None, new: str | None) -> Effect:
    sentence = f"no machine can run both: {new}" if new else f"solved: {old}"
    return Effect(aspect="conflict", old=old, new=new, sentence=sentence, worse=new is not None)


def _only(these: Iterable[str], others: tuple[str, ...]) -> Iterator[str]:
    return (text for text in these if text not in others)
