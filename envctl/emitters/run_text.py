"""A run's description as text for people: 80 columns, no colours."""

import textwrap
from collections.abc import Iterator

from envctl.domain.runs.description import Device, RunDescription
from envctl.emitters.printable import printable

_WIDTH = 80
_LABEL = 14
_SHORT = len("sha256:") + 16


def emit(run: RunDescription) -> str:
    """Lay out a description: facts, then the GPUs, then the variables."""
    lines = [line for label, value in _facts(run) for line in _row(label, value)]
    lines += [line for gpu in run.gpus or () for line in _row("gpu", _gpu(gpu))]
    if run.variables:
        lines += ["", f"{'variable':<34}{'class':<13}value"]
        for each in run.variables:
            value = "(not told)" if each.value is None else printable(each.value)
            lines.append(f"{printable(each.name):<33} {each.kind:<12} {value}")
    return "\n".join(lines) + "\n"


def _facts(run: RunDescription) -> Iterator[tuple[str, str | None]]:
    environment, machine = run.environment, run.machine
    yield "time", run.time
    yield "commit", _commit(run)
    yield "lock", f"{run.lock.name} {_short(run.lock.digest)}" if run.lock else "none"
    yield "slice", _short(environment.slice)
    yield "fingerprint", _short(environment.fingerprint)
    yield "profile", environment.profile
    yield "groups", ", ".join(environment.groups) or None
    yield "extras", ", ".join(environment.extras) or None
    yield "packages", str(len(environment.packages)) if environment.slice else None
    yield "python", environment.python
    yield "cuda", environment.cuda
    yield "machine", " ".join(filter(None, (machine.name, machine.id))) or None
    yield "os", machine.os
    yield "kernel", machine.kernel
    yield "libc", machine.libc
    yield "architecture", machine.architecture
    yield "cpu", machine.cpu
    yield "driver", run.driver or "none"
    if not run.gpus:
        yield "gpu", "none" if run.gpus is not None else "not known"
    yield "envctl", run.envctl


def _short(digest: str | None) -> str | None:
    """Return the beginning of a digest, for people: JSON has it whole."""
    return digest and (digest if len(digest) <= _SHORT else f"{digest[:_SHORT]}...")


def _commit(run: RunDescription) -> str:
    if run.commit is None:
        return "none"
    return f"{run.commit}{' and uncommitted changes' if run.dirty else ''}"


def _gpu(gpu: Device) -> str:
    memory = f"{gpu.memory_bytes / 1024**3:.1f} GiB" if gpu.memory_bytes else None
    capability = f"compute {gpu.compute_capability}" if gpu.compute_capability else None
    mig = "MIG on" if gpu.mig else None
    return ", ".join(filter(None, (gpu.name, gpu.uuid, gpu.pci_bus_id, memory, capability, mig)))


def _row(label: str, value: str | None) -> list[str]:
    if value is None:
        return []
    return textwrap.wrap(
        printable(value),
        _WIDTH,
        initial_indent=label.ljust(_LABEL),
        subsequent_indent=" " * _LABEL,
        break_on_hyphens=False,
        break_long_words=False,
    )
