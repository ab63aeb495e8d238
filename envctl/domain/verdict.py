"""The verdict: can this machine run that lock? Pure: a contract and a record, without a GPU, engine or network."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from envctl.domain.contract import Contract
from envctl.domain.gpu_facts import numbers
from envctl.domain.record import Gpu, Record

VerdictKind = Literal["pass", "pass-limited", "fail"]
VerdictCode = Literal[
    "ok", "driver-too-old", "driver-limited", "no-kernel-for-gpu", "gpu-missing", "libc-too-old"
]
Aspect = Literal["gpu", "driver", "kernels", "libc"]
_BADNESS: tuple[VerdictKind, ...] = ("pass", "pass-limited", "fail")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The answer for one aspect, with its reason; ``expected`` and ``actual`` are for a finding's columns."""

    aspect: Aspect
    kind: VerdictKind
    code: VerdictCode
    reason: str
    subject: str = ""
    expected: str | None = None
    actual: str | None = None


def judge(
    contract: Contract, record: Record, *, required: bool = False, count: int | None = None
) -> tuple[Verdict, ...]:
    """Judge each aspect on which the contract says something.

    ``required`` and ``count`` are the manifest's word about GPUs: a lock with CUDA packages also runs on a CPU.
    """
    found: list[Verdict] = []
    if contract.accelerator == "cuda":
        found.append(_presence(record, required=required, count=count))
        if record.gpus and record.driver is not None:
            driver = _driver(contract, record)
            found.append(driver)
            if contract.compute_capabilities or contract.ptx:
                full = driver.kind == "pass"
                found += [_kernels(contract, gpu, full=full) for gpu in _distinct(record.gpus)]
    if contract.libc and (libc := _libc(contract.libc, record)):
        found.append(libc)
    return tuple(found)


def worst(verdicts: Iterable[Verdict]) -> VerdictKind:
    """Return the verdict on the whole: the worst of all aspects."""
    return max((verdict.kind for verdict in verdicts), key=_BADNESS.index, default="pass")


def _presence(record: Record, *, required: bool, count: int | None) -> Verdict:
    wanted = (count or 1) if required else 0
    usable = len(record.gpus) if record.driver is not None else 0
    actual = f"{usable} GPU{'' if usable == 1 else 's'}"
    if usable >= max(wanted, 1):
        return Verdict(aspect="gpu", kind="pass", code="ok", reason=actual, actual=actual)
    why = record.gpu_problem or ("no driver" if record.driver is None else f"there is {actual}")
    if wanted:
        expected = f"{wanted} GPU{'' if wanted == 1 else 's'}"
        return Verdict(
            aspect="gpu",
            kind="fail",
            code="gpu-missing",
            reason=f"the project needs {expected}: {why}",
            expected=expected,
            actual=actual,
        )
    return Verdict(
        aspect="gpu", kind="pass", code="ok", reason=f"runs on the CPU: {why}", actual=actual
    )


def _driver(contract: Contract, record: Record) -> Verdict:
    """Compare the driver by NVIDIA's tables; where they have no answer, by the CUDA level the driver reports.

    Under WSL the driver is Windows' own, whose numbers are not Linux's: there the level counts as well.
    """
    driver, full, floor = record.driver or "", contract.driver_full, contract.driver_limited
    level = record.cuda_level
    if level and contract.cuda and (full is None or "microsoft" in record.kernel.lower()):
        return _by_level(contract.cuda, level, driver)
    if full and numbers(driver) >= numbers(full):
        reason = f"driver {driver} speaks CUDA {contract.cuda} itself"
        return _driver_verdict("pass", "ok", reason, full, driver)
    if floor and numbers(driver) >= numbers(floor):
        reason = (
            f"driver {driver} is older than CUDA {contract.cuda} and runs it by minor-version "
            "compatibility: code compiled at run time from PTX does not work"
        )
        return _driver_verdict("pass-limited", "driver-limited", reason, full or floor, driver)
    needed = floor or full
    reason = (
        f"CUDA {contract.cuda} needs driver {needed} or newer, this is {driver}"
        if needed
        else f"nothing is known about the driver that CUDA {contract.cuda} needs"
    )
    return _driver_verdict("fail", "driver-too-old", reason, needed, driver)


def _by_level(cuda: str, level: str, driver: str) -> Verdict:
    own, wanted = numbers(level), numbers(cuda)
    expected, actual = f"a driver for CUDA {cuda}", f"driver {driver}, CUDA {level}"
    if own >= wanted and (len(wanted) > 1 or own[0] > wanted[0]):
        reason = f"driver {driver} speaks CUDA {level}"
        return _driver_verdict("pass", "ok", reason, expected, actual)
    if own[0] == wanted[0]:
        reason = (
            f"driver {driver} speaks CUDA {level}: CUDA {cuda} runs by minor-version compatibility"
        )
        return _driver_verdict("pass-limited", "driver-limited", reason, expected, actual)
    reason = f"driver {driver} speaks CUDA {level}, the lock needs CUDA {cuda}"
    return _driver_verdict("fail", "driver-too-old", reason, expected, actual)


def _driver_verdict(
    kind: VerdictKind, code: VerdictCode, reason: str, expected: str | None, actual: str
) -> Verdict:
    return Verdict(
        aspect="driver", kind=kind, code=code, reason=reason, expected=expected, actual=actual
    )


def _kernels(contract: Contract, gpu: Gpu, *, full: bool) -> Verdict:
    """Judge one GPU model: a cubin runs on its own major and an equal or higher minor; PTX needs a full driver."""
    built = " ".join(contract.compute_capabilities + tuple(f"{p}+PTX" for p in contract.ptx))

    def say(kind: VerdictKind, reason: str) -> Verdict:
        return Verdict(
            aspect="kernels",
            kind=kind,
            code="ok" if kind == "pass" else "no-kernel-for-gpu",
            reason=reason,
            subject=gpu.name,
            expected=f"one of {built}",
            actual=gpu.compute_capability,
        )

    if gpu.compute_capability is None:
        return say("pass", f"the compute capability of {gpu.name} is not known: not judged")
    device = numbers(gpu.compute_capability)
    who = f"{gpu.name} (compute capability {gpu.compute_capability})"
    cubins = [numbers(cubin) for cubin in contract.compute_capabilities]
    if any(cubin[0] == device[0] and cubin <= device for cubin in cubins):
        return say("pass", f"there are kernels for {who}")
    if any(numbers(ptx) <= device for ptx in contract.ptx):
        if full:
            return say("pass", f"kernels for {who} are compiled at run time from PTX")
        return say(
            "fail", f"for {who} there is only PTX, which this driver cannot compile: it is too old"
        )
    return say("fail", f"no kernels for {who}: the wheels have {built}")


def _distinct(gpus: tuple[Gpu, ...]) -> list[Gpu]:
    return list({(gpu.name, gpu.compute_capability): gpu for gpu in reversed(gpus)}.values())[::-1]


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
