"""What a machine, an interpreter or an image is said to be, each fact with what it means where it differs."""

from collections.abc import Iterator, Mapping

from envctl.domain.difference import Difference, Group

_REASONS: Mapping[str, tuple[int, Group, str]] = {
    "gpu": (
        20,
        "machine",
        "other GPUs, or another number: other kernels and another order of sums",
    ),
    "gpu problem": (2, "machine", "a driver that does not answer: programs do without a GPU"),
    "driver": (26, "machine", "the driver compiles PTX and brings its own part of CUDA"),
    "cuda-compat": (27, "machine", "it takes the place of the driver's own part of CUDA"),
    "rocm": (28, "machine", "ROCm's libraries choose other kernels in another release"),
    "python": (30, "interpreter", "another Python may run the same code otherwise"),
    "implementation": (29, "interpreter", "another implementation of Python"),
    "requires-python": (61, "interpreter", "the lock is for other versions of Python"),
    "architecture": (31, "machine", "other processors round and vectorise otherwise"),
    "base image": (32, "files", "the system's libraries and Python come from the base image"),
    "slice": (33, "files", "made from another slice of a lock: other packages, or other files"),
    "cpu": (34, "machine", "a CPU with other instructions takes other code paths"),
    "os": (57, "machine", "the system brings its own libraries"),
    "libc": (58, "machine", "the C library's mathematics differs between versions"),
    "cores": (63, "machine", "another number of cores: speed, and the order of sums on the CPU"),
    "cpu limit": (64, "machine", "the job or container may use another share of the CPU"),
    "memory": (65, "machine", "less memory means smaller batches, swapping, or an end"),
    "memory limit": (66, "machine", "the job or container may use another share of the memory"),
    "kernel": (72, "machine", "the kernel seldom changes results, but it can change speed"),
    "container": (73, "machine", "what is seen from within a container is not the whole machine"),
    "scheduler": (74, "machine", "a scheduler decides which devices and cores a job sees"),
    "CUDA of the driver": (75, "machine", "the newest CUDA that the driver speaks itself"),
    "platforms": (76, "machine", "the lock is made for other platforms"),
    "user": (77, "machine", "another user: other rights, another home folder"),
    "entry point": (78, "machine", "the image starts otherwise"),
    "profile": (79, "packages", "another profile: another lock"),
    "envctl": (90, "interpreter", "another envctl"),
}
_NUMBERED = ("python",)


def differences(
    a: Mapping[str, str | None], b: Mapping[str, str | None]
) -> Iterator[tuple[int, Difference]]:
    """Yield what both sides tell and tell otherwise, with its weight; an empty text is "none"."""
    for name, (weight, group, reason) in _REASONS.items():
        before, after = a.get(name), b.get(name)
        if before is None or after is None or before == after:
            continue
        if name in _NUMBERED and _prefix(before, after):
            continue
        yield (
            weight,
            Difference(
                group=group,
                subject=name,
                before=before or "none",
                after=after or "none",
                reason=reason,
            ),
        )


def told(a: Mapping[str, str | None], b: Mapping[str, str | None]) -> bool:
    """Whether there is anything that both tell."""
    return any(a[name] is not None and b.get(name) is not None for name in a)


def _prefix(one: str, other: str) -> bool:
    """Whether one version only says less than the other (``3.11`` of ``3.11.7``)."""
    short, long = sorted((one.split("."), other.split(".")), key=len)
    return long[: len(short)] == short
