"""``envctl gpus`` as text for people: 80 columns as far as names allow, no colours."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from envctl.domain.devices import GpuProcess, GpuUse, Usage
from envctl.domain.devices.lease import Lease, Waiter, holder
from envctl.domain.devices.sentences import doubts, named, notes, sentence, summary
from envctl.domain.devices.units import units
from envctl.domain.devices.visible import Reading, Target
from envctl.emitters.printable import printable

_WIDTH = 80
_INDENT = 5
_NAME = 27
_LONG = 16


def table(
    usage: Usage,
    reading: Reading,
    held: Mapping[str, Lease] | None,
    waiting: Iterable[Waiter] = (),
) -> str:
    """Lay out the devices, each with its processes; ``held`` is ``None`` where the leases are not known."""
    lines = [line for each in usage.problems for line in _wrapped(f"problem: {each}")]
    if not usage.gpus:
        driver = f"the driver is {usage.driver}" if usage.driver else "there is no driver"
        said = "no GPU can be seen" if usage.problem else f"no GPU: {driver}"
        return "\n".join([*lines, said]) + "\n"
    lines.append(_row("gpu", "model", "memory", "load", "mig", "visible", "lease"))
    for use in usage.gpus:
        lines += _device(use, reading, held)
    if queue := [line for each in waiting for line in _wrapped(_waits(usage, each), "", "  ")]:
        lines += ["", *queue]
    value = "" if reading.value is None else f"={reading.value}"
    lines += ["", *_wrapped(f"CUDA_VISIBLE_DEVICES{value}: {summary(reading)}")]
    if (end := reading.cut_by) is not None and end.why != "negative":
        lines += _wrapped(f"`{end.word.text}` {sentence(reading, end)}")
    if list(doubts(reading, usage.driver, usage.problem)):
        lines += _wrapped("(not all of that is certain: `envctl gpus explain` says why)")
    return "\n".join(lines) + "\n"


def _waits(usage: Usage, waiter: Waiter) -> str:
    number = "1 GPU" if waiter.wanted == 1 else f"{waiter.wanted or 'some'} GPUs"
    if waiter.devices is None:
        return f"waiting: {holder(waiter)}, for {number}"
    labels = [unit.label for unit in units(usage) if unit.uuid in waiter.devices]
    named = [label.removeprefix("GPU ") for label in labels if label.startswith("GPU ")]
    parts = [label for label in labels if not label.startswith("GPU ")]
    of = ", ".join([f"GPU {', '.join(named)}"] * bool(named) + parts) or "what is not here"
    return f"waiting: {holder(waiter)}, for {number} of {of}"


def _device(use: GpuUse, reading: Reading, held: Mapping[str, Lease] | None) -> Iterator[str]:
    gpu = use.gpu
    yield _row(
        str(gpu.index),
        textwrap.shorten(printable(gpu.name), _NAME, placeholder="..."),
        _memory(use.memory_used_bytes, gpu.memory_bytes),
        f"{use.load_percent}%" if use.load_percent is not None else "-",
        {True: "on", False: "off", None: "-"}[gpu.mig],
        _ordinal(reading, Target(gpu=gpu)),
        _lease(held, gpu.uuid),
    )
    if gpu.uuid:
        yield " " * _INDENT + gpu.uuid
    yield from _holder(held, gpu.uuid)
    in_parts = {process.pid for part in use.mig for process in part.processes}
    yield from _processes(each for each in use.processes if each.pid not in in_parts)
    for part in use.mig:
        yield _row(
            "",
            f"MIG {printable(part.device.profile or '')}",
            _memory(part.memory_used_bytes, part.device.memory_bytes),
            "",
            "",
            _ordinal(reading, Target(gpu=gpu, mig=part.device)),
            _lease(held, part.device.uuid),
        )
        yield " " * _INDENT + part.device.uuid
        yield from _holder(held, part.device.uuid)
        yield from _processes(part.processes)


def _row(gpu: str, model: str, memory: str, load: str, mig: str, visible: str, lease: str) -> str:
    return (
        f"{gpu:<{_INDENT}}{model:<{_NAME}} {memory:>16} {load:>5}  {mig:<4}{visible:<8} {lease}"
    ).rstrip()


def _memory(used: int | None, total: int | None) -> str:
    if total is None and used is None:
        return "-"
    have = f"{total / 1024**3:.1f}" if total is not None else "?"
    return f"{used / 1024**3:.1f}/{have} GiB" if used is not None else f"{have} GiB"


def _ordinal(reading: Reading, target: Target) -> str:
    return f"cuda:{reading.devices.index(target)}" if target in reading.devices else "-"


def _lease(held: Mapping[str, Lease] | None, uuid: str | None) -> str:
    if held is None:
        return "?"
    lease = held.get(uuid or "")
    return printable(lease.user or "yes") if lease and not lease.problem else "-"


def _holder(held: Mapping[str, Lease] | None, uuid: str | None) -> Iterator[str]:
    lease = (held or {}).get(uuid or "")
    if lease is None:
        return
    said = lease.problem or f"leased to {holder(lease)}"
    left = "; it has ended, a process that it left running holds the device" if lease.left else ""
    yield from _wrapped(said + left, " " * _INDENT)


def _processes(processes: Iterable[GpuProcess]) -> Iterator[str]:
    for each in processes:
        memory = f"{each.memory_bytes / 1024**3:.1f} GiB" if each.memory_bytes is not None else "-"
        user = printable(each.user or "?")
        name = printable(each.name or "(not visible from here)")
        draws = ", draws a screen" if each.graphics else ""
        yield f"{'':<{_INDENT}}pid {each.pid:<9} {user:<12} {memory:>12}  {name}{draws}"


def explanation(
    reading: Reading | None, facts: Iterable[tuple[str, str]], uncertain: Iterable[str]
) -> str:
    """Lay out a reading: the facts it rests on, a sentence for each word, the devices, and what is not certain.

    ``facts``: labels with values. ``uncertain``: the doubts. ``reading`` is ``None`` where the devices are not known.
    """
    lines = [line for label, text in facts for line in _wrapped(text, label.ljust(14), " " * 14)]
    if reading is None:
        said = "which devices this machine has is not known, so neither is what the value means"
        return "\n".join([*lines, "", *_wrapped(said)]) + "\n"
    if reading.tokens:
        lines += ["", *_words(reading)]
    lines += ["", *_wrapped(summary(reading))]
    lines += [_listed(number, device) for number, device in enumerate(reading.devices)]
    if reading.devices and reading.hidden:
        hidden = ", ".join(str(gpu.index) for gpu in reading.hidden)
        lines += _wrapped(f"not visible: GPU {hidden}")
    remarks = [f"note: {note}" for note in notes(reading)]
    remarks += [f"not certain: {doubt}" for doubt in uncertain]
    for remark in remarks:
        lines += ["", *_wrapped(remark, "", "  ")]
    return "\n".join(lines) + "\n"


def _words(reading: Reading) -> Iterator[str]:
    texts = [f"  `{printable(token.word.text)}`" for token in reading.tokens]
    width = 2 + max(
        len(text) for text in texts if len(text) <= _LONG or text == min(texts, key=len)
    )
    for text, token in zip(texts, reading.tokens, strict=True):
        first = text.ljust(width)
        if len(text) >= width:
            yield text
            first = " " * width
        yield from _wrapped(sentence(reading, token), first, " " * width)


def _listed(number: int, device: Target) -> str:
    return f"  cuda:{number:<3} {printable(named(device))}  {device.uuid or ''}".rstrip()


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    """Break a sentence into lines; no word of it, a UUID say, is broken."""
    return textwrap.wrap(
        printable(text),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
