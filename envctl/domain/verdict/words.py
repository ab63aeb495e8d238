"""The nouns of a verdict; ``verdict`` judges."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

VerdictKind = Literal["pass", "pass-limited", "pass-forward", "fail"]
VerdictCode = Literal[
    "ok",
    "driver-too-old",
    "driver-too-new",
    "driver-limited",
    "driver-forward",
    "no-kernel-for-gpu",
    "kernels-unknown",
    "gpu-missing",
    "gpu-unused",
    "libc-too-old",
]
Aspect = Literal["gpu", "driver", "kernels", "libc"]
BADNESS: tuple[VerdictKind, ...] = ("pass", "pass-limited", "pass-forward", "fail")
"""The kinds, the best first."""


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


def worst(verdicts: Iterable[Verdict]) -> VerdictKind:
    """Return the verdict on the whole: the worst of all aspects."""
    return max((verdict.kind for verdict in verdicts), key=BADNESS.index, default="pass")
