"""What two runs had around them: driver, Python, system; and what explains little by itself."""

from collections.abc import Iterator

from envctl.domain.difference import Difference, Group, told
from envctl.domain.runs import devices as run_devices
from envctl.domain.runs.description import RunDescription

_FACTS: tuple[tuple[Group, str, str], ...] = (
    ("machine", "driver", "the driver compiles PTX and brings its own part of CUDA"),
    ("machine", "cuda", "CUDA's libraries choose other kernels in another release"),
    ("interpreter", "python", "another Python may run the same code otherwise"),
    ("machine", "architecture", "other processors round and vectorise otherwise"),
    (
        "machine",
        "cpu",
        "a CPU with other instructions takes other code paths, which round otherwise",
    ),
    ("machine", "os", "the system brings its own libraries"),
    ("machine", "libc", "the C library's mathematics differs between versions"),
    ("machine", "kernel", "the kernel seldom changes results, but it can change speed"),
)


def facts(a: RunDescription, b: RunDescription) -> Iterator[Difference]:
    """Yield what differs in driver, Python and system, in the order of its weight."""
    old, new = _known(a), _known(b)
    for group, name, reason in _FACTS:
        yield from told(group, name, old[name], new[name], reason)


def _known(run: RunDescription) -> dict[str, str | None]:
    machine, environment = run.machine, run.environment
    return {
        "driver": run.driver,
        "cuda": environment.cuda,
        "python": environment.python,
        "architecture": machine.architecture,
        "cpu": machine.cpu,
        "os": machine.os,
        "libc": machine.libc,
        "kernel": machine.kernel,
    }


def circumstances(a: RunDescription, b: RunDescription) -> Iterator[Difference]:
    """Yield what explains little by itself."""
    old, new = a.environment, b.environment
    same = both_synced(a, b) and old.slice == new.slice
    if a.lock and b.lock and a.lock.digest != b.lock.digest and same:
        yield Difference(
            group="packages",
            subject="lock",
            before=a.lock.digest,
            after=b.lock.digest,
            reason="the locks differ, but not in what was installed here",
        )
    yield from run_devices.cards(a, b)
    who = "another machine, in whatever is not listed here"
    yield from told("machine", "machine", _name(a, b), _name(b, a), who)
    yield from told("interpreter", "envctl", a.envctl, b.envctl, "another envctl started it")


def _name(run: RunDescription, other: RunDescription) -> str | None:
    """Return the machine's id, with its name where that tells the two apart."""
    own, name = run.machine.id, run.machine.name
    if own is None or own == other.machine.id:
        return own
    return f"{name} ({own})" if name else own


def both_synced(a: RunDescription, b: RunDescription) -> bool:
    """Whether both tell their packages: what another tool made has no stamp."""
    return a.environment.slice is not None and b.environment.slice is not None
