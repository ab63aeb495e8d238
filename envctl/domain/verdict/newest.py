"""Which builds of torch could be locked: the newest that runs on every machine of several."""

from collections.abc import Iterable
from dataclasses import dataclass

from envctl.domain.contract import Contract, build
from envctl.domain.gpu import builds as gpu_builds
from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Record
from envctl.domain.verdict import BADNESS, judge, worst

GOOD = BADNESS.index("pass-limited")
"""From this grade on something runs without more being done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """One build of torch, and what it needs: ``2.14``, ``cu126``."""

    torch: str
    build: str
    contract: Contract


def newest_for(
    records: Iterable[Record],
    *,
    machine: str = "x86_64",
    python: str | None = None,
    required: bool = False,
    count: int | None = None,
) -> Build | None:
    """Return the newest build of torch in the tables that runs on every machine, if only with limits.

    Of several builds of that torch, the one that runs best where it runs worst, then the newest CUDA. Each machine
    is judged with the kernels for its own architecture; ``machine`` is what the returned contract is for. ``python``
    as for ``remedy``; ``required`` and ``count`` as for ``judge``.
    """
    fleet = tuple(records)
    best: tuple[int, Build] | None = None
    for torch, tag in gpu_builds.torch_builds():
        if best is not None and best[1].torch != torch:
            break
        contract = build(torch, tag, machine)
        if contract is None or not for_python(torch, python):
            continue
        each = (_on(r, torch, tag, required=required, count=count) for r in fleet)
        badness = max(each, default=0)
        if badness <= GOOD and (best is None or badness < best[0]):
            best = badness, Build(torch=torch, build=tag, contract=contract)
    return best[1] if best else None


def for_python(torch: str, python: str | None) -> bool:
    """Whether a torch minor has wheels for a Python; where nothing is said, the resolver finds out."""
    if python is None:
        return True
    first, last = gpu_builds.torch_pythons(torch)
    wanted = numbers(python)[:2]
    return numbers(first) <= wanted and (last is None or wanted <= numbers(last))


def _on(record: Record, torch: str, tag: str, *, required: bool, count: int | None) -> int:
    contract = build(torch, tag, record.architecture)
    if contract is None:
        # No such build for that architecture: what has no GPU to be used does not miss it.
        return BADNESS.index("fail") if record.usable_gpus or required else 0
    return BADNESS.index(worst(judge(contract, record, required=required, count=count)))
