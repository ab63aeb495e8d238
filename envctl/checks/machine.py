"""Can this machine run what is synced here?"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from envctl.domain.contract import Contract
from envctl.domain.finding import Finding, Severity
from envctl.domain.finding.codes import Code
from envctl.domain.fleet.words import AT_THE_GPU
from envctl.domain.manifest import GpuNeed
from envctl.domain.record import Record
from envctl.domain.verdict import Verdict, judge
from envctl.domain.verdict.remedies import remedy
from envctl.domain.verdict.sentences import ANSWER

UNKNOWN = "run it there once: the tables cannot tell"
"""What to do about ``kernels-unknown``."""
_ADVICE = {
    "gpu-missing": "use a machine with a GPU, or take `required` out of [tool.envctl.gpu]",
    "libc-too-old": "use a newer operating system, or add a libc floor to tool.envctl.platforms",
    "kernels-unknown": UNKNOWN,
}
_RUNS = {
    "driver-limited": "nothing must be done; a newer driver brings the full feature set",
    "driver-forward": "nothing must be done while that package is there",
}


def check(
    contract: Contract,
    record: Record,
    need: GpuNeed,
    *,
    torch: str | None = None,
    python: str | None = None,
    other: Callable[[], str | None] = lambda: None,
) -> Iterator[Finding]:
    """Yield each aspect of the contract that this machine does not meet, or meets with limits.

    ``torch``: the version of it that the lock has, for which other builds are looked up; ``python``: the oldest minor
    that they must have wheels for; ``other``: names a profile that is locked already and runs
    here; asked only where something fails.
    """
    found = judge(contract, record, required=need.required, count=need.count)
    if all(verdict.kind == "pass" for verdict in found):
        return
    # The libc and the number of GPUs have their own advice: no driver changes them.
    way = remedy(replace(contract, libc=None), record, torch=torch, python=python).text
    failing = any(verdict.kind == "fail" and verdict.code in AT_THE_GPU for verdict in found)
    profile = other() if failing else None
    for verdict in found:
        if verdict.kind != "pass" and verdict.code != "ok":
            mends = profile if verdict.kind == "fail" and verdict.code in AT_THE_GPU else None
            yield _finding(verdict.code, verdict, _advice(verdict, record, way), mends)


def _advice(verdict: Verdict, record: Record, way: str) -> str | None:
    if record.unanswering and verdict.aspect == "gpu":
        return ANSWER
    own = _ADVICE.get(verdict.code)
    return own or way or _RUNS.get(verdict.code)


def _severity(verdict: Verdict) -> Severity:
    if verdict.kind == "fail":
        return "error"
    return "note" if verdict.code == "kernels-unknown" else "warning"


def _finding(code: Code, verdict: Verdict, advice: str | None, mends: str | None) -> Finding:
    return Finding(
        code=code,
        layer="machine",
        severity=_severity(verdict),
        subject=verdict.subject or verdict.aspect,
        message=verdict.reason,
        expected=verdict.expected,
        actual=verdict.actual,
        fix=f"envctl sync --profile {mends}" if mends else None,
        advice=None if mends else advice,
    )
