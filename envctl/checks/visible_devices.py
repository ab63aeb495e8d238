"""Does a declared ``CUDA_VISIBLE_DEVICES`` mean on every recorded machine what it says?

Warnings, but for a list that is wrong everywhere: a machine's own ``.envctl/local.toml`` may name its devices, and
is not committed. Machines without an NVIDIA GPU, and those of a scheduler, which gives devices itself, are passed over.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from envctl.domain.devices.sentences import sentence, summary
from envctl.domain.devices.visible import Reading, read
from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.record import Gpu, Record

_VALUE, _ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"
_MANY = tuple(Gpu(index=index, name="GPU", uuid=f"GPU-{index}") for index in range(1024))
"""More devices than any machine has: what is wrong here is wrong everywhere."""
_SOME = 3
_OWN = "name the devices of that machine in its .envctl/local.toml, or correct the list"


def check(declared: Iterable[Mapping[str, str]], records: Sequence[Record]) -> Iterator[Finding]:
    """Yield what a declared list loses; ``declared``: the variables of the project, or of each of its profiles."""
    lists = dict.fromkeys((env[_VALUE], env.get(_ORDER)) for env in declared if _VALUE in env)
    for value, order in lists:
        anywhere = read(value, _MANY, order=order)
        yield from _odd(anywhere)
        everywhere = list(_everywhere(anywhere))
        yield from everywhere
        if not everywhere:
            readings = {
                record.name or "this machine": read(value, record.gpus, order=order)
                for record in records
                if record.nvidia_gpus and record.scheduler is None
            }
            yield from _foreign(readings)
            for name, reading in readings.items():
                yield from _here(reading, name)


def _everywhere(reading: Reading) -> Iterator[Finding]:
    """Say what no machine can make good."""
    if reading.repeats:
        yield _repeated(reading, _VALUE, "")
    end = reading.cut_by
    if end and end.malformed and not reading.ends_as_meant:
        left = "; what follows is not read" if reading.tokens[-1] is not end else ""
        yield _finding(
            "devices-cut",
            _VALUE,
            f"{_VALUE} `{reading.value}`: `{end.word.text}` {sentence(reading, end)}{left}",
            advice="correct the list in [tool.envctl.env]",
        )


def _odd(reading: Reading) -> Iterator[Finding]:
    """Say which words CUDA reads as something else than is written there, and takes."""
    for token in reading.tokens:
        if token is reading.cut_by:
            return
        if not token.word.rest:
            continue
        apart = re.split(r"[^0-9]+", token.word.id)
        several = len(apart) > 1 and all(apart)
        yield _finding(
            "devices-odd",
            _VALUE,
            f"{_VALUE} `{reading.value}`: `{token.word.text}` is read as {token.word.number}, "
            "the rest is ignored",
            advice=f"write `{','.join(apart)}`, if that is meant"
            if several
            else "correct the list in [tool.envctl.env]",
        )


def _foreign(readings: Mapping[str, Reading]) -> Iterator[Finding]:
    """Say which UUIDs are some machines' only; that is so with every UUID, and said once for each."""
    lost: dict[str, list[str]] = {}
    for name, reading in readings.items():
        if (end := reading.cut_by) and end.foreign:
            lost.setdefault(end.word.id, []).append(name)
    for uuid, names in lost.items():
        owners = [
            name for name, reading in readings.items() if read(uuid, reading.order.gpus).devices
        ]
        where = f"on {_listed(names)} it ends the list"
        yield _finding(
            "devices-elsewhere" if owners else "devices-cut",
            _VALUE,
            f"{_VALUE}: `{uuid}` is a device of {_listed(owners)}: {where}"
            if owners
            else f"{_VALUE}: `{uuid}` is no recorded machine's: {where}",
            advice="a UUID is one machine's: write it into the .envctl/local.toml there",
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SOME} more" if len(names) > _SOME else ""
    return ", ".join(names[:_SOME]) + more


def _here(reading: Reading, name: str) -> Iterator[Finding]:
    if reading.repeats:
        yield _repeated(reading, name, f" on {name}")
    end = reading.cut_by
    if end and not end.foreign and not reading.ends_as_meant:
        said = f"`{end.word.text}` {sentence(reading, end)}; {summary(reading)}"
        yield _finding("devices-cut", name, f"{_VALUE} on {name}: {said}", advice=_OWN)
    if reading.dropped and not reading.repeats:
        token = next(each for each in reading.tokens if each.target in reading.dropped)
        said = f"`{token.word.text}` {sentence(reading, token)}; {summary(reading)}"
        yield _finding("devices-hidden", name, f"{_VALUE} on {name}: {said}", advice=_OWN)
    if _order_matters(reading):
        yield _finding(
            "devices-order",
            name,
            f"{_VALUE} `{reading.value}` counts the GPUs of {name}, which are of several models: "
            "without CUDA_DEVICE_ORDER=PCI_BUS_ID, CUDA counts the fastest first",
            advice=f'declare {_ORDER} = "PCI_BUS_ID" in [tool.envctl.env], or name devices by UUIDs',
        )


def _order_matters(reading: Reading) -> bool:
    if not (reading.counts and reading.tokens and reading.order.name == "FASTEST_FIRST"):
        return False
    counted = any(token.why == "named" for token in reading.tokens)
    other = read(reading.value, reading.order.gpus, order="PCI_BUS_ID")
    return counted and (not reading.order.certain or other.devices != reading.devices)


def _repeated(reading: Reading, subject: str, where: str) -> Finding:
    twice = next(token for token in reading.tokens if token.why == "repeated")
    found = _finding(
        "devices-repeated",
        subject,
        f"{_VALUE} `{reading.value}`: `{twice.word.text}` names a device a second time, "
        f"which hides every device{where}",
        advice="name each device once",
    )
    return replace(found, severity="error")


def _finding(
    code: Code, subject: str, message: str, *, advice: str, severity: Severity = "warning"
) -> Finding:
    return Finding(
        code=code, layer="fleet", severity=severity, subject=subject, message=message, advice=advice
    )
