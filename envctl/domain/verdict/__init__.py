"""The verdict: can this machine run that lock? Pure: a contract and a record, without a GPU, engine or network."""

from envctl.domain.contract import Contract
from envctl.domain.gpu.facts import numbers
from envctl.domain.record import Gpu, Record
from envctl.domain.verdict.driver import dropped, judge_driver
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
        gpus = record.nvidia_gpus
        found.append(_presence(record, gpus, required=required, count=count))
        if gpus and record.driver is not None:
            distinct = _distinct(gpus)
            driver = judge_driver(contract, record, distinct)
            found += [driver.verdict, *dropped(record, distinct)]
            if contract.compute_capabilities or contract.ptx:
                found += [_kernels(contract, gpu, compiles=driver.compiles) for gpu in distinct]
    if contract.libc and (libc := _libc(contract.libc, record)):
        found.append(libc)
    return tuple(found)


def _presence(
    record: Record, gpus: tuple[Gpu, ...], *, required: bool, count: int | None
) -> Verdict:
    wanted = (count or 1) if required else 0
    usable = len(gpus) if record.driver is not None else 0
    actual = f"{usable} GPU{'' if usable == 1 else 's'}"
    if usable >= max(wanted, 1):
        return Verdict(aspect="gpu", kind="pass", code="ok", reason=actual, actual=actual)
    why = record.gpu_problem or _without(record, actual)
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


def _without(record: Record, actual: str) -> str:
    others = {gpu.vendor for gpu in record.gpus} - {"nvidia"}
    if others:
        names = {"amd": "AMD", "intel": "Intel"}
        return f"the GPUs are {' and '.join(sorted(names.get(each, each) for each in others))}'s"
    if record.driver is None:
        return "no driver"
    return f"there {'is' if actual.startswith('1 ') else 'are'} {actual}"


_KERNEL_CODES: dict[VerdictKind, VerdictCode] = {
    "pass": "ok",
    "pass-forward": "driver-forward",
    "fail": "no-kernel-for-gpu",
}


def _kernels(contract: Contract, gpu: Gpu, *, compiles: VerdictKind | None) -> Verdict:
    """Judge one GPU model: a cubin runs on its own major and an equal or higher minor; PTX needs a full driver."""
    built = " ".join(contract.compute_capabilities + tuple(f"{p}+PTX" for p in contract.ptx))

    def say(kind: VerdictKind, reason: str) -> Verdict:
        return Verdict(
            aspect="kernels",
            kind=kind,
            code=_KERNEL_CODES[kind],
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
        if compiles:
            return say(compiles, f"kernels for {who} are compiled at run time from PTX")
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
