"""Does this driver run that CUDA, and does it know these cards? By NVIDIA's tables, of which three overlap.

A driver speaks the CUDA of its own release and all before it; by minor-version compatibility it runs a newer minor
of its major, without compiling PTX; by forward compatibility, with the package ``cuda-compat-X-Y``, a data-centre
card runs a newer CUDA on chosen older branches (docs.nvidia.com/deploy/cuda-compatibility).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from envctl.domain.contract import Contract
from envctl.domain.gpu import cards as gpu_cards
from envctl.domain.gpu import facts as gpu_facts
from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Gpu, Record
from envctl.domain.verdict.words import Verdict, VerdictCode, VerdictKind


@dataclass(frozen=True, kw_only=True, slots=True)
class DriverVerdict:
    """The verdict on the driver; ``compiles``: that on a card for which PTX must be compiled, ``None``: it cannot."""

    verdict: Verdict
    compiles: VerdictKind | None


def own_numbers(record: Record) -> bool:
    """Whether the driver's number is not of Linux's drivers: under WSL it is Windows', on a Jetson JetPack's."""
    kernel = record.kernel.lower()
    return "microsoft" in kernel or "tegra" in kernel


def distinct(gpus: Sequence[Gpu]) -> list[Gpu]:
    """Return one device of each model, with the compute capability that its name tells where the driver did not."""
    known = [
        replace(gpu, compute_capability=gpu.compute_capability or gpu_cards.capability_of(gpu.name))
        for gpu in gpus
    ]
    return list({(g.name, g.compute_capability): g for g in reversed(known)}.values())[::-1]


def judge_driver(contract: Contract, record: Record, gpus: Sequence[Gpu]) -> DriverVerdict:
    """Compare the driver by NVIDIA's tables; where they have no answer, by the CUDA level the driver reports."""
    driver, full, floor = record.driver or "", contract.driver_full, contract.driver_limited
    level = level_on(record)
    if level and contract.cuda and (full is None or own_numbers(record)):
        return _by_level(contract.cuda, level, driver)
    if own_numbers(record):
        reason = f"which CUDA driver {driver} of this machine speaks is not known"
        return _said("fail", "driver-too-old", reason, f"a driver for CUDA {contract.cuda}", driver)
    forward = _forward(contract, record, gpus)
    if full and numbers(driver) >= numbers(full):
        reason = f"driver {driver} speaks CUDA {contract.cuda} itself"
        return _said("pass", "ok", reason, full, driver)
    if floor and numbers(driver) >= numbers(floor):
        reason = (
            f"driver {driver} is older than CUDA {contract.cuda} and runs it by minor-version "
            "compatibility: code compiled at run time from PTX does not work"
        )
        found = _said("pass-limited", "driver-limited", reason, full or floor, driver)
        return replace(found, compiles="pass-forward" if forward == "whole" else None)
    needed = floor or full
    if forward:
        reason = (
            f"driver {driver} is too old for CUDA {contract.cuda} and runs it by forward "
            f"compatibility, with the package {package(record.cuda_compat or '')}"
        )
        found = _said("pass-forward", "driver-forward", reason, needed, driver)
        return replace(found, compiles="pass-forward" if forward == "whole" else None)
    reason = (
        f"CUDA {contract.cuda} needs driver {needed} or newer, this is {driver}"
        f"{_why_not_forward(contract, record, gpus)}"
        if needed
        else f"nothing is known about the driver that CUDA {contract.cuda} needs"
    )
    return _said("fail", "driver-too-old", reason, needed, driver)


def level_on(record: Record) -> str | None:
    """Return the newest CUDA that a machine's driver speaks: what it says itself, under WSL else by Windows' table."""
    if record.cuda_level or "microsoft" not in record.kernel.lower():
        return record.cuda_level
    return gpu_facts.level_of(record.driver or "", "windows")


def dropped(record: Record, gpus: Sequence[Gpu]) -> Iterator[Verdict]:
    """Yield a failure for each card whose architecture this driver's branch no longer supports."""
    if record.driver is None or own_numbers(record):
        return
    branch = gpu_facts.branch(record.driver)
    for gpu in gpus:
        last = gpu_cards.last_branch(gpu.compute_capability or "")
        if last is not None and branch > last:
            which = gpu_cards.architecture(gpu.compute_capability or "")
            yield Verdict(
                aspect="driver",
                kind="fail",
                code="driver-too-new",
                reason=f"driver {record.driver} no longer supports {gpu.name} ({which}, compute "
                f"capability {gpu.compute_capability}): the last branch that does is R{last}",
                subject=gpu.name,
                expected=f"driver branch R{last} or older",
                actual=record.driver,
            )


def package(cuda: str) -> str:
    """Return the name of the compat package for a CUDA minor."""
    return f"cuda-compat-{cuda.replace('.', '-')}"


def forward_possible(contract: Contract, record: Record, gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """Return the CUDA minors whose compat package would let this machine run the contract; the closest first."""
    if record.driver is None or contract.cuda is None or own_numbers(record):
        return ()
    if record.os.id in ("darwin", "windows") or not gpus:
        return ()
    if not all(gpu_cards.data_centre(gpu.name) for gpu in gpus):
        return ()
    models = distinct(gpus)
    if any(gpu_cards.outlived(gpu.compute_capability or "", contract.cuda) for gpu in models):
        return ()
    found = gpu_facts.forward_packages(contract.cuda, record.driver)
    return tuple(each for each in found if not _drops(each, models))


def _drops(compat: str, gpus: Sequence[Gpu]) -> bool:
    """Whether a compat package, which is a newer branch's driver library, no longer knows one of the cards."""
    branch = gpu_facts.branch(gpu_facts.driver_full(compat) or "")
    lasts = (gpu_cards.last_branch(gpu.compute_capability or "") for gpu in gpus)
    return any(last is not None and branch > last for last in lasts)


def _forward(contract: Contract, record: Record, gpus: Sequence[Gpu]) -> str | None:
    """Return ``whole`` where forward compatibility gives all of that CUDA, ``part`` where only an older minor."""
    compat, cuda = record.cuda_compat, contract.cuda
    if compat is None or cuda is None:
        return None
    least = str(numbers(cuda)[0])
    if compat not in forward_possible(_asking(contract, least), record, gpus):
        return None
    return "whole" if len(numbers(cuda)) > 1 and numbers(compat) >= numbers(cuda) else "part"


def _asking(contract: Contract, cuda: str) -> Contract:
    return Contract(accelerator=contract.accelerator, cuda=cuda)


def _why_not_forward(contract: Contract, record: Record, gpus: Sequence[Gpu]) -> str:
    possible = forward_possible(contract, record, gpus)
    if record.cuda_compat is not None:
        here = package(record.cuda_compat)
        for gpu in gpus:
            if not (gpu_cards.data_centre(gpu.name) or gpu_cards.other_product(gpu.name)):
                return f", and {gpu.name} is not known to be a data-centre card, which {here} needs"
        return f", and {here} does not serve this CUDA, driver branch and card"
    if possible:
        return (
            f", and there is no {package(possible[0])} for forward compatibility "
            "(wheels and slim images bring none)"
        )
    return ""


def _by_level(cuda: str, level: str, driver: str) -> DriverVerdict:
    own, wanted = numbers(level), numbers(cuda)
    expected, actual = f"a driver for CUDA {cuda}", f"driver {driver}, CUDA {level}"
    if own >= wanted and (len(wanted) > 1 or own[0] > wanted[0]):
        reason = f"driver {driver} speaks CUDA {level}"
        return _said("pass", "ok", reason, expected, actual)
    if own[0] == wanted[0]:
        reason = (
            f"driver {driver} speaks CUDA {level}: CUDA {cuda} runs by minor-version compatibility"
        )
        return _said("pass-limited", "driver-limited", reason, expected, actual)
    reason = f"driver {driver} speaks CUDA {level}, the lock needs CUDA {cuda}"
    return _said("fail", "driver-too-old", reason, expected, actual)


def _said(
    kind: VerdictKind, code: VerdictCode, reason: str, expected: str | None, actual: str
) -> DriverVerdict:
    verdict = Verdict(
        aspect="driver", kind=kind, code=code, reason=reason, expected=expected, actual=actual
    )
    return DriverVerdict(verdict=verdict, compiles="pass" if kind == "pass" else None)
