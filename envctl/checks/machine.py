"""Can this machine run what is synced here?"""

from collections.abc import Iterator

from envctl.domain.contract import Contract
from envctl.domain.finding import Finding
from envctl.domain.manifest import GpuNeed
from envctl.domain.record import Record
from envctl.domain.verdict import Verdict, judge

_ADVICE = {
    "driver-too-old": "install a newer driver, or lock a build for an older CUDA",
    "driver-limited": "nothing must be done; a newer driver brings the full feature set",
    "no-kernel-for-gpu": "lock a build that has kernels for this card, or use another machine",
    "gpu-missing": "use a machine with a GPU, or take `required` out of [tool.envctl.gpu]",
    "libc-too-old": "use a newer operating system, or add a libc floor to tool.envctl.platforms",
}


def check(contract: Contract, record: Record, need: GpuNeed) -> Iterator[Finding]:
    """Yield each aspect of the contract that this machine does not meet, or meets with limits."""
    for verdict in judge(contract, record, required=need.required, count=need.count):
        if verdict.kind != "pass":
            yield _finding(verdict)
    for conflict in contract.conflicts:
        yield Finding(
            code="cuda-conflict",
            layer="machine",
            severity="error",
            subject="cuda",
            message=conflict,
            advice="make all packages of the lock agree on one CUDA major version",
        )


def _finding(verdict: Verdict) -> Finding:
    return Finding(
        code=verdict.code,
        layer="machine",
        severity="error" if verdict.kind == "fail" else "warning",
        subject=verdict.subject or verdict.aspect,
        message=verdict.reason,
        expected=verdict.expected,
        actual=verdict.actual,
        advice=_ADVICE.get(verdict.code),
    )
