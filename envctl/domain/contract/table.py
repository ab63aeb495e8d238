"""The contract as a noun, and as the table that a lock carries; ``contract`` derives it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from envctl.domain import reading
from envctl.domain.gpu import facts as gpu_facts
from envctl.errors import LockError, ManifestError

Accelerator = Literal["cpu", "cuda"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contract:
    """What a machine must offer. Empty and ``None`` mean that the lock does not tell.

    ``cuda`` is a minor (``12.8``) or, where the lock only says that much, a major (``12``). ``driver_limited`` is
    the floor of minor-version compatibility, ``driver_full`` the driver that speaks that CUDA itself. ``cudnn`` and
    ``nccl`` are the versions that the lock brings or its packages are built with. ``conflicts`` has a sentence for
    each thing that no machine can satisfy, ``assumed`` one for each thing that the tables do not know and that was
    taken from their newest row. ``unknown_kernels``: the packages (``torch 2.6.0+cu124``) that are known to hold
    kernels of their own, and not for which cards. ``tables``: their date.
    """

    accelerator: Accelerator = "cpu"
    cuda: str | None = None
    driver_limited: str | None = None
    driver_full: str | None = None
    compute_capabilities: tuple[str, ...] = ()
    ptx: tuple[str, ...] = ()
    unknown_kernels: tuple[str, ...] = ()
    cudnn: str | None = None
    nccl: str | None = None
    libc: tuple[int, int] | None = None
    machines: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    tables: str | None = None

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


_TEXTS = ("cuda", "driver_limited", "driver_full", "cudnn", "nccl", "tables")
_LISTS = (
    *("compute_capabilities", "ptx", "unknown_kernels"),
    *("machines", "sources", "conflicts", "assumed"),
)


def from_table(table: Mapping[str, Any], where: str = "tool.envctl.contract") -> Contract:
    """Read ``[tool.envctl.contract]`` back, an older envctl's too; raises ``LockError`` with the key that is wrong."""
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
        unknown_kernels=reading.texts(table, "unknown-kernels", where),
        cudnn=_version(table, "cudnn", where),
        nccl=_version(table, "nccl", where),
        libc=(libc[0], libc[1]) if libc else None,
        machines=reading.texts(table, "machines", where),
        sources=reading.texts(table, "sources", where),
        conflicts=reading.texts(table, "conflicts", where),
        assumed=reading.texts(table, "assumed", where),
        tables=reading.text(table, "tables", where),
    )


def _version(table: reading.Table, key: str, where: str) -> str | None:
    text = reading.text(table, key, where)
    if text is not None and not gpu_facts.numbers(text):
        raise ManifestError(f"`{text}` is not a version", where=reading.join(where, key))
    return text
