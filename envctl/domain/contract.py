"""The contract: what a lock needs of a machine, derived from the lock alone and without a GPU."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from envctl.domain import gpu_facts, reading, wheel_tags
from envctl.errors import LockError, ManifestError

Accelerator = Literal["cpu", "cuda"]
LockedPackage = wheel_tags.LockedPackage

_CU_TAG = re.compile(r"(?:^|[a-z0-9.])cu(\d{1,2})(\d)(?:\.|$)")
_CUDA_TAG = re.compile(r"cuda(\d{2})(?:\.|$)")
_RUNTIME = re.compile(r"nvidia-cuda-runtime(?:-cu\d+)?|cuda-toolkit")
_JAX = re.compile(r"jax-cuda(\d{2})-plugin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """What a machine must offer. Empty and ``None`` mean that the lock does not tell.

    ``cuda`` is a minor (``12.8``) or, where the lock only says that much, a major (``12``). ``driver_limited`` is
    the floor of minor-version compatibility, ``driver_full`` the driver that speaks that CUDA itself.
    ``conflicts`` has a sentence for each thing that no machine can satisfy.
    """

    accelerator: Accelerator = "cpu"
    cuda: str | None = None
    driver_limited: str | None = None
    driver_full: str | None = None
    compute_capabilities: tuple[str, ...] = ()
    ptx: tuple[str, ...] = ()
    libc: tuple[int, int] | None = None
    machines: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    def to_table(self) -> dict[str, Any]:
        """Return the table ``[tool.envctl.contract]``: TOML's types only, nothing empty."""
        table: dict[str, Any] = {"accelerator": self.accelerator}
        for key in _TEXTS:
            if value := getattr(self, key):
                table[key.replace("_", "-")] = value
        if self.libc:
            table["libc"] = f"{self.libc[0]}.{self.libc[1]}"
        for key in _LISTS:
            if values := getattr(self, key):
                table[key.replace("_", "-")] = list(values)
        return table


_TEXTS = ("cuda", "driver_limited", "driver_full")
_LISTS = ("compute_capabilities", "ptx", "machines", "sources", "conflicts")


def from_table(table: Mapping[str, Any], where: str = "tool.envctl.contract") -> Contract:
    """Read ``[tool.envctl.contract]`` back; raises ``LockError`` with the key that is wrong."""
    try:
        return _contract(table, where)
    except ManifestError as error:
        raise LockError(error.message, where=error.where, hint="run `envctl lock`") from error


def _contract(table: reading.Table, where: str) -> Contract:
    accelerator = reading.text(table, "accelerator", where, choices=("cpu", "cuda"))
    libc = gpu_facts.numbers(_version(table, "libc", where) or "")
    if len(libc) not in (0, 2):
        raise ManifestError("a libc version has two numbers", where=f"{where}.libc")
    return Contract(
        accelerator=cast("Accelerator", accelerator or "cpu"),
        cuda=_version(table, "cuda", where),
        driver_limited=_version(table, "driver-limited", where),
        driver_full=_version(table, "driver-full", where),
        compute_capabilities=reading.texts(table, "compute-capabilities", where),
        ptx=reading.texts(table, "ptx", where),
        libc=(libc[0], libc[1]) if libc else None,
        machines=reading.texts(table, "machines", where),
        sources=reading.texts(table, "sources", where),
        conflicts=reading.texts(table, "conflicts", where),
    )


def _version(table: reading.Table, key: str, where: str) -> str | None:
    text = reading.text(table, key, where)
    if text is not None and not gpu_facts.numbers(text):
        raise ManifestError(f"`{text}` is not a version", where=reading.join(where, key))
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class _Evidence:
    """One package's word about CUDA; the lowest ``rank`` is believed, all are compared."""

    rank: int
    cuda: str
    package: str
    by: str

    @property
    def sentence(self) -> str:
        return f"CUDA {self.cuda}: {self.package} ({self.by})"


def derive(packages: Iterable[LockedPackage], *, machine: str = "x86_64") -> Contract:
    """Derive the contract of a lock.

    The first rule that answers decides: a ``+cuXYZ`` tag, the pinned CUDA runtime, ``cuda-toolkit``, a jax plug-in,
    and last the table of what torch's untagged wheel is built with. Kernels and the libc floor are those of the
    wheels for ``machine``, or of the only machine that the lock has wheels for.
    """
    locked = sorted(packages)
    machines = wheel_tags.machines(locked)
    if machines and machine not in machines:
        machine = machines[0]
    libc, libc_source = wheel_tags.libc_floor(locked, machine)
    sources = (libc_source,) if libc_source else ()
    evidence = sorted(_evidence(locked), key=lambda e: (e.rank, e.package))
    if not evidence:
        return Contract(libc=libc, machines=machines, sources=_unknown_torch(locked) + sources)
    cuda = evidence[0].cuda
    kernels = _kernels(locked, cuda, machine)
    return Contract(
        accelerator="cuda",
        cuda=cuda,
        driver_limited=gpu_facts.driver_floor(cuda),
        driver_full=gpu_facts.driver_full(cuda),
        compute_capabilities=kernels[0],
        ptx=kernels[1],
        libc=libc,
        machines=machines,
        sources=(evidence[0].sentence, *kernels[2], *sources),
        conflicts=_conflicts(evidence),
    )


def _evidence(locked: Iterable[LockedPackage]) -> Iterable[_Evidence]:
    for name, version, wheels in locked:
        public, _, local = version.partition("+")
        package = f"{name} {version}"
        if tag := _CU_TAG.search(local):
            yield _Evidence(rank=1, cuda=f"{tag[1]}.{tag[2]}", package=package, by="its local tag")
        elif tag := _CUDA_TAG.search(local):
            yield _Evidence(rank=5, cuda=tag[1], package=package, by="its local tag")
        elif _RUNTIME.fullmatch(name):
            rank = 2 if "-cu" in name.removeprefix("nvidia-cuda") else 3
            minor = ".".join(version.split(".")[:2])
            yield _Evidence(rank=rank, cuda=minor, package=package, by="its version")
        elif jax := _JAX.fullmatch(name):
            yield _Evidence(rank=5, cuda=jax[1], package=package, by="its name")
        elif (
            name == "torch"
            and not local
            and wheel_tags.for_linux(wheels, "x86_64")
            and (default := gpu_facts.torch_default(public))
        ):
            by = f"its untagged wheel, as of {gpu_facts.date()}"
            yield _Evidence(rank=6, cuda=default, package=package, by=by)


def _conflicts(evidence: list[_Evidence]) -> tuple[str, ...]:
    """Two CUDA majors cannot share one process: say which packages bring which."""
    by_major: dict[str, str] = {}
    for each in evidence:
        by_major.setdefault(each.cuda.split(".")[0], each.package)
    if len(by_major) < 2:
        return ()
    pairs = [f"CUDA {major} ({by_major[major]})" for major in sorted(by_major, key=int)]
    return (f"{' and '.join(pairs)} in one lock",)


def _kernels(
    locked: Iterable[LockedPackage], cuda: str, machine: str
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the cubins' and the PTX's capabilities, and from where that is known."""
    for name, version, wheels in locked:
        if name == "torch" and wheel_tags.for_linux(wheels, machine):
            public, _, local = version.partition("+")
            if local == "cpu":
                continue
            found = gpu_facts.torch_kernels(public, cuda, machine)
            what = f"torch {version} for CUDA {cuda} on {machine}, as of {gpu_facts.date()}"
            if found is None:
                return (), (), (f"kernels: not known for {what}",)
            return *found, (f"kernels: {what}",)
    return (), (), ()


def _unknown_torch(locked: Iterable[LockedPackage]) -> tuple[str, ...]:
    return tuple(
        f"CUDA: not known for torch {version} (tables as of {gpu_facts.date()})"
        for name, version, wheels in locked
        if name == "torch" and "+" not in version and wheel_tags.for_linux(wheels, "x86_64")
    )
