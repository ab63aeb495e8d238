"""The verdict: can this machine run that lock? Pure: a contract and a record, without a GPU, engine or network."""

from envctl.domain.contract import Contract
from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Gpu, Record
from envctl.domain.verdict.driver import distinct, dropped, judge_driver
from envctl.domain.verdict.kernels import judge_kernels
from envctl.domain.verdict.words import (
    BADNESS,
    Aspect,
    Verdict,
    VerdictCode,
    VerdictKind,
    worst,
)

__all__ = ["BADNESS", "Aspect", "Verdict", "VerdictCode", "VerdictKind", "judge", "worst"]


def judge(
    contract: Contract, record: Record, *, required: bool = False, count: int | None = None
) -> tuple[Verdict, ...]:
    """Judge each aspect on which the contract says something.

    ``required`` and ``count`` are the manifest's word about GPUs: a lock with CUDA packages also runs on a CPU.
    """
    found: list[Verdict] = []
    if contract.accelerator == "cuda":
        gpus = record.usable_gpus
        found.append(_presence(record, gpus, required=required, count=count))
        if gpus:
            models = distinct(gpus)
            driver = judge_driver(contract, record, models)
            found += [driver.verdict, *dropped(record, models)]
            found += [judge_kernels(contract, gpu, compiles=driver.compiles) for gpu in models]
    if contract.libc and (libc := _libc(contract.libc, record)):
        found.append(libc)
    return tuple(found)


def _presence(
    record: Record, gpus: tuple[Gpu, ...], *, required: bool, count: int | None
) -> Verdict:
    wanted = (count or 1) if required else 0
    actual = _gpus(len(gpus))
    if len(gpus) >= max(wanted, 1):
        return Verdict(aspect="gpu", kind="pass", code="ok", reason=actual, actual=actual)
    why = record.gpu_problem or _without(record, actual)
    if wanted:
        expected = _gpus(wanted)
        return Verdict(
            aspect="gpu",
            kind="fail",
            code="gpu-missing",
            reason=f"the project needs {expected}: {why}",
            expected=expected,
            actual=actual,
        )
    idle = record.unanswering and bool(record.nvidia_gpus)
    return Verdict(
        aspect="gpu",
        kind="pass-limited" if idle else "pass",
        code="gpu-unused" if idle else "ok",
        reason=f"runs on the CPU: {why}",
        actual=actual,
    )


def _gpus(number: int) -> str:
    return f"{number} GPU{'' if number == 1 else 's'}"


def _without(record: Record, actual: str) -> str:
    others = {gpu.vendor for gpu in record.gpus} - {"nvidia"}
    if others:
        names = {"amd": "AMD", "intel": "Intel"}
        return f"the GPUs are {' and '.join(sorted(names.get(each, each) for each in others))}'s"
    if record.driver is None:
        return "no driver"
    return f"there {'is' if actual.startswith('1 ') else 'are'} {actual}"


def _libc(floor: tuple[int, int], record: Record) -> Verdict | None:
    name, _, version = (record.libc or "").partition(" ")
    if name != "glibc" or not numbers(version):
        return None  # musl takes other wheels (PEP 656); macOS and Windows have no floor
    expected = f"glibc {floor[0]}.{floor[1]}"
    fine = numbers(version)[:2] >= floor
    return Verdict(
        aspect="libc",
        kind="pass" if fine else "fail",
        code="ok" if fine else "libc-too-old",
        reason=f"{record.libc} {'is enough' if fine else 'is too old'}: the wheels need {expected}",
        expected=expected,
        actual=record.libc,
    )
