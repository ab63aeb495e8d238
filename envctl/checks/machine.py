"""Can this machine run what is synced here?"""

from collections.abc import Iterator
from dataclasses import replace

from envctl.domain.contract import Contract
from envctl.domain.finding import Finding
from envctl.domain.manifest import GpuNeed
from envctl.domain.record import Record
from envctl.domain.verdict import Verdict, judge
from envctl.domain.verdict.remedies import remedy

_ADVICE = {
    "gpu-missing": "use a machine with a GPU, or take `required` out of [tool.envctl.gpu]",
    "libc-too-old": "use a newer operating system, or add a libc floor to tool.envctl.platforms",
}
_RUNS = {
    "driver-limited": "nothing must be done; a newer driver brings the full feature set",
    "driver-forward": "nothing must be done while that package is there",
}


def check(
    contract: Contract, record: Record, need: GpuNeed, *, torch: str | None = None
) -> Iterator[Finding]:
    """Yield each aspect of the contract that this machine does not meet, or meets with limits.

    ``torch``: the version of it that the lock has, for which other builds are looked up.
    """
    found = judge(contract, record, required=need.required, count=need.count)
    if all(verdict.kind == "pass" for verdict in found):
        return
    # The libc and the number of GPUs have their own advice: no driver changes them.
    way = remedy(replace(contract, libc=None), record, torch=torch).text
    for verdict in found:
        if verdict.kind != "pass":
            advice = _ADVICE.get(verdict.code) or way or _RUNS.get(verdict.code)
            yield _finding(verdict, advice)


def _finding(verdict: Verdict, advice: str | None) -> Finding:
    return Finding(
        code=verdict.code,
        layer="machine",
        severity="error" if verdict.kind == "fail" else "warning",
        subject=verdict.subject or verdict.aspect,
        message=verdict.reason,
        expected=verdict.expected,
        actual=verdict.actual,
        advice=advice,
    )
